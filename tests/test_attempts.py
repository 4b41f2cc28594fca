"""How often and when is a step started? The sentences on limits, retries and steps that must not run twice."""

from __future__ import annotations

from typing import Any

import pytest
from plans import compiled, one_phase
from play import FAILS, RESULTS, START_MS, Play, once

from orch.model.attempt import Result
from orch.run.results import probed

# Limits


def test_no_more_than_max_in_flight_run() -> None:
    play = Play(compiled(one_phase(a={}, b={}, c={}), max_in_flight=2)).open()
    assert play.next() == ["start build.a", "start build.b"]
    play.start("build.a")
    play.start("build.b")
    assert play.next() == []
    play.end("build.a")
    assert play.next() == ["start build.c"]


def test_a_skip_takes_no_place() -> None:
    play = Play(compiled(one_phase(a={"if": "inputs.no"}, b={}), max_in_flight=1)).open()
    assert play.next() == ["skip build.a if-false", "start build.b"]


def test_a_due_retry_that_finds_no_place_waits_for_an_event_and_not_for_a_time() -> None:
    play = Play(compiled(one_phase(a={"retry": {}}, b={}), max_in_flight=1)).open()
    play.attempt("build.a", FAILS)
    play.start("build.b")
    assert play.next() == []
    play.end("build.b")
    assert play.next() == ["start build.a"]


def test_a_slow_probe_does_not_hold_up_the_retries_that_are_due_after_it() -> None:
    nodes = {"a": {"retry": {}, "effect": {"once": "k", "probe": "true"}}, "b": {"retry": {}}}
    play = Play(compiled(one_phase(**nodes))).open()
    play.attempt("build.a", FAILS)
    play.attempt("build.b", FAILS)
    assert play.next() == ["probe build.a", "start build.b"]


def test_decisions_of_one_call_are_bounded() -> None:
    phases = {"one": {"nodes": {"a": {}}}, "two": {"nodes": {f"n{i}": {} for i in range(2500)}}}
    play = Play(compiled(phases), {"one.a": FAILS}).open()
    play.attempt("one.a", FAILS)
    assert len(play.next()) == 1000
    assert play.run() == "failed"


# Retries


def test_a_failed_attempt_is_tried_again_as_often_as_the_limit_says() -> None:
    play = Play(compiled(one_phase(a={"retry": {"limit": 2}})), {"build.a": FAILS}).open()
    assert play.run() == "failed"
    assert len(play.starts) == 3


def test_only_the_reasons_listed_are_tried_again() -> None:
    phases = one_phase(a={"retry": {"on": ["timed-out"]}}, b={"retry": {"on": ["timed-out"]}})
    play = Play(compiled(phases), {"build.a": FAILS, "build.b": "timed-out"}).open()
    play.run()
    assert sorted(play.starts) == ["build.a", "build.b", "build.b"]


def test_without_retry_nothing_is_tried_again() -> None:
    play = Play(compiled(one_phase(a={})), {"build.a": FAILS}).open()
    play.run()
    assert play.starts == ["build.a"]


def test_retries_are_counted_anew_in_each_epoch_and_an_interrupted_attempt_does_not_count() -> None:
    play = Play(compiled(one_phase(a={"retry": {"limit": 1}})), {"build.a": FAILS}).open()
    play.attempt("build.a", FAILS)
    play.start("build.a")
    play.open()
    assert play.run() == "failed"
    assert len(play.starts) == 4
    assert play.state.attempt[0] == 4


def test_a_retry_waits_for_its_time_also_after_a_resume() -> None:
    play = Play(compiled(one_phase(a={"retry": {"delay_seconds": 60.0}}))).open()
    play.attempt("build.a", FAILS)
    play.now += 20_000
    assert play.next() == ["wait 40000 ms"]
    play.open()
    assert play.next() == ["wait 40000 ms"]
    play.now += 40_000
    assert play.next() == ["start build.a"]


def test_a_retry_does_not_start_before_its_gates_are_open_in_the_present_epoch() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {"retry": {}}}}}
    play = Play(compiled(phases)).open()
    play.look("one.g")
    play.attempt("one.a", FAILS)
    play.open()
    play.look("one.g", "needs-decision")
    assert play.next() == ["close waiting needs-decision"]
    play.look("one.g")
    assert play.next() == ["start one.a"]


# Steps that must not run twice


@pytest.mark.parametrize("effect", ["pure", "idempotent"])
def test_after_a_crash_a_pure_or_idempotent_step_runs_again(effect: str) -> None:
    play = Play(compiled(one_phase(a={"effect": effect}))).open()
    play.start("build.a")
    play.open()
    assert play.next() == ["start build.a"]


def test_after_a_crash_a_once_step_without_a_probe_waits_for_a_person() -> None:
    play = Play(compiled(one_phase(a=once()), {"report": {}})).open()
    play.start("build.a")
    play.open()
    assert play.next() == ["close waiting in-doubt"]
    assert play.result("build.a") == "waiting in-doubt"


def test_a_person_settles_a_doubt() -> None:
    for how, expected in (("done", "succeeded settled"), ("not-done", "succeeded ok")):
        play = Play(compiled(one_phase(a=once()))).open()
        play.start("build.a")
        play.open()
        play.settle("build.a", how, by="ada")
        assert play.run() == "succeeded"
        assert play.result("build.a") == expected


def test_after_a_crash_the_probe_of_a_once_step_is_asked() -> None:
    for answer, starts in (("done", 1), ("not-done", 2)):
        play = Play(compiled(one_phase(a=once(probe="true"))), probes={"build.a": answer}).open()
        play.start("build.a")
        play.open()
        assert play.next() == ["probe build.a"]
        assert play.run() == "succeeded"
        assert len(play.starts) == starts


def test_a_probe_that_does_not_know_leaves_the_step_in_doubt_and_is_asked_again_in_the_next_epoch() -> None:
    play = Play(compiled(one_phase(a=once(probe="true"))), probes={"build.a": "in-doubt"}).open()
    play.start("build.a")
    play.open()
    assert play.run() == "waiting"
    assert play.open().next() == ["probe build.a"]


def test_a_once_step_that_timed_out_is_failed_when_its_probe_says_not_done() -> None:
    play = Play(compiled(one_phase(a=once(probe="true"))), {"build.a": "timed-out"}).open()
    assert play.run() == "failed"
    assert (play.starts, play.result("build.a")) == (["build.a"], "failed timed-out")


def test_the_failure_of_a_once_step_is_final_without_retry() -> None:
    play = Play(compiled(one_phase(a=once())), {"build.a": FAILS}).open()
    assert play.run() == "failed"


def test_a_once_step_is_probed_before_each_further_start() -> None:
    node = {**once(probe="true"), "retry": {"limit": 2}}
    play = Play(compiled(one_phase(a=node))).open()
    play.attempt("build.a", FAILS)
    assert play.next() == ["probe build.a"]
    play.settle("build.a", "not-done")
    assert play.next() == ["start build.a"]


def test_a_once_step_that_timed_out_and_was_not_done_waits_for_its_delay_and_is_probed_again() -> None:
    node = {**once(probe="true"), "retry": {"delay_seconds": 3.0}}
    play = Play(compiled(one_phase(a=node))).open()
    play.attempt("build.a", "timed-out")
    play.settle("build.a", "not-done")
    assert play.next() == ["wait 3000 ms"]
    play.now += 3000
    assert play.next() == ["probe build.a"]
    play.settle("build.a", "not-done")
    assert play.next() == ["start build.a"]


def test_a_settled_step_does_not_start_before_its_gates_are_open() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": once(probe="true")}}}
    play = Play(compiled(phases)).open()
    play.look("one.g")
    play.start("one.a")
    play.open()
    play.look("one.g", "needs-decision")
    play.settle("one.a", "not-done")
    assert play.next() == ["observe one.g"] or play.next() == ["close waiting needs-decision"]
    play.look("one.g")
    assert play.next() == ["start one.a"]


@pytest.mark.parametrize(
    ("exit_code", "signal", "stopped", "how", "told"),
    [
        (0, None, None, "done", ""),
        (1, None, None, "not-done", ""),
        (3, None, None, "in-doubt", "exit code 3, neither 0"),
        (126, None, None, "in-doubt", "cannot be used: a program in it cannot be executed"),
        (127, None, None, "in-doubt", "cannot be used: a program in it was not found"),
        (None, 9, None, "in-doubt", "ended by signal 9"),
        (None, 15, "timeout", "in-doubt", "stopped at its time limit"),
    ],
)
def test_the_end_of_a_probe_says_done_not_done_or_why_it_is_in_doubt(
    exit_code: int | None, signal: int | None, stopped: str | None, how: str, told: str
) -> None:
    plan = compiled(one_phase(a=once(probe="true")))
    settled = probed(plan, 0, Result(exit_code, signal, stopped, None, None, 0), at=START_MS)
    assert settled.how == how
    assert told in settled.sentence
    assert bool(told) == bool(settled.sentence)


@pytest.mark.parametrize(
    ("declared", "how"),
    [({}, "done"), ({"outputs": {"n": "number"}}, "in-doubt"), ({"artifacts": {"n": "n.txt"}}, "in-doubt")],
)
def test_a_probe_does_not_settle_what_declares_outputs_that_nobody_has(declared: dict[str, Any], how: str) -> None:
    plan = compiled(one_phase(a={**once(probe="true"), **declared}, b={"needs": ["a"]}))
    play = Play(plan).open()
    play.start("build.a")
    play.open()
    play.happened(probed(plan, 0, RESULTS["ok"], at=play.now))
    assert play.run() == ("succeeded" if how == "done" else "waiting")
    if how == "in-doubt":
        assert play.result("build.a") == "waiting in-doubt"
        assert "nobody has what it declares" in play.state.sentence[0]
        play.open().settle("build.a", "not-done", "ada")
        assert 0 not in play.state.sentence
        assert play.run() == "succeeded"
        assert play.starts == ["build.a", "build.a", "build.b"]

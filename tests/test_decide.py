"""What happens next: the sentences of the semantics on phases, rules, gates, matrices, retries and ends."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from typing import Any

import pytest
from plans import compiled
from play import Play, finish_event

FAILS = "command-failed"


def played(phases: dict[str, Any], outcomes: dict[str, Any] | None = None, **more: Any) -> dict[str, str]:
    head = {key: more.pop(key) for key in ("max_in_flight", "fail_fast") if key in more}
    play = Play(compiled(phases, more.pop("final", None), **head), outcomes, **more).open()
    return {"run": play.run(), **play.results()}


def one_phase(**nodes: Any) -> dict[str, Any]:
    return {"build": {"nodes": nodes}}


# Phases


def test_nothing_is_decided_before_an_owner_opened_the_run() -> None:
    assert Play(compiled(one_phase(a={}))).next() == []


def test_phases_run_in_the_order_written() -> None:
    play = Play(compiled({"one": {"nodes": {"a": {}}}, "two": {"nodes": {"b": {}}}})).open()
    assert play.next() == ["start one.a"]
    play.attempt("one.a")
    assert play.next() == ["start two.b"]


def test_a_phase_without_needs_starts_at_once() -> None:
    play = Play(compiled({"one": {"nodes": {"a": {}}}, "two": {"needs": [], "nodes": {"b": {}}}})).open()
    assert play.next() == ["start one.a", "start two.b"]


def test_a_phase_is_entered_when_all_phases_that_it_needs_have_passed() -> None:
    phases = {
        "one": {"nodes": {"a": {}}},
        "two": {"needs": [], "nodes": {"b": {}}},
        "three": {"needs": ["one", "two"], "nodes": {"c": {}}},
    }
    play = Play(compiled(phases)).open()
    play.attempt("two.b")
    assert play.next() == ["start one.a"]
    play.attempt("one.a")
    assert play.next() == ["start three.c"]


def test_a_phase_without_nodes_passes() -> None:
    assert played({"one": {"nodes": {}}, "two": {"nodes": {"b": {}}}})["two.b"] == "succeeded ok"


def test_behind_a_failed_phase_everything_is_skipped_whatever_its_rule() -> None:
    phases = {
        "one": {"nodes": {"a": {}}},
        "two": {"gates": {"g": "approval"}, "nodes": {"b": {"trigger_rule": "all_done"}}},
        "three": {"nodes": {"c": {}}},
    }
    results = played(phases, {"one.a": FAILS})
    assert results == {
        "run": "failed",
        "one.a": "failed command-failed",
        "two.g": "skipped phase-not-reached",
        "two.b": "skipped phase-not-reached",
        "three.c": "skipped phase-not-reached",
    }


def test_a_phase_beside_a_failed_one_goes_on() -> None:
    results = played({"one": {"nodes": {"a": {}}}, "two": {"needs": [], "nodes": {"b": {}}}}, {"one.a": FAILS})
    assert results["two.b"] == "succeeded ok"


def test_a_failed_node_with_allow_failure_lets_its_phase_pass_and_the_run_succeed() -> None:
    phases = {"one": {"nodes": {"a": {"allow_failure": True}}}, "two": {"nodes": {"b": {}}}}
    results = played(phases, {"one.a": FAILS})
    assert (results["one.a"], results["two.b"], results["run"]) == (
        "failed command-failed",
        "succeeded ok",
        "succeeded",
    )


def test_a_skipped_node_lets_its_phase_pass() -> None:
    results = played({"one": {"nodes": {"a": {"if": "inputs.no"}}}, "two": {"nodes": {"b": {}}}})
    assert (results["one.a"], results["two.b"]) == ("skipped if-false", "succeeded ok")


# Gates


def test_all_gates_are_open_before_a_node_starts() -> None:
    play = Play(compiled({"one": {"gates": {"g": "approval", "h": "freshness"}, "nodes": {"a": {}}}})).open()
    assert play.next() == ["observe one.g", "observe one.h"]
    play.look("one.g")
    play.look("one.h", "stale")
    assert "start one.a" not in play.next()
    play.look("one.h")
    assert play.next() == ["start one.a"]


def test_a_gate_is_observed_when_its_phase_becomes_ready_and_not_before() -> None:
    play = Play(compiled({"one": {"nodes": {"a": {}}}, "two": {"gates": {"g": "approval"}, "nodes": {"b": {}}}})).open()
    assert play.next() == ["start one.a"]
    play.look("two.g")
    play.attempt("one.a")
    assert play.next() == ["observe two.g"]


def test_a_shut_gate_closes_the_run_as_waiting_and_finally_does_not_run() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}}
    play = Play(compiled(phases, {"report": {}}), gates={"one.g": "needs-decision"}).open()
    assert play.run() == "waiting"
    assert play.results() == {
        "one.g": "waiting needs-decision",
        "one.a": "queued None",
        "finally.report": "queued None",
    }


def test_a_rejected_gate_closes_the_run_as_waiting_with_that_reason() -> None:
    phases = {"one": {"gates": {"g": "approval", "h": "approval"}, "nodes": {"a": {}}}}
    play = Play(compiled(phases), gates={"one.g": "needs-decision", "one.h": "rejected"}).open()
    assert play.run() == "waiting"
    assert play.events[-1].reason == "rejected"


def test_a_shut_gate_is_looked_at_again_before_closing_when_something_ended_since() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}, "two": {"needs": [], "nodes": {"b": {}}}}
    play = Play(compiled(phases)).open()
    play.look("one.g", "needs-decision")
    assert play.next() == ["start two.b"]
    play.attempt("two.b")
    assert play.next() == ["observe one.g"]
    play.look("one.g", "needs-decision")
    assert play.next() == ["close waiting needs-decision"]


def test_a_gate_that_opens_on_a_beat_lets_the_phase_start() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}, "two": {"needs": [], "nodes": {"b": {}}}}
    play = Play(compiled(phases)).open()
    play.look("one.g", "needs-decision")
    play.start("two.b")
    play.look("one.g")
    assert play.next() == ["start one.a"]


def test_a_gate_stays_open_in_its_epoch() -> None:
    play = Play(compiled({"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}})).open()
    play.look("one.g")
    play.look("one.g", "needs-decision")
    assert play.next() == ["start one.a"]


def test_a_gate_with_a_false_if_is_skipped_and_bars_nothing() -> None:
    phases = {"one": {"gates": {"g": {"kind": "approval", "if": "inputs.no"}}, "nodes": {"a": {}}}}
    results = played(phases, gates={"one.g": "rejected"})
    assert (results["one.g"], results["one.a"]) == ("skipped if-false", "succeeded ok")


def test_a_false_check_fails_and_its_phase_is_not_reached() -> None:
    results = played({"one": {"gates": {"g": {"check": "inputs.no"}, "h": "approval"}, "nodes": {"a": {}}}})
    assert (results["one.g"], results["one.a"]) == ("failed check-failed", "skipped phase-not-reached")
    assert results["run"] == "failed"


def test_a_check_that_is_true_opens() -> None:
    assert played({"one": {"gates": {"g": {"check": "inputs.yes"}}, "nodes": {"a": {}}}})["one.a"] == "succeeded ok"


@pytest.mark.parametrize("gate", [{"check": "inputs.none"}, {"kind": "approval", "if": "inputs.none"}])
def test_a_gate_whose_expression_fails_is_failed(gate: dict[str, Any]) -> None:
    results = played({"one": {"gates": {"g": gate}, "nodes": {"a": {}}}})
    assert (results["one.g"], results["one.a"]) == ("failed expression-error", "skipped phase-not-reached")


def test_a_waiting_gate_of_a_phase_that_can_no_longer_be_entered_does_not_keep_the_run_waiting() -> None:
    phases = {"one": {"gates": {"g": "approval", "h": {"check": "inputs.no"}}, "nodes": {"a": {}}}}
    results = played(phases, gates={"one.g": "needs-decision"})
    assert (results["run"], results["one.g"]) == ("failed", "skipped phase-not-reached")


def test_gates_of_phases_with_open_nodes_are_looked_at_again_in_each_epoch() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {}, "b": {}}}}
    play = Play(compiled(phases)).open()
    play.look("one.g")
    play.attempt("one.a")
    play.open()
    assert play.next() == ["observe one.g"]
    play.look("one.g", "needs-decision")
    assert play.next() == ["close waiting needs-decision"]


def test_gates_of_phases_that_are_over_stay_as_they_were() -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}, "two": {"nodes": {"b": {}}}}
    play = Play(compiled(phases)).open()
    play.look("one.g")
    play.attempt("one.a")
    play.open()
    assert play.next() == ["start two.b"]


# Trigger rules

NEEDED = {
    "ok": ({}, None),
    "allowed": ({"allow_failure": True}, FAILS),
    "unselected": ({"selected": False}, None),
    "failed": ({}, FAILS),
    "behind": ({"needs": ["failed"]}, None),
    "left_out": ({"if": "inputs.no"}, None),
    "after_left_out": ({"needs": ["left_out"]}, None),
}
RULES = [
    ("all_success", "ok allowed unselected", True),
    ("all_success", "ok failed", "upstream-failed"),
    ("all_success", "ok behind", "upstream-failed"),
    ("all_success", "ok left_out", "upstream-skipped"),
    ("all_success", "left_out failed", "upstream-failed"),
    ("none_failed", "ok allowed left_out", True),
    ("none_failed", "left_out after_left_out", True),
    ("none_failed", "ok failed", "upstream-failed"),
    ("none_failed", "ok behind", "upstream-failed"),
    ("one_success", "failed behind left_out allowed", True),
    ("one_success", "failed unselected", True),
    ("one_success", "failed left_out", "upstream-failed"),
    ("one_success", "left_out after_left_out", "upstream-skipped"),
    ("none_failed_min_one_success", "ok left_out", True),
    ("none_failed_min_one_success", "ok failed", "upstream-failed"),
    ("none_failed_min_one_success", "left_out after_left_out", "upstream-skipped"),
    ("all_done", "failed behind left_out", True),
]


@pytest.mark.parametrize(("rule", "needs", "expected"), RULES)
def test_a_trigger_rule_looks_at_the_classes_of_the_needs(rule: str, needs: str, expected: str | bool) -> None:
    nodes = {name: spec for name, (spec, _) in NEEDED.items()}
    nodes["x"] = {"needs": needs.split(), "trigger_rule": rule}
    results = played(one_phase(**nodes), {f"build.{name}": how for name, (_, how) in NEEDED.items() if how})
    assert results["build.x"] == ("succeeded ok" if expected is True else f"skipped {expected}")


@pytest.mark.parametrize("rule", ["none_failed", "one_success", "none_failed_min_one_success", "all_done"])
def test_a_rule_without_needs_is_satisfied(rule: str) -> None:
    assert played(one_phase(a={"trigger_rule": rule}))["build.a"] == "succeeded ok"


@pytest.mark.parametrize("rule", ["one_success", "none_failed", "all_done", "all_success"])
def test_every_rule_waits_until_all_needs_are_over(rule: str) -> None:
    play = Play(compiled(one_phase(a={}, b={}, x={"needs": ["a", "b"], "trigger_rule": rule}))).open()
    play.start("build.b")
    play.attempt("build.a")
    assert play.next() == []
    play.end("build.b")
    assert play.next() == ["start build.x"]


def test_the_rule_comes_before_the_if() -> None:
    nodes = {"a": {}, "x": {"needs": ["a"], "if": "inputs.none"}}
    assert played(one_phase(**nodes), {"build.a": FAILS})["build.x"] == "skipped upstream-failed"


def test_an_if_that_fails_to_evaluate_fails_the_node() -> None:
    results = played(one_phase(x={"if": "inputs.none == 1"}))
    assert (results["build.x"], results["run"]) == ("failed expression-error", "failed")


def test_an_if_reads_the_status_and_outputs_of_ended_nodes() -> None:
    phases = one_phase(a={}, x={"needs": ["a"], "if": "nodes.a.outputs.n == 3 and nodes.a.status == 'succeeded'"})
    play = Play(compiled(phases)).open()
    play.attempt("build.a", outputs={"n": 3})
    assert play.next() == ["start build.x"]


def test_a_child_sees_its_matrix_values_in_its_if() -> None:
    results = played(one_phase(m={"matrix": ["p", "q"], "if": "matrix.key == 'q'"}))
    assert (results["build.m[p]"], results["build.m[q]"]) == ("skipped if-false", "succeeded ok")


def test_an_unselected_node_is_skipped_and_satisfies_needs_and_phases() -> None:
    phases = {
        "one": {"gates": {"g": {"kind": "approval", "selected": False}}, "nodes": {"a": {"selected": False}}},
        "two": {"nodes": {"b": {}}},
    }
    results = played(phases, gates={"one.g": "rejected"})
    assert results == {
        "run": "succeeded",
        "one.g": "skipped not-selected",
        "one.a": "skipped not-selected",
        "two.b": "succeeded ok",
    }


# Matrices


def group(spec: dict[str, Any], keys: list[str], **node: Any) -> dict[str, Any]:
    return one_phase(m={"matrix": keys, **spec}, x={"needs": ["m"], **node})


def test_a_node_that_needs_a_matrix_waits_for_all_its_children() -> None:
    play = Play(compiled(group({}, ["p", "q"]))).open()
    play.start("build.m[q]")
    play.attempt("build.m[p]")
    assert play.next() == []
    play.end("build.m[q]")
    assert play.next() == ["start build.x"]


@pytest.mark.parametrize(
    ("spec", "outcomes", "expected"),
    [
        ({}, {"build.m[p]": FAILS}, "skipped upstream-failed"),
        ({"if": "matrix.key == 'p'"}, {}, "succeeded ok"),
        ({"if": "matrix.key == 'p'"}, {"build.m[p]": FAILS}, "skipped upstream-failed"),
        ({"if": "inputs.no"}, {}, "skipped upstream-skipped"),
        ({"allow_failure": True}, {"build.m[p]": FAILS}, "succeeded ok"),
        ({"selected": False}, {}, "succeeded ok"),
    ],
)
def test_a_matrix_is_failed_if_a_child_is_else_succeeded_if_one_is(
    spec: dict[str, Any], outcomes: dict[str, str], expected: str
) -> None:
    assert played(group(spec, ["p", "q"]), outcomes)["build.x"] == expected


@pytest.mark.parametrize(
    ("rule", "expected"), [("all_success", "skipped upstream-skipped"), ("none_failed", "succeeded ok")]
)
def test_an_empty_matrix_counts_as_skipped(rule: str, expected: str) -> None:
    assert played(group({}, [], trigger_rule=rule))["build.x"] == expected


def test_no_more_children_than_max_parallel_are_under_way() -> None:
    play = Play(compiled(one_phase(m={"matrix": ["p", "q", "r"], "max_parallel": 2}))).open()
    assert play.next() == ["start build.m[p]", "start build.m[q]"]
    play.start("build.m[p]")
    play.start("build.m[q]")
    play.end("build.m[q]")
    assert play.next() == ["start build.m[r]"]


def test_a_child_that_waits_for_its_retry_keeps_its_place_also_after_a_resume() -> None:
    spec = {"matrix": ["p", "q"], "max_parallel": 1, "retry": {"delay_seconds": 5.0}}
    play = Play(compiled(one_phase(m=spec))).open()
    play.attempt("build.m[p]", FAILS)
    assert play.next() == ["wait 5000 ms"]
    play.open()
    assert play.next() == ["wait 5000 ms"]
    play.now += 5000
    assert play.next() == ["start build.m[p]"]


def test_a_child_in_doubt_gives_up_its_place() -> None:
    spec = {"matrix": ["p", "q"], "max_parallel": 1, "effect": {"once": "k"}}
    play = Play(compiled(one_phase(m=spec))).open()
    play.attempt("build.m[p]", "timed-out")
    assert play.next() == ["start build.m[q]"]
    play.start("build.m[q]")
    play.settle("build.m[p]", "not-done", by="ada")
    assert play.next() == []
    play.end("build.m[q]")
    assert play.next() == ["start build.m[p]"]


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


def once(**more: Any) -> dict[str, Any]:
    return {"effect": {"once": "k", **more}}


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


# The end


def test_finally_runs_when_everything_else_is_over() -> None:
    play = Play(compiled(one_phase(a={}, b={"needs": ["a"]}), {"report": {}, "clean": {}})).open()
    play.attempt("build.a", FAILS)
    assert play.next() == ["skip build.b upstream-failed"]
    play._carry_out(play.decisions()[0])
    assert play.next() == ["start finally.report", "start finally.clean"]


def test_finally_sees_the_status_of_the_run_whatever_happens_in_finally() -> None:
    final = {"a": {}, "b": {"if": "run.status == 'succeeded'"}}
    play = Play(compiled(one_phase(x={}), final, max_in_flight=1), {"finally.a": FAILS}).open()
    assert play.run() == "failed"
    assert play.result("finally.b") == "succeeded ok"


def test_finally_can_only_worsen_the_verdict() -> None:
    assert played(one_phase(a={}), {"finally.f": FAILS}, final={"f": {}})["run"] == "failed"
    assert played(one_phase(a={}), {"build.a": FAILS}, final={"f": {}})["run"] == "failed"


def test_a_closed_run_has_no_decisions() -> None:
    play = Play(compiled(one_phase(a={}))).open()
    play.run()
    assert play.next() == []


def test_a_step_in_doubt_beside_a_failed_one_keeps_the_run_waiting() -> None:
    play = Play(compiled(one_phase(a=once(), b={}), {"f": {}}), {"build.b": FAILS, "build.a": "timed-out"}).open()
    assert play.run() == "waiting"
    assert play.result("finally.f") == "queued None"


# Cancelling


def test_after_a_cancel_what_runs_is_stopped_what_began_is_cancelled_and_the_rest_is_skipped() -> None:
    nodes = {"a": {}, "b": {"retry": {"delay_seconds": 9.0}}, "c": {"needs": ["a"]}}
    phases = {"build": {"nodes": nodes}, "ship": {"gates": {"g": "approval"}, "nodes": {"d": {}}}}
    play = Play(compiled(phases, {"f": {}})).open()
    play.start("build.a")
    play.attempt("build.b", FAILS)
    play.cancel()
    assert sorted(play.next()) == [
        "conclude build.b cancelled requested",
        "skip build.c cancelled",
        "skip ship.d cancelled",
        "skip ship.g cancelled",
        "stop build.a requested",
    ]
    assert play.run() == "cancelled"
    assert play.result("build.a") == "cancelled requested"
    assert play.result("finally.f") == "succeeded ok"


def test_nothing_is_tried_again_after_a_cancel() -> None:
    play = Play(compiled(one_phase(a={"retry": {"limit": 3}}))).open()
    play.start("build.a")
    failed = finish_event(play, "build.a", final=False, status="failed", reason=FAILS)
    play.cancel()
    play.happened(failed)
    assert play.next() == ["conclude build.a cancelled requested"]


def test_a_cancelled_run_with_a_failed_node_is_failed() -> None:
    play = Play(compiled(one_phase(a={}, b={}))).open()
    play.attempt("build.a", FAILS)
    play.cancel()
    assert play.run() == "failed"


def test_a_cancel_holds_after_a_crash() -> None:
    play = Play(compiled(one_phase(a={}, b={"needs": ["a"]}))).open()
    play.start("build.a")
    play.cancel()
    play.open()
    assert play.next() == ["skip build.b cancelled", "conclude build.a cancelled requested"]


def test_a_cancelled_once_step_is_in_doubt_until_a_person_who_saw_it_cancels_again() -> None:
    play = Play(compiled(one_phase(a=once()))).open()
    play.start("build.a")
    play.cancel("first")
    assert play.run() == "waiting"
    play.open()
    assert play.next() == ["close waiting in-doubt"]
    play.cancel("second")
    assert play.run() == "cancelled"


def test_a_step_that_runs_again_after_a_retry_is_not_started_by_the_end_of_its_need_during_a_cancel() -> None:
    play = Play(compiled(one_phase(a={}, b={"needs": ["a"]})), {"build.b": FAILS}).open()
    play.run()
    play.open("build.a", "build.b")
    play.start("build.a")
    play.cancel()
    play.end("build.a")
    assert play.next() == ["conclude build.b cancelled requested"]


def test_fail_fast_stops_what_runs_and_starts_nothing_more() -> None:
    play = Play(compiled(one_phase(a={}, b={}, c={}), {"f": {}}, max_in_flight=2, fail_fast=True)).open()
    play.start("build.a")
    play.start("build.b")
    play.end("build.a", FAILS)
    assert play.next() == ["skip build.c cancelled", "stop build.b fail-fast"]
    assert play.run() == "failed"
    assert play.result("build.b") == "cancelled fail-fast"
    assert play.result("finally.f") == "succeeded ok"


def test_fail_fast_leaves_allowed_failures_alone() -> None:
    phases = one_phase(a={"allow_failure": True}, b={"needs": ["a"]})
    assert played(phases, {"build.a": FAILS}, fail_fast=True)["build.b"] == "succeeded ok"


def test_fail_fast_does_not_answer_to_a_failure_of_an_earlier_epoch() -> None:
    phases = one_phase(a={}, b={}, c={"needs": ["b"]})
    play = Play(compiled(phases, fail_fast=True)).open()
    play.start("build.b")
    play.attempt("build.a", FAILS)
    play.end("build.b", FAILS)
    play.run()
    play.open("build.b", "build.c")
    play.attempt("build.b")
    assert play.next() == ["start build.c"]


# Retrying a run that ended


def test_retry_decides_the_chosen_nodes_and_what_was_skipped_because_of_them_again() -> None:
    phases = {
        "one": {"nodes": {"a": {}, "b": {"needs": ["a"]}, "c": {}}},
        "two": {"gates": {"g": "approval"}, "nodes": {"d": {}}},
    }
    play = Play(compiled(phases, {"f": {}}), {"one.a": FAILS}).open()
    assert play.run() == "failed"
    play.outcomes.clear()
    play.starts.clear()
    play.open("one.a", "one.b", "two.d")
    assert play.run() == "succeeded"
    assert play.starts == ["one.a", "one.b", "two.d", "finally.f"]
    assert play.result("two.g") == "succeeded ok"


def test_retry_evaluates_the_if_again() -> None:
    phases = one_phase(a={"allow_failure": True}, b={"needs": ["a"], "if": "nodes.a.status == 'failed'"})
    play = Play(compiled(phases), {"build.a": FAILS, "build.b": FAILS}).open()
    play.run()
    play.outcomes.clear()
    play.open("build.a", "build.b")
    assert play.run() == "succeeded"
    assert play.result("build.b") == "skipped if-false"


def test_a_run_with_a_cancelled_node_that_was_not_retried_does_not_read_succeeded() -> None:
    play = Play(compiled(one_phase(a={}, b={}))).open()
    play.start("build.a")
    play.start("build.b")
    play.cancel()
    assert play.run() == "cancelled"
    play.open("build.a")
    assert play.run() == "failed"


# The laws of decide


def test_decide_changes_nothing_and_gives_the_same_again() -> None:
    play = Play(compiled(one_phase(a={"retry": {}}, b={}, m={"matrix": ["p", "q"], "max_parallel": 1}))).open()
    play.attempt("build.a", FAILS)
    before = copy.deepcopy(play.state)
    assert play.decisions() == play.decisions()
    assert play.state == before


def test_the_same_events_give_the_same_decisions_in_processes_with_other_hash_seeds() -> None:
    told = {_told(seed) for seed in ("0", "1", "42")}
    assert len(told) == 1


def _told(seed: str) -> str:
    here = os.path.dirname(os.path.abspath(__file__))
    code = f"import sys; sys.path.insert(0, {here!r}); import simulation; print(simulation.story(range(12)))"
    env = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout

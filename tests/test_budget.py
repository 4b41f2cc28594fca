"""A budget bounds what a run uses: attempts of its nodes, and the time at which an owner is at work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import PROJECT, Desk
from plans import compiled, one_phase
from play import Play, once, played

from orch.app.outcome import exit_of
from orch.model.fold import fold
from orch.problems.problem import Exit
from orch.review.timeline import timeline
from orch.run.again import failed_steps
from orch.run.attempts import Renderer, Surroundings
from orch.store.beat import Pulse, beat_bytes
from orch.store.errors import settle_commands
from orch.store.ledger import Ledger
from orch.store.owner import Owner, last_beat_ms, write_owner
from orch.store.rundir import RunDir

SPENT = "failed budget-exceeded"


def play(phases: dict[str, Any], final: dict[str, Any] | None = None, jobs: int = 8, **budget: float) -> Play:
    return Play(compiled(phases, final, max_in_flight=jobs, budget=budget)).open()


# --- attempts


def test_with_as_many_attempts_as_the_budget_has_a_run_succeeds() -> None:
    chain = one_phase(a={}, b={"needs": ["a"]})
    assert played(chain, budget={"nodes": 2})["run"] == "succeeded"
    assert played(chain, budget={"nodes": 1})["run"] == "failed"


def test_a_spent_budget_fails_the_next_step_and_skips_what_is_behind_it() -> None:
    phases = {**one_phase(a={}, b={"needs": ["a"]}, c={"needs": ["b"]}), "later": {"nodes": {"d": {}}}}
    assert played(phases, budget={"nodes": 1}) == {
        "run": "failed",
        "build.a": "succeeded ok",
        "build.b": SPENT,
        "build.c": "skipped upstream-failed",
        "later.d": "skipped phase-not-reached",
    }


def test_what_runs_when_the_attempts_are_spent_comes_to_its_end() -> None:
    run = play(one_phase(a={}, b={}, c={}), nodes=2)
    assert run.next() == ["start build.a", "start build.b"]
    run.start("build.a")
    run.start("build.b")
    assert run.next() == ["conclude build.c failed budget-exceeded"]
    for decision in run.decisions():
        run._carry_out(decision)
    assert run.next() == []
    run.end("build.a")
    run.end("build.b")
    assert run.run() == "failed"
    assert run.result("build.a") == "succeeded ok"


def test_a_retry_of_a_node_is_an_attempt_too() -> None:
    flaky = one_phase(a={"retry": {"limit": 3}})
    assert (
        played(flaky, {"build.a": ["command-failed", "command-failed", "ok"]}, budget={"nodes": 3})["run"]
        == "succeeded"
    )
    ends = played(flaky, {"build.a": ["command-failed", "command-failed", "ok"]}, budget={"nodes": 2})
    assert ends == {"run": "failed", "build.a": SPENT}


def test_a_step_that_needs_no_attempt_is_decided_without_a_budget() -> None:
    phases = one_phase(a={}, b={"needs": ["a"], "if": "inputs.no"})
    assert played(phases, budget={"nodes": 1}) == {
        "run": "succeeded",
        "build.a": "succeeded ok",
        "build.b": "skipped if-false",
    }


def test_a_failure_that_is_allowed_does_not_hide_that_the_budget_was_spent() -> None:
    phases = one_phase(a={}, b={"needs": ["a"], "allow_failure": True})
    run = play(phases, nodes=1)
    assert run.run() == "failed"
    assert exit_of(run.state) is Exit.REFUSED


def test_finally_runs_when_the_budget_is_spent_and_costs_nothing() -> None:
    ends = played(one_phase(a={}, b={"needs": ["a"]}), final={"f": {}, "g": {}}, budget={"nodes": 1})
    assert (ends["finally.f"], ends["finally.g"], ends["run"]) == ("succeeded ok", "succeeded ok", "failed")


def test_the_finally_of_a_child_pipeline_runs_when_the_budget_is_spent() -> None:
    child = {"pipeline": {"phases": {"in": {"nodes": {"x": {}, "y": {"needs": ["x"]}}}}, "final": {"f": {}}}}
    run = play({"build": {"nodes": {"c": child, "d": {"needs": ["c"]}}}}, nodes=1)
    assert run.run() == "failed"
    ends = run.results()
    assert {ends[address] for address in ends if address.endswith(".y")} == {SPENT}
    assert {ends[address] for address in ends if address.endswith("finally.f")} == {"succeeded ok"}
    assert exit_of(run.state) is Exit.REFUSED


# --- time


def test_what_runs_is_stopped_when_the_time_is_spent_and_nothing_more_starts() -> None:
    run = play(one_phase(a={}, b={"needs": ["a"]}, c={}), final={"f": {}}, jobs=1, wall_seconds=60)
    run.start("build.a")
    assert run.next() == ["wait 60000 ms"]
    run.now += 59_999
    assert run.next() == ["wait 1 ms"]
    run.now += 1
    assert run.next() == ["stop build.a budget"]
    run.end("build.a", "cancelled")
    assert run.run() == "failed"
    assert run.results() == {
        "build.a": SPENT,
        "build.b": "skipped upstream-failed",
        "build.c": "skipped cancelled",
        "finally.f": "succeeded ok",
    }
    assert exit_of(run.state) is Exit.REFUSED


def test_a_run_whose_last_step_ends_in_time_succeeds() -> None:
    run = play(one_phase(a={}), wall_seconds=60)
    run.start("build.a")
    run.now += 61_000
    run.end("build.a")
    assert run.run() == "succeeded"


def test_a_step_that_waits_for_its_retry_is_not_waited_for_beyond_the_time() -> None:
    run = play(one_phase(a={"retry": {"limit": 1, "delay_seconds": 100.0}}), wall_seconds=60)
    run.attempt("build.a", "command-failed")
    assert run.next() == ["wait 60000 ms"]
    run.now += 60_000
    assert run.next() == ["conclude build.a failed budget-exceeded"]
    assert run.run() == "failed"


def test_a_night_at_a_gate_costs_nothing() -> None:
    phases = {**one_phase(a={}), "ship": {"gates": {"g": "approval"}, "nodes": {"b": {}}}}
    run = play(phases, wall_seconds=60)
    run.gates["ship.g"] = "needs-decision"
    run.start("build.a")
    run.now += 40_000
    run.end("build.a")
    assert run.run() == "waiting"
    run.now += 8 * 3600 * 1000
    run.gates["ship.g"] = "ok"
    run.open()
    run.look("ship.g")
    run.start("ship.b")
    assert run.next() == ["wait 20000 ms"]
    run.now += 20_000
    assert run.next() == ["stop ship.b budget"]


def test_the_time_of_all_owners_counts_but_not_that_between_them() -> None:
    run = play(one_phase(a={}, b={"needs": ["a"]}), wall_seconds=60)
    run.start("build.a")
    run.now += 30_000
    run.end("build.a")
    run.start("build.b")
    run.now += 10_000  # the owner dies; its last record is older, and it was last seen alive 2 s before
    run.open(beat_ms=run.now - 2000)
    run.start("build.b")
    assert run.next() == ["wait 22000 ms"]
    assert timeline(run.events).length_ms == 38_000
    ledger = Ledger(run.base)
    for event in run.events:
        ledger.apply(event, run.state)
    assert ledger.worked_ms == 38_000
    assert fold(run.base, run.events) == run.state


def test_of_an_owner_that_ended_its_journal_is_asked_where_its_last_beat_is_older() -> None:
    run = play(one_phase(a={}, b={"needs": ["a"]}), wall_seconds=60)
    run.start("build.a")
    run.now += 30_000
    run.end("build.a")
    run.open(beat_ms=run.now - 2000)
    run.start("build.b")
    assert run.next() == ["wait 30000 ms"]


def test_a_beat_is_of_the_last_owner_that_the_journal_knows_or_of_nobody(tmp_path: Path) -> None:
    run = RunDir(str(tmp_path), "-", "r")
    assert last_beat_ms(run, 1) == 0
    (tmp_path / "beat").write_bytes(beat_bytes(Pulse(3, 7, 12_000, 5000, 5000)))
    assert last_beat_ms(run, 1) == 0
    write_owner(run, Owner("r", 1, 7, 1, "b", "h"))
    assert last_beat_ms(run, 1) == 12_000
    write_owner(run, Owner("r", 2, 8, 1, "b", "h", "deploy"))  # it died while it waited for a place
    assert last_beat_ms(run, 1) == 12_000
    write_owner(run, Owner("r", 2, 8, 1, "b", "h"))  # it died before it wrote a record, and may have beaten
    assert last_beat_ms(run, 1) == 0


def test_a_once_step_that_was_stopped_with_the_budget_is_in_doubt_first() -> None:
    run = play(one_phase(a=once(probe="true")), wall_seconds=60)
    run.start("build.a")
    run.now += 60_000
    run.end("build.a", "cancelled")
    assert run.result("build.a") == "waiting in-doubt"
    assert run.next() == ["probe build.a"]
    run.settle("build.a", "not-done")
    assert run.run() == "failed"
    assert run.result("build.a") == SPENT


def test_a_probe_that_says_done_leaves_nothing_to_pay_for() -> None:
    run = play(one_phase(a=once(probe="true")), wall_seconds=60)
    run.start("build.a")
    run.now += 60_000
    run.end("build.a", "cancelled")
    run.settle("build.a", "done")
    assert run.run() == "succeeded"


def test_a_probe_that_runs_when_the_time_is_spent_is_ended_and_its_step_waits_for_a_person() -> None:
    run = play(one_phase(a=once(probe="true"), b={"needs": ["a"]}), wall_seconds=60)
    run.start("build.a")
    run.open()  # the owner died
    assert run.next() == ["probe build.a"]
    assert not settle_commands("r", run.plan, run.state)
    run.probing[run.step("build.a")] = None
    assert run.next() == ["wait 60000 ms"]
    run.now += 60_000
    assert run.next() == ["dismiss build.a"]
    run.probing.clear()  # it has ended, and nobody asks again
    assert run.run() == "waiting"
    assert "orch settle r build.a" in settle_commands("r", run.plan, run.state)[run.step("build.a")]
    assert run.open().next() == ["close waiting in-doubt"]
    run.settle("build.a", "not-done", "person")
    assert run.run() == "failed"
    assert run.result("build.a") == SPENT


def test_a_probe_that_answers_in_time_is_heard() -> None:
    run = play(one_phase(a=once(probe="true")), wall_seconds=60)
    run.start("build.a")
    run.open()
    run.now += 59_999
    assert run.next() == ["probe build.a"]
    run.settle("build.a", "done")
    assert run.run() == "succeeded"


# --- again


def test_a_retry_begins_a_new_budget_and_decides_all_again_that_was_ended() -> None:
    run = play(one_phase(a={}, b={"needs": ["a"], "allow_failure": True}, c={"needs": ["b"]}), nodes=1)
    assert run.run() == "failed"
    chosen = [run.plan.addresses[step] for step in failed_steps(run.plan, run.state)]
    assert chosen == ["build.b", "build.c"]
    run.open(*chosen)
    assert run.run() == "failed"
    assert run.results() == {"build.a": "succeeded ok", "build.b": "succeeded ok", "build.c": SPENT}


def test_a_resume_goes_on_with_what_is_left() -> None:
    run = play(one_phase(a={}, b={"needs": ["a"]}), nodes=2)
    run.start("build.a")
    run.open()  # the owner died
    run.attempt("build.a")
    assert run.next() == ["conclude build.b failed budget-exceeded"]


def test_folding_the_journal_gives_the_same_budget() -> None:
    run = play(one_phase(a={}, b={"needs": ["a"]}), wall_seconds=60, nodes=1)
    run.now += 5000
    run.run()
    assert fold(run.plan, run.events) == run.state


# --- the command


def desk_at(tmp_path: Path, budget: str, phases: str) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(phases, f"budget: {budget}\nfinally: {{ tell: {{ run: echo told >> told }} }}\n")
    return desk


def test_a_run_over_its_budget_ends_with_exit_code_5_and_says_why(tmp_path: Path) -> None:
    phases = "  one: { nodes: { a: { run: 'true' }, b: { needs: [a], run: 'true' } } }\n"
    desk = desk_at(tmp_path, "{ nodes: 1 }", phases)
    said = desk.orch("apply", code=5)
    assert "one.b: the budget of 1 attempt is spent" in said.out
    assert "orch retry" in said.out
    assert desk.lines("told") == 1
    assert desk.node("one.b")["reason"] == "budget-exceeded"
    assert "failed (budget-exceeded)" in desk.orch("runs", "show", "@last").out
    desk.orch("verify", "@last")
    assert "a retry decides one.b again, with a new budget" in desk.orch("explain", "@last", "one.b").out
    desk.orch("retry", "@last", "--failed")


def test_a_command_that_runs_into_the_budget_is_stopped(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "{ wall: 300ms }", "  one: { nodes: { a: { run: sleep 600 } } }\n")
    said = desk.orch("apply", code=5)
    assert "one.a: the budget of 300ms of work is spent" in said.out
    assert desk.lines("told") == 1
    desk.orch("verify", "@last")


def test_the_plan_names_the_budget_and_what_it_does_not_reach(tmp_path: Path) -> None:
    phases = "  one: { nodes: { a: { run: 'true' }, b: { needs: [a], run: 'true' } } }\n"
    desk = desk_at(tmp_path, "{ wall: 1h30m, nodes: 1 }", phases)
    said = desk.orch("plan").out
    assert "budget  1h30m of work, 1 attempt" in said
    assert "the budget of 1 attempt is spent" in said
    told = json.loads(desk.orch("plan", "--json").out)
    assert told["budget"] == {"wall_seconds": 5400.0, "nodes": 1}
    desk.pipeline(phases)
    assert "budget" not in desk.orch("plan").out + desk.orch("plan", "--json").out


@pytest.mark.parametrize(("written", "meant"), [("100", 100), ("2k", 2000), ("4M", 4_000_000)])
def test_a_count_may_end_in_k_or_m(tmp_path: Path, written: str, meant: int) -> None:
    desk = desk_at(tmp_path, f"{{ nodes: {written} }}", "  one: { nodes: { a: { run: 'true' } } }\n")
    assert json.loads(desk.orch("plan", "--json").out)["budget"] == {"nodes": meant}


def test_a_budget_of_no_nodes_is_refused_with_the_least_that_there_is(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      one: { run: 'true' }\n", "budget: { nodes: 0 }\n")
    assert "write `nodes: 1`" in desk.orch("validate", code=3).text


def test_a_probe_has_the_time_limit_of_its_node_and_one_where_the_node_has_none() -> None:
    for timeout, limit in (({}, 300.0), ({"timeout_seconds": 2.0}, 2.0)):
        run = Play(compiled(one_phase(a={**once(probe="true"), **timeout}))).open()
        run.start("build.a")
        run.open()
        renderer = Renderer(run.plan, Surroundings("/p", "/p/.runs/r", {}))
        assert renderer.probe(run.state, run.step("build.a")).timeout_seconds == limit

"""How a run ends: finally, cancel, fail-fast, retry of a run that ended; and the laws of `decide`."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

from plans import compiled, one_phase
from play import FAILS, RESULTS, Play, finish_event, once, played

from orch.run.close import closing, tally
from orch.run.results import Left, finished

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


def test_the_summary_of_a_run_tells_nodes_and_gates_apart() -> None:
    phases = {
        "a": {"gates": {"yes": {"check": "true"}, "also": {"check": "true"}}, "nodes": {"x": {}, "y": {}}},
        "b": {"gates": {"shut": "approval"}, "nodes": {"z": {}}},
        "c": {"needs": [], "gates": {"no": {"check": "false"}}, "nodes": {"w": {}}},
    }
    plan = compiled(phases)
    play = Play(plan, gates={"b.shut": "needs-decision"}).open()
    assert play.run() == "waiting"
    assert tally(plan, play.state) == "2 succeeded, 1 skipped, 1 queued, 1 gate failed, 1 gate waiting, 2 gates open"
    assert closing(plan, play.state)[1] == tally(plan, play.state)


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


def test_what_waits_for_its_time_does_not_start_after_a_cancel() -> None:
    play = Play(compiled(one_phase(a={"retry": {}}))).open()
    play.attempt("build.a", FAILS)
    play.cancel()
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


def test_a_retry_does_not_say_that_a_step_was_not_done_which_was_cancelled_in_doubt() -> None:
    play = Play(compiled(one_phase(a=once(), b={"needs": ["a"]}))).open()
    play.start("build.a")
    play.cancel("first")
    assert play.run() == "waiting"
    play.open()
    play.cancel("second")
    assert play.run() == "cancelled"
    play.open("build.a", "build.b")
    assert play.result("build.a") == "waiting in-doubt"
    assert play.run() == "waiting"
    assert play.starts == ["build.a"]
    play.open()
    play.settle("build.a", "not-done")
    assert play.next() == ["start build.a"]


def test_a_retry_asks_the_probe_of_a_step_that_was_cancelled_in_doubt() -> None:
    play = Play(compiled(one_phase(a=once(probe="true"), b={"needs": ["a"]})), probes={"build.a": "in-doubt"}).open()
    play.start("build.a")
    play.cancel("first")
    assert play.run() == "waiting"
    play.open()
    play.cancel("second")
    assert play.run() == "cancelled"
    play.open("build.a", "build.b")
    assert play.next() == ["probe build.a"]


def test_a_retry_runs_a_step_again_that_was_settled_as_not_done_before_the_run_was_cancelled() -> None:
    play = Play(compiled(one_phase(a=once()))).open()
    play.start("build.a")
    play.cancel("first")
    assert play.run() == "waiting"
    play.open()
    play.settle("build.a", "not-done")
    assert play.run() == "cancelled"
    play.open("build.a")
    assert play.next() == ["start build.a"]


def test_a_step_that_runs_again_after_a_retry_is_not_started_by_the_end_of_its_need_during_a_cancel() -> None:
    play = Play(compiled(one_phase(a={}, b={"needs": ["a"]})), {"build.b": FAILS}).open()
    play.run()
    play.open("build.a", "build.b")
    play.start("build.a")
    play.cancel()
    play.end("build.a")
    assert play.next() == ["conclude build.b cancelled requested"]


def test_a_once_step_that_ran_out_of_time_over_what_it_may_not_change_fails_for_that_if_it_was_not_done() -> None:
    play = Play(compiled(one_phase(a=once(probe="true")))).open()
    play.start("build.a")
    left = Left("path-policy-violation", "changed what it may not: seal.txt")
    play.happened(finished(play.plan, play.state, 0, RESULTS["timed-out"], at=play.now, left=left))
    assert play.next() == ["probe build.a"]
    play.settle("build.a", "not-done")
    assert play.result("build.a") == "failed path-policy-violation"


def test_fail_fast_stops_what_runs_and_starts_nothing_more() -> None:
    play = Play(compiled(one_phase(a={}, b={}, c={}), {"f": {}}, max_in_flight=2, fail_fast=True)).open()
    play.start("build.a")
    play.start("build.b")
    play.end("build.a", FAILS)
    assert play.next() == ["skip build.c cancelled", "stop build.b fail-fast"]
    assert play.run() == "failed"
    assert play.result("build.b") == "cancelled fail-fast"
    assert play.result("finally.f") == "succeeded ok"


def test_what_opens_others_in_a_tree_of_its_own_may_fail_at_once_and_then_nothing_more_is_opened() -> None:
    loop = {"loop": {"until": "inputs.yes", "nodes": {"x": {}}}}
    branch = {"workspace": "branch", "base": "c0", "fail_fast": True}
    apart = {"workspace": "worktree", **loop}
    assert Play(compiled(one_phase(a=apart, b=apart), **branch)).open().next() == ["expand build.a 1"]
    both = ["expand build.a 1", "expand build.b 1"]
    assert Play(compiled(one_phase(a=loop, b=loop), **branch)).open().next() == both


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


def in_finally() -> Play:
    final = {"a": {}, "b": {}, "c": {"retry": {"delay_seconds": 9.0}}}
    play = Play(compiled(one_phase(x={}), final, max_in_flight=2)).open()
    play.attempt("build.x")
    play.attempt("finally.c", FAILS)
    play.start("finally.a")
    return play


def test_a_cancel_when_the_body_is_over_ends_what_finally_runs_and_starts_nothing_more_of_it() -> None:
    play = in_finally()
    play.cancel()
    assert play.next() == [
        "skip finally.b cancelled",
        "conclude finally.c cancelled requested",
        "stop finally.a requested",
    ]
    assert play.run() == "cancelled"
    assert play.results() == {
        "build.x": "succeeded ok",
        "finally.a": "cancelled requested",
        "finally.b": "skipped cancelled",
        "finally.c": "cancelled requested",
    }


def test_a_second_cancel_while_steps_are_still_being_stopped_does_not_take_finally_away() -> None:
    play = Play(compiled(one_phase(x={}), {"a": {}})).open()
    play.start("build.x")
    play.cancel("1")
    play.cancel("2")
    play.end("build.x", "cancelled")
    assert play.next() == ["start finally.a"]
    play.start("finally.a")
    play.cancel("3")
    assert play.next() == ["stop finally.a requested"]


def test_a_cancelled_finally_stays_cancelled_for_the_next_owner_and_runs_again_in_a_retry() -> None:
    play = in_finally()
    play.cancel()
    play.open()
    assert play.run() == "cancelled"
    assert play.starts.count("finally.a") == 1
    play.open("finally.a", "finally.b", "finally.c")
    assert play.run() == "succeeded"


def test_a_finally_that_fails_while_it_is_cancelled_is_not_tried_again() -> None:
    play = Play(compiled(one_phase(x={}), {"a": {"retry": {"limit": 3}}})).open()
    play.attempt("build.x")
    play.start("finally.a")
    play.cancel()
    play.end("finally.a", FAILS)
    assert play.result("finally.a") == f"failed {FAILS}"
    assert play.run() == "failed"


def probed(**head: object) -> Play:
    play = Play(compiled(one_phase(a=once(probe="true"), b={}), **head)).open()
    play.start("build.a")
    play.open()
    play.probing[play.step("build.a")] = None
    return play


def test_a_cancel_ends_a_probe_and_the_run_closes_when_it_has_ended() -> None:
    play = probed()
    assert play.next() == ["start build.b"]
    play.cancel()
    words = ["skip build.b cancelled", "conclude build.a cancelled requested", "dismiss build.a"]
    assert play.next() == words
    for decision in play.decisions()[:2]:
        play._carry_out(decision)
    assert play.next() == ["dismiss build.a"]
    play.probing.clear()
    assert play.run() == "cancelled"


def test_probes_count_against_what_may_be_in_flight() -> None:
    play = probed(max_in_flight=1)
    assert play.next() == []
    play.probing.clear()
    assert play.next() == ["probe build.a"]
    play.start("build.b")
    assert play.next() == []


def test_a_step_that_a_person_has_settled_starts_when_its_probe_has_ended() -> None:
    play = probed()
    play.start("build.b")
    play.settle("build.a", "not-done", "ada")
    assert play.next() == ["dismiss build.a"]
    play.probing.clear()
    assert play.next() == ["start build.a"]

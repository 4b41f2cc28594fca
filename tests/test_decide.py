"""When is a phase entered, and what runs in it? The sentences on phases, gates, trigger rules and matrices."""

from __future__ import annotations

from typing import Any

import pytest
from plans import compiled, one_phase
from play import FAILS, Play, played

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


def test_a_phase_passes_once_however_many_phases_it_waited_for() -> None:
    phases: dict[str, Any] = {
        "one": {},
        "two": {"needs": ["one"]},
        "three": {"needs": ["one"]},
        "four": {"needs": ["two", "three"]},
        "five": {"needs": ["four"], "nodes": {"a": {}}},
    }
    assert played(phases)["five.a"] == "succeeded ok"


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

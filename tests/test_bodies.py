"""Steps that open others: a matrix that only the run knows, loops, child pipelines."""

from __future__ import annotations

from typing import Any

import pytest
from plans import compiled, one_phase
from play import FAILS, Play, finish_event, played

from orch.model.fold import fold
from orch.plan.selectable import IN_A_RUN
from orch.run.again import Again, chosen
from orch.selection.parse import parse

GOALS = {"matrix": {"goal": "${{ nodes.plan.outputs.goals }}"}}
UNTIL = "nodes.test.status == 'succeeded'"
TRY = {"code": {}, "test": {"needs": ["code"], "allow_failure": True}}


def fan(child: dict[str, Any] | None = None, **more: Any) -> Play:
    """A node that gives goals, a matrix of them, and a node that needs it; the first has ended with goals b and a."""
    nodes = {"fan": {"expand": {**GOALS, "child": child or {}}, **more}, "after": {"needs": ["fan"]}}
    plan = compiled({"one": {"nodes": {"plan": {}}}, "two": {"nodes": nodes}})
    return Play(plan).open()


def known(play: Play, *goals: Any) -> Play:
    play.start("one.plan")
    play.happened(finish_event(play, "one.plan", outputs={"goals": list(goals)}))
    return play


def steps_of(play: Play) -> list[str]:
    return [play.state.plan.addresses[step] for step in play.state.plan.steps]


# A matrix that only the run knows


def test_a_matrix_is_expanded_when_its_values_are_known_and_its_children_are_independent() -> None:
    play = known(fan(), "b", "a")
    assert play.run() == "succeeded"
    assert steps_of(play)[-2:] == ["two.fan[b]", "two.fan[a]"]
    assert play.result("two.fan[a]") == play.result("two.fan") == play.result("two.after") == "succeeded ok"


def test_an_empty_matrix_is_skipped_with_its_reason_and_so_is_who_needs_it() -> None:
    play = known(fan())
    assert play.run() == "succeeded"
    assert play.result("two.fan") == "skipped empty-matrix"
    assert play.result("two.after") == "skipped upstream-skipped"


def test_a_child_that_fails_leaves_the_others_alone_and_the_matrix_has_failed() -> None:
    play = known(fan(), "a", "b", "c")
    play.outcomes["two.fan[b]"] = FAILS
    assert play.run() == "failed"
    assert play.result("two.fan[c]") == "succeeded ok"
    assert play.result("two.fan") == "failed children-failed"
    assert play.result("two.after") == "skipped upstream-failed"


def test_children_that_may_fail_leave_the_matrix_succeeded() -> None:
    play = known(fan({"allow_failure": True}, allow_failure=True), "a", "b")
    play.outcomes["two.fan[b]"] = FAILS
    assert play.run() == "succeeded"
    assert play.result("two.after") == "succeeded ok"


def test_the_keys_are_the_same_in_whatever_order_the_list_comes() -> None:
    one, other = known(fan(), "a", "b"), known(fan(), "b", "a")
    one.run(), other.run()
    assert set(steps_of(one)) == set(steps_of(other))


def test_values_that_are_no_list_fail_the_matrix_and_nothing_is_expanded() -> None:
    play = fan()
    play.start("one.plan")
    play.happened(finish_event(play, "one.plan", outputs={"goals": "a"}))
    assert play.run() == "failed"
    assert play.result("two.fan") == "failed expression-error"


def test_a_matrix_whose_needs_failed_is_skipped_whole() -> None:
    plan = compiled(one_phase(plan={}, fan={"expand": GOALS, "needs": ["plan"]}))
    play = Play(plan, {"build.plan": FAILS}).open()
    play.run()
    assert play.result("build.fan") == "skipped upstream-failed"


def test_at_most_max_parallel_children_have_begun_and_a_child_that_goes_round_keeps_its_place() -> None:
    goes_round = {"loop": {"until": UNTIL, "nodes": TRY}}
    nodes = {"fan": {"expand": {**GOALS, "child": goes_round, "max_parallel": 1}}}
    plan = compiled({"one": {"nodes": {"plan": {}}}, "two": {"nodes": nodes}})
    play = known(Play(plan, {"two.fan[a]#1.test": FAILS}).open(), "a", "b")
    play.run()
    begun = [address for address in play.starts if address.startswith("two.fan")]
    assert begun == [
        "two.fan[a]#1.code",
        "two.fan[a]#1.test",
        "two.fan[a]#2.code",
        "two.fan[a]#2.test",
        "two.fan[b]#1.code",
        "two.fan[b]#1.test",
    ]


def test_a_thousand_children_take_decisions_in_proportion() -> None:
    play = known(fan(), *(f"g{number}" for number in range(1000)))
    assert play.run() == "succeeded"
    assert len(play.starts) == 1002


def test_a_matrix_whose_values_are_others_after_a_retry_fails_and_nothing_of_it_runs() -> None:
    for goals, result in ((["a", "b"], "succeeded ok"), (["a", "c"], "failed expression-error")):
        play = known(fan(), "a", "b")
        play.run()
        play.open("one.plan", "two.fan", "two.fan[a]", "two.fan[b]", "two.after")
        play.starts.clear()
        known(play, *goals).run()
        assert play.result("two.fan") == result
        assert ("two.fan[a]" in play.starts) == (result == "succeeded ok")


# Loops


def loop(outcomes: dict[str, Any] | None = None, **more: Any) -> Play:
    spec = {"until": UNTIL, "nodes": TRY, **more}
    return Play(compiled(one_phase(fix={"loop": spec}, after={"needs": ["fix"]})), outcomes).open()


def test_a_loop_goes_round_until_its_condition_holds() -> None:
    play = loop({"build.fix#1.test": FAILS, "build.fix#2.test": FAILS})
    assert play.run() == "succeeded"
    assert play.starts[-2:] == ["build.fix#3.test", "build.after"]
    assert play.result("build.fix#1.test") == "failed command-failed"
    assert play.result("build.fix") == "succeeded ok"


@pytest.mark.parametrize(
    ("until", "test"),
    [
        ("nodes.test.exit_code == 0", {}),
        ("nodes.test.exit_code | default(1) == 0", {"allow_failure": True}),
    ],
)
def test_a_loop_may_ask_for_an_exit_code(until: str, test: dict[str, Any]) -> None:
    play = loop({"build.fix#1.test": FAILS}, until=until, nodes={"test": test})
    assert play.run() == "succeeded"
    assert play.starts[-2:] == ["build.fix#2.test", "build.after"]


def test_what_fails_inside_of_a_loop_is_no_failure_of_a_run_whose_loop_succeeds() -> None:
    play = loop({"build.fix#1.code": FAILS})
    assert play.run() == "succeeded"
    assert play.result("build.fix#1.test") == "skipped upstream-failed"


def test_a_bad_node_ends_the_iteration_and_the_next_begins_whatever_the_condition_says() -> None:
    play = loop({"build.fix#1.code": FAILS}, until="nodes.code.status == 'failed'", max_iterations=2)
    play.run()
    assert play.result("build.fix") == "failed exhausted"
    assert len([address for address in play.starts if address.endswith(".code")]) == 2


def test_a_loop_that_is_exhausted_has_failed_and_says_so() -> None:
    play = loop({f"build.fix#{number}.test": FAILS for number in (1, 2, 3)})
    assert play.run() == "failed"
    assert play.result("build.fix") == "failed exhausted"
    assert play.result("build.after") == "skipped upstream-failed"
    assert play.state.sentence[play.step("build.fix")] == "`until` is false after 3 iterations"


def test_iterations_that_leave_the_same_end_the_loop_early() -> None:
    fails = {f"build.fix#{number}.test": FAILS for number in range(1, 9)}
    play = loop(fails, stop_if_unchanged=2, max_iterations=8)
    play.run()
    assert play.result("build.fix") == "failed unchanged"
    assert play.starts[-1] == "build.fix#2.test"


def test_an_iteration_with_other_findings_is_a_change() -> None:
    play = loop(stop_if_unchanged=2, max_iterations=8)
    for number, message in enumerate(("one", "two", "two"), 1):
        play.judge()
        play.attempt(f"build.fix#{number}.code")
        play.start(f"build.fix#{number}.test")
        error = {"summary": "exit code 1", "findings": [{"message": message}]}
        failed = finish_event(play, f"build.fix#{number}.test", status="failed", reason=FAILS, error=error)
        play.happened(failed)
        play.judge()
    assert play.result("build.fix") == "failed unchanged"
    changes = next(event for event in play.events if getattr(event, "reason", "") == "unchanged").error["changes"]
    assert changes[0] == {"iteration": 2, "changed": ["test: gone: one", "test: new: two"]}
    assert changes[1] == {"iteration": 3, "changed": []}


def test_a_loop_gives_the_outputs_of_its_last_iteration() -> None:
    play = loop()
    play.judge()
    play.attempt("build.fix#1.code", outputs={"n": 1})
    play.attempt("build.fix#1.test")
    play.judge()
    assert play.state.outputs[play.step("build.fix")] == {"code": {"n": 1}}


def test_an_owner_that_dies_within_an_iteration_goes_on_in_it() -> None:
    play = loop({"build.fix#1.test": FAILS})
    play.judge()
    play.attempt("build.fix#1.code")
    play.start("build.fix#1.test")
    play.open()
    assert play.next() == ["expand build.fix"]
    assert play.run() == "succeeded"
    assert play.starts.count("build.fix#1.code") == 1
    assert play.result("build.fix#2.test") == "succeeded ok"


def test_a_loop_that_is_tried_again_goes_on_with_as_many_iterations() -> None:
    play = loop({f"build.fix#{number}.test": FAILS for number in range(1, 6)})
    assert play.run() == "failed"
    play.open("build.fix", "build.after")
    assert play.run() == "succeeded"
    assert play.result("build.fix#6.test") == "succeeded ok"
    assert play.result("build.after") == "succeeded ok"


def test_a_cancelled_loop_does_not_go_round_again() -> None:
    play = loop({"build.fix#1.test": FAILS})
    play.judge()
    play.start("build.fix#1.code")
    play.cancel()
    assert play.run() == "cancelled"
    assert play.result("build.fix") == "cancelled requested"


# Child pipelines


def child(**more: Any) -> dict[str, Any]:
    phases = {"a": {"nodes": {"x": {}}}, "b": {"gates": {"ok": "approval"}, "nodes": {"y": {}}}}
    return {"pipeline": {"phases": phases, **more}}


def test_the_phases_of_a_child_pipeline_run_in_their_order_and_the_node_ends_with_them() -> None:
    play = Play(compiled(one_phase(before={}, sub={**child(), "needs": ["before"]}, after={"needs": ["sub"]}))).open()
    assert play.run() == "succeeded"
    assert play.starts == ["build.before", "build.sub/a.x", "build.sub/b.y", "build.after"]


def test_a_gate_of_a_child_pipeline_holds_the_run_up() -> None:
    ends = played(one_phase(sub=child()), gates={"build.sub/b.ok": "needs-decision"})
    assert ends["run"] == "waiting"
    assert ends["build.sub/a.x"] == "succeeded ok"


def test_a_child_pipeline_that_fails_fails_its_node_and_its_later_phases_are_not_reached() -> None:
    ends = played(one_phase(sub=child(final={"last": {}})), {"build.sub/a.x": FAILS})
    assert ends == {
        "run": "failed",
        "build.sub": "failed children-failed",
        "build.sub/a.x": "failed command-failed",
        "build.sub/b.ok": "skipped phase-not-reached",
        "build.sub/b.y": "skipped phase-not-reached",
        "build.sub/finally.last": "succeeded ok",
    }


def test_a_child_pipeline_that_may_fail_leaves_the_run_succeeded() -> None:
    ends = played(one_phase(sub={**child(), "allow_failure": True}), {"build.sub/a.x": FAILS})
    assert ends["run"] == "succeeded"
    assert ends["build.sub"] == "failed children-failed"


def test_a_child_pipeline_that_is_not_begun_is_skipped_with_all_that_is_in_it() -> None:
    ends = played(one_phase(before={}, sub={**child(final={"last": {}}), "needs": ["before"]}), {"build.before": FAILS})
    assert ends["build.sub"] == "skipped upstream-failed"
    assert {ends[a] for a in ("build.sub/a.x", "build.sub/b.y", "build.sub/finally.last")} == {
        "skipped phase-not-reached"
    }


def test_the_finally_of_a_child_pipeline_runs_before_its_node_is_over() -> None:
    play = Play(compiled(one_phase(sub=child(final={"last": {}}), after={"needs": ["sub"]}))).open()
    play.run()
    assert play.starts == ["build.sub/a.x", "build.sub/b.y", "build.sub/finally.last", "build.after"]


def test_what_fails_in_the_finally_of_a_child_pipeline_is_not_what_the_rest_of_it_sees() -> None:
    last = {"first": {}, "then": {"if": "run.status == 'succeeded'"}}
    ends = played(one_phase(sub=child(final=last)), {"build.sub/finally.first": FAILS}, max_in_flight=1)
    assert ends["build.sub/finally.then"] == "succeeded ok"
    assert ends["build.sub"] == "failed children-failed"


def test_a_node_of_a_child_pipeline_that_is_tried_again_opens_the_node_again() -> None:
    play = Play(compiled(one_phase(sub=child(final={"last": {}})))).open()
    play.outcomes["build.sub/a.x"] = FAILS
    assert play.run() == "failed"
    play.outcomes.clear()
    play.open("build.sub", "build.sub/a.x", "build.sub/b.ok", "build.sub/b.y")
    assert play.run() == "succeeded"
    assert play.result("build.sub") == "succeeded ok"
    assert play.starts.count("build.sub/finally.last") == 2


INSIDE = ("a.x", "b.ok", "b.y")


def failed_in(play: Play, **named: Any) -> list[str]:
    return [play.plan.addresses[step] for step in chosen(play.plan, play.state, Again(**named))]


def test_a_child_pipeline_that_is_tried_again_by_name_means_all_that_is_in_it() -> None:
    play = Play(compiled(one_phase(sub=child())), {"build.sub/b.y": FAILS}).open()
    play.run()
    assert failed_in(play) == ["build.sub", "build.sub/b.y"]
    assert failed_in(play, named=parse(["sub"], IN_A_RUN)) == ["build.sub", *(f"build.sub/{n}" for n in INSIDE)]


def test_what_failed_inside_of_what_may_fail_or_was_not_wanted_is_no_reason_to_try_again() -> None:
    may_fail = {**child(), "allow_failure": True}
    play = Play(compiled(one_phase(sub=may_fail, off={**child(), "if": "inputs.no"})), {"build.sub/a.x": FAILS}).open()
    assert play.run() == "succeeded"
    assert not failed_in(play)
    assert failed_in(play, named=parse(["sub"], IN_A_RUN))[:2] == ["build.sub", "build.sub/a.x"]


def test_what_was_open_waits_for_its_gate_when_an_owner_has_died() -> None:
    plan = compiled(
        {
            "build": {
                "gates": {"ok": "approval"},
                "nodes": {"sub": child(), "fix": {"loop": {"until": UNTIL, "nodes": TRY}}},
            }
        }
    )
    play = Play(plan).open()
    play.look("build.ok")
    play.judge()
    play.open()
    assert play.next() == ["observe build.ok"]
    play.look("build.ok", "stale")
    play.run()
    assert play.state.closed == "waiting"
    assert not play.starts


def test_a_loop_that_is_tried_again_and_cancelled_at_once_does_not_go_round() -> None:
    play = loop({f"build.fix#{number}.test": FAILS for number in range(1, 6)})
    play.run()
    play.open("build.fix")
    play.cancel()
    play.run()
    assert play.result("build.fix") == "cancelled requested"
    assert "build.fix#4.code" not in play.starts


def test_what_was_open_and_waits_for_its_need_is_not_opened_after_a_cancel() -> None:
    fix = {"loop": {"until": UNTIL, "nodes": TRY}, "needs": ["first"], "trigger_rule": "all_done"}
    play = Play(compiled(one_phase(first={}, fix=fix)), {f"build.fix#{number}.test": FAILS for number in (1, 2, 3)})
    play.open().run()
    play.open("build.first", "build.fix")
    play.start("build.first")
    play.cancel()
    play.end("build.first", "cancelled")
    assert "expand build.fix" not in play.next()
    play.run()
    assert play.result("build.fix") == "cancelled requested"


def test_children_that_fail_in_a_child_pipeline_that_may_fail_leave_the_run_succeeded() -> None:
    fan = {"expand": {"matrix": {"goal": "${{ nodes.plan.outputs.goals }}"}}}
    sub = {"pipeline": {"phases": {"a": {"nodes": {"plan": {}}}, "b": {"nodes": {"fan": fan}}}}, "allow_failure": True}
    play = Play(compiled(one_phase(sub=sub)), {"build.sub/b.fan[x]": FAILS}).open()
    play.judge()
    play.attempt("build.sub/a.plan", outputs={"goals": ["x", "y"]})
    assert play.run() == "succeeded"
    assert play.result("build.sub") == "failed children-failed"


def test_the_state_after_any_story_is_what_folding_it_gives() -> None:
    for play in (
        known(fan({"loop": {"until": UNTIL, "nodes": TRY}}), "a", "b"),
        loop({"build.fix#1.test": FAILS}),
        Play(compiled(one_phase(sub=child(final={"last": {}})))).open(),
    ):
        play.run()
        assert fold(play.base, play.events) == play.state

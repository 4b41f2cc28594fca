"""Why a step stands as it does: `orch explain RUN ADDRESS`, by every reason, and the change that would turn it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from command import PROJECT, Desk
from plans import one_phase, plan_doc
from recorded import Recorded

from orch.model.events import Closed, Event, Expanded, Finished, Observed, Requested, Skipped, Started
from orch.model.status import FAILED_REASONS, SKIPPED_REASONS, WAITING_REASONS
from orch.review.case import Asked
from orch.review.explanation import Explanation
from orch.review.past import Past
from orch.review.why import explain
from orch.run.again import failed_steps
from orch.spec.expressions.parse import parse_expression
from orch.spec.expressions.unparse import unparse
from orch.store.journal import read
from orch.store.ledger import replay

FAILED = {"status": "failed", "reason": "command-failed", "exit_code": 2, "error": {"summary": "exit code 2"}}


class Told:
    """A run that was recorded; explanations of its steps."""

    def __init__(
        self, tmp_path: Path, phases: dict[str, Any], final: dict[str, Any] | None = None, **head: Any
    ) -> None:
        self.made = Recorded(tmp_path, plan_doc(phases, final, **head))
        self.made.open()
        self.status = "running"
        self.detail: str | None = None

    def happen(self, *events: Event) -> None:
        self.made.happen(*events)

    def start(self, address: str, attempt: int = 1) -> None:
        self.happen(Started(self.made.at(), address, attempt))

    def end(self, address: str, attempt: int = 1, *, final: bool = True, **fields: Any) -> None:
        self.start(address, attempt)
        given = {"status": "succeeded", "reason": "ok", "exit_code": 0, **fields}
        self.happen(Finished(self.made.at(), address, attempt, final, **given))

    def skip(self, address: str, reason: str, sentence: str = "") -> None:
        self.happen(Skipped(self.made.at(), address, reason, sentence))

    def close(self, status: str) -> None:
        self.happen(Closed(self.made.at(), status, status, {}, ""))
        self.status = status

    def why(self, address: str, **detail: Any) -> Explanation:
        made = self.made
        journal = read(made.run.journal, made.plan.digest)
        state, ledger = replay(made.compiled, journal.events)
        past = Past(made.run, made.compiled, state.plan, journal, state, ledger, self.status, self.detail)
        asked = Asked(lambda failure: {"details": detail}, failed_steps(state.plan, state), "pipelines/p.yaml")
        return explain(past, state.plan.index_of[address], asked)


def text(told: Explanation) -> str:
    return "\n".join(told.because)


def test_a_condition_is_shown_with_the_values_that_it_saw_and_the_input_that_turns_it(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(up={"if": "inputs.channel == 'stable'"}), inputs={"channel": "beta", "n": 1})
    told.skip("build.up", "if-false")
    why = told.why("build.up")
    assert list(why.because) == [
        "its `if` was false: inputs.channel == 'stable'",
        '  `inputs.channel` is "beta"',
    ]
    assert list(why.would_change) == ["with `--input channel=stable`, all else being equal, it runs"]
    assert list(why.next) == ["orch apply pipelines/p.yaml --input channel=stable --input n=1"]


def test_each_part_of_a_condition_is_told_and_only_what_is_false_is_turned(tmp_path: Path) -> None:
    condition = "inputs.a and (inputs.n >= 3 or inputs.c == 'x') and not inputs.d"
    inputs = {"a": True, "n": 1, "c": "y", "d": True}
    told = Told(tmp_path, one_phase(up={"if": condition}), inputs=inputs)
    told.skip("build.up", "if-false")
    why = told.why("build.up")
    assert list(why.because[1:]) == [
        "  `inputs.a` is true",
        "  `inputs.n >= 3` is false: `inputs.n` is 1",
        "  `inputs.c == 'x'` is false: `inputs.c` is \"y\"",
        "  `not inputs.d` is false: `inputs.d` is true",
    ]
    assert list(why.would_change) == ["with `--input n=3 --input d=false`, all else being equal, it runs"]


@pytest.mark.parametrize(
    ("condition", "inputs", "option"),
    [
        ("inputs.n > 3", {"n": 3}, "n=4"),
        ("inputs.n < 3", {"n": 3}, "n=2"),
        ("3 <= inputs.n", {"n": 2}, "n=3"),
        ("not (inputs.n < 5)", {"n": 2}, "n=5"),
        ("'go' in inputs.langs", {"langs": ["c"]}, '\'langs=["c", "go"]\''),
        ("inputs.lang in ['go', 'rust']", {"lang": "c"}, "lang=go"),
        ("'go' not in inputs.langs", {"langs": ["go", "c"]}, "'langs=[\"c\"]'"),
        ("inputs.a == inputs.b", {"a": "x", "b": "y"}, "a=y"),
    ],
)
def test_the_smallest_change_of_inputs(tmp_path: Path, condition: str, inputs: dict[str, Any], option: str) -> None:
    told = Told(tmp_path, one_phase(up={"if": condition}), inputs=inputs)
    told.skip("build.up", "if-false")
    assert told.why("build.up").would_change[0] == f"with `--input {option}`, all else being equal, it runs"


def test_no_input_is_named_where_none_turns_the_condition(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(up={"if": "inputs.a == 'x' and inputs.a == 'y'"}), inputs={"a": "z"})
    told.skip("build.up", "if-false")
    why = told.why("build.up")
    assert list(why.would_change) == ["no change of inputs is known that turns it: another condition"]
    assert not why.next


def test_a_condition_over_nodes_names_the_step_to_ask_about(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={"needs": ["a"], "if": "nodes.a.outputs.risky"}))
    told.end("build.a", outputs={"risky": False})
    told.skip("build.b", "if-false")
    why = told.why("build.b")
    assert "  `nodes.a.outputs.risky` is false" in why.because
    assert list(why.would_change) == ["`nodes.a.outputs.risky` would have to be true"]
    assert list(why.next) == [f"orch explain {told.made.run.run_id} build.a"]


def test_a_condition_is_shown_as_it_was_when_it_was_decided(tmp_path: Path) -> None:
    nodes = one_phase(a={}, b={"needs": ["a"], "trigger_rule": "all_done", "if": "nodes.a.status == 'succeeded'"})
    told = Told(tmp_path, nodes)
    told.end("build.a", **FAILED)
    told.skip("build.b", "if-false")
    told.close("failed")
    told.made.leave()
    told.made.open(reset=("build.a",))
    told.end("build.a", 2)
    assert '  `nodes.a.status` is "failed"' in told.why("build.b").because


def test_what_was_skipped_behind_a_failure_is_led_back_to_it(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={"needs": ["a"]}, c={"needs": ["b"]}))
    told.end("build.a", **FAILED)
    told.skip("build.b", "upstream-failed")
    told.skip("build.c", "upstream-failed")
    told.close("failed")
    why = told.why("build.c", stderr_tail="one\n\nlast words\n")
    assert why.root == "build.a"
    assert why.because[1] == "  build.b was skipped (upstream-failed)"
    assert "build.a failed (command-failed): exit code 2" in why.because[2]
    assert list(why.log) == ["one", "last words"]
    assert why.next[0] == f"orch retry {told.made.run.run_id} --failed"


def test_what_was_skipped_behind_a_skipped_step_is_led_back_to_its_condition(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"if": "inputs.no"}, b={"needs": ["a"]}))
    told.skip("build.a", "if-false")
    told.skip("build.b", "upstream-skipped")
    why = told.why("build.b")
    assert why.root == "build.a"
    assert "with `--input no=true`" in why.would_change[0]


def test_a_phase_that_was_not_reached_is_led_back_through_all_phases(tmp_path: Path) -> None:
    phases = {name: {"nodes": {name[0]: {}}} for name in ("one", "two", "three")}
    told = Told(tmp_path, phases)
    told.end("one.o", **FAILED)
    told.skip("two.t", "phase-not-reached")
    told.skip("three.t", "phase-not-reached")
    told.close("failed")
    why = told.why("three.t")
    assert why.because[0] == "phase `three` was not entered: one.o failed (command-failed): exit code 2"
    assert why.root == "one.o"


def test_a_phase_behind_a_check_that_failed_shows_what_the_check_saw(tmp_path: Path) -> None:
    phases = {"one": {"gates": {"ok": {"check": "inputs.n >= 2"}}, "nodes": {"a": {}}}}
    told = Told(tmp_path, phases, inputs={"n": 1})
    error = {"summary": "`inputs.n >= 2` is false"}
    told.happen(Finished(told.made.at(), "one.ok", 0, True, "failed", "check-failed", error=error))
    told.skip("one.a", "phase-not-reached")
    why = told.why("one.a")
    assert why.root == "one.ok"
    assert "  `inputs.n` is 1" in [line.replace("    ", "  ") for line in why.because]
    assert why.next[0] == "orch apply pipelines/p.yaml --input n=2"


def test_a_failed_step_says_which_attempt_and_what_retry_does_not_cover(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"retry": {"limit": 2, "on": ["timed-out"]}, "timeout_seconds": 90.0}))
    told.end("build.a", 1, final=False, status="failed", reason="timed-out", error={"summary": "stopped"})
    told.end("build.a", 2, **FAILED)
    told.close("failed")
    lines = told.why("build.a").because
    assert lines[0] == "attempt 2 of 3 ended so: exit code 2"
    assert lines[1] == "before it: attempt 1 timed-out"
    assert lines[2] == "`retry` tries again after timed-out, not after command-failed"
    assert "errors/02-build-a.json" in lines[-1]


def test_a_step_that_was_stopped_names_its_time_limit(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"timeout_seconds": 1200.0}))
    told.end("build.a", status="failed", reason="timed-out", exit_code=None, error={"summary": "stopped"})
    why = told.why("build.a")
    assert "its `timeout` is 20m" in why.because
    assert why.would_change[0].startswith("a longer `timeout`")


def test_a_failure_that_is_allowed_is_not_offered_a_retry(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"allow_failure": True}))
    told.end("build.a", **FAILED)
    told.close("succeeded")
    why = told.why("build.a")
    assert "it is allowed to fail: nothing else suffers for it" in why.because
    assert list(why.next) == ["orch apply pipelines/p.yaml --input yes=true --input no=false"]


def test_an_expression_that_failed_shows_the_values_that_it_reads(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"run": ["echo", "${{ inputs.a }}", "${{ inputs.b.c }}"]}), inputs={"a": [1]})
    error = {"summary": "`inputs.b` is undefined"}
    told.happen(Finished(told.made.at(), "build.a", 0, True, "failed", "expression-error", error=error))
    assert {"  `inputs.a` is [1]", "  `inputs.b.c` is undefined"} <= set(told.why("build.a").because)


def test_findings_are_told_with_their_places(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}))
    told.end("build.a", **FAILED)
    finding = {"file": "src/a.py", "line": 3, "test": "test_a", "message": "2 is not 3\nand more"}
    why = told.why("build.a", findings=[finding], found=4)
    assert "  src/a.py:3: test_a: 2 is not 3" in why.because
    assert "  and 3 more findings" in why.because


def test_a_cancelled_step_names_who_asked_for_the_end(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={"needs": ["a"]}))
    told.start("build.a")
    told.happen(Requested(told.made.at(), "r1", "cancel", "host:12", "accepted"))
    cancelled = {"status": "cancelled", "reason": "requested", "error": {"summary": "stopped on request"}}
    told.happen(Finished(told.made.at(), "build.a", 1, True, **cancelled))
    told.skip("build.b", "cancelled")
    told.close("cancelled")
    for address in ("build.a", "build.b"):
        assert "host:12 asked for the end" in text(told.why(address))


def test_a_step_that_fail_fast_ended_names_the_failure(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={}), fail_fast=True)
    told.end("build.a", **FAILED)
    told.skip("build.b", "cancelled")
    why = told.why("build.b")
    assert why.root == "build.a"
    assert "--fail-fast, and build.a failed (command-failed): exit code 2" in text(why)


@pytest.mark.parametrize(
    ("reason", "sentence", "says"),
    [
        ("not-selected", "", "selection (`--select`) that leaves it out"),
        ("no-tests", "no test was found", "found nothing to test: no test was found"),
        ("not-configured", "no linter is set up", "nothing to run here: no linter is set up"),
    ],
)
def test_a_step_that_had_nothing_to_do_says_so(tmp_path: Path, reason: str, sentence: str, says: str) -> None:
    told = Told(tmp_path, one_phase(a={}))
    told.skip("build.a", reason, sentence)
    assert says in text(told.why("build.a"))


def test_a_step_that_will_be_tried_again_says_when(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"retry": {"limit": 3, "delay_seconds": 60.0}}))
    told.end("build.a", **{**FAILED, "final": False})
    lines = told.why("build.a").because
    assert lines[0] == "attempt 1 failed (command-failed): exit code 2"
    assert lines[1] == "`retry` allows 3 more of 3 extra tries"
    assert lines[3] == "it is due at 2026-11-22 19:06:14 UTC"


def test_a_step_in_doubt_names_both_ways_to_settle_it(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"effect": {"once": "pr:1"}}))
    doubt = {"status": "waiting", "reason": "in-doubt", "error": {"summary": "stopped", "reason": "timed-out"}}
    told.end("build.a", final=False, **doubt)
    told.close("waiting")
    why = told.why("build.a")
    settle = f"orch settle {told.made.run.run_id} build.a"
    assert list(why.next[:2]) == [f"{settle} --done", f"{settle} --not-done"]
    assert "it has no `probe` that could tell" in why.because


def test_a_step_in_doubt_that_hands_something_over_cannot_be_called_done(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"effect": {"once": "pr:1"}, "outputs": {"url": "string"}}))
    doubt = {"status": "waiting", "reason": "in-doubt", "error": {"summary": "stopped", "reason": "timed-out"}}
    told.end("build.a", final=False, **doubt)
    told.close("waiting")
    assert told.why("build.a").next[0] == f"orch settle {told.made.run.run_id} build.a --not-done"


def test_a_queued_step_says_what_it_waits_for(tmp_path: Path) -> None:
    phases = {
        "one": {"nodes": {"a": {}, "b": {"needs": ["a"]}, "c": {}}},
        "two": {"nodes": {"d": {}}},
    }
    told = Told(tmp_path, phases, {"last": {}}, max_in_flight=1)
    told.start("one.a")
    assert list(told.why("one.b").because) == ["what it needs is not over:", "  one.a is running"]
    assert told.why("one.c").because[0] == "no job is free: 1 at a time (`--jobs`), busy with one.a"
    assert told.why("two.d").because[0] == "phase `two` waits for phase `one`: one.a, one.b, one.c"
    assert told.why("finally.last").because[0] == "`finally` begins when all else is over: 4 steps are not"


def test_a_child_of_a_matrix_that_is_held_names_who_is_at_work(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(m={"matrix": ["a", "b"], "max_parallel": 1}))
    told.start("build.m[a]")
    assert told.why("build.m[b]").because[0] == "`max_parallel` of build.m is 1, and these are at work: build.m[a]"
    whole = told.why("build.m")
    assert whole.status == "running"
    assert whole.because[0] == "it is a matrix of 2: 1 queued, 1 running"


def test_what_waits_behind_a_gate_is_led_to_it(tmp_path: Path) -> None:
    told = Told(tmp_path, {"ship": {"gates": {"agreed": "approval"}, "nodes": {"a": {}}}})
    told.happen(Observed(told.made.at(), "ship.agreed", "waiting", "needs-decision", "needs 1 more: editor", {}))
    told.close("waiting")
    why = told.why("ship.a")
    assert why.root == "ship.agreed"
    assert "phase `ship` is not entered before its gates are open" in why.because[0]


def test_of_an_interrupted_run_the_first_thing_is_to_resume_it(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={"needs": ["a"]}))
    told.status = "interrupted"
    why = told.why("build.b")
    assert "the owner of the run died" in why.because[0]
    assert list(why.next) == [f"orch resume {told.made.run.run_id}"]


def test_a_step_that_succeeded_says_what_it_waited_for_and_how_often_it_was_tried(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={"needs": ["a"], "retry": {"limit": 1}, "if": "inputs.yes"}))
    told.end("build.a")
    told.end("build.b", 1, **{**FAILED, "final": False})
    told.end("build.b", 2)
    why = told.why("build.b")
    assert "what it needs was over, and `all_success` held: build.a succeeded" in why.because
    assert "attempt 1 failed (command-failed): exit code 2" in why.because
    assert why.because[-1] == "attempt 2 began at 2026-11-22 19:05:17 UTC and took 1s"
    assert why.next[0].endswith("--input yes=false --input no=false")


@pytest.mark.parametrize(
    "expression",
    [
        "a.b == 'c' and (d or not e.f) and g[0].h != null",
        "not (a or b)",
        "'it\\'s' in a.b",
        "1 not in [1, 2.5, true]",
        "(a | default([])) == [] or a | length > 2",
        "(a | first).b < -3",
        "nodes.x.outputs[matrix.key] | default('none') | lower == 'none'",
    ],
)
def test_a_part_of_a_condition_is_written_so_that_it_means_the_same(expression: str) -> None:
    tree = parse_expression(expression)
    assert parse_expression(unparse(tree)) == tree


OPENING = """\
  find:
    nodes:
      list: { run: cp lists.json $ORCH_OUTPUT, outputs: { items: list, none: list } }
  each:
    nodes:
      unit: { matrix: { item: "${{ nodes.list.outputs.items }}" }, run: [sh, -c, "test ${{ matrix.item }} = a"] }
      empty: { matrix: { item: "${{ nodes.list.outputs.none }}" }, run: echo }
      after: { needs: [empty], run: echo }
      late:
        loop:
          until: nodes.test.status == 'succeeded'
          max_iterations: 2
          nodes: { test: { run: [sh, -c, "exit $((2 - ${{ loop.index }}))"], allow_failure: true } }
      never:
        loop:
          until: nodes.test.status == 'succeeded'
          max_iterations: 2
          nodes: { test: { run: [sh, -c, "exit ${{ loop.index }}"], allow_failure: true } }
      stuck:
        loop:
          until: nodes.bad.status == 'succeeded'
          max_iterations: 5
          stop_if_unchanged: 2
          nodes:
            bad: { run: "echo always the same >&2; exit 4" }
            then: { needs: [bad], run: echo }
      tell: { needs: [stuck], run: echo }
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk.at(tmp_path_factory.mktemp("opened"))
    desk.pipeline(OPENING)
    desk.write("lists.json", '{"items": ["a", "b"], "none": []}')
    desk.orch("apply", code=1)
    return desk


def why(desk: Desk, address: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(desk.orch("explain", "@last", address, "--json").out)
    return told


def test_a_loop_is_told_by_its_iterations_and_what_changed_between_them(opened: Desk) -> None:
    told = why(opened, "never")
    assert told["reason"] == "exhausted"
    assert told["because"] == [
        "it went round 2 of at most 2 times",
        "  #1: test failed (command-failed)",
        "  #2: test failed (command-failed)",
        "    other than before: test: exit code 1 → 2",
        "`until`, asked after the last of them: nodes.test.status == 'succeeded'",
        '  `nodes.test.status` is "failed"',
        "each.never#2.test failed (command-failed): exit code 2",
        *(f"  {line}" for line in why(opened, "each.never#2.test")["because"][1:]),
    ]
    assert "a larger `max_iterations` in a new run; a retry goes on with 2 more" in told["would_change"]


def test_a_loop_that_was_tried_again_is_told_by_the_iterations_that_it_has_got_since(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    loop = "until: nodes.test.status == 'succeeded', max_iterations: 3, nodes: { test: { run: test -e good } }"
    desk.pipeline(f"  each:\n    nodes:\n      fix: {{ loop: {{ {loop} }} }}\n")
    desk.orch("apply", code=1)
    assert why(desk, "fix")["because"][0] == "it went round 3 of at most 3 times"
    desk.orch("retry", "@last", code=1)
    assert why(desk, "fix")["because"][0] == "it went round 3 of at most 3 times since it was tried again, 6 in all"
    assert "after 3 iterations, 6 in all" in desk.orch("runs", "errors", "@last").out
    desk.write("good", "")
    desk.orch("retry", "@last")
    assert why(desk, "fix")["because"][0] == "it went round 1 of at most 3 times since it was tried again, 7 in all"


def test_a_loop_that_may_fail_goes_on_by_its_own_name(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    loop = "until: nodes.test.status == 'succeeded', max_iterations: 3, nodes: { test: { run: test -e good } }"
    fix = f"allow_failure: true, matrix: {{ n: [a, b] }}, loop: {{ {loop} }}"
    desk.pipeline(f"  each:\n    nodes:\n      fix: {{ {fix} }}\n")
    desk.orch("apply")
    told = why(desk, "fix[b]")
    assert "a larger `max_iterations` in a new run; a retry goes on with 3 more" in told["would_change"]
    assert told["next"][0].endswith("--from 'each.fix[b]'")
    desk.write("good", "")
    desk.orch(*shlex.split(told["next"][0])[1:])
    assert why(desk, "fix[b]")["status"] == "succeeded"
    assert why(desk, "fix[a]")["status"] == "failed"


def test_a_loop_that_succeeded_says_what_ended_it(opened: Desk) -> None:
    told = why(opened, "late")
    assert told["status"] == "succeeded"
    assert told["because"][-2:] == [
        "`until`, asked after the last of them: nodes.test.status == 'succeeded'",
        '  `nodes.test.status` is "succeeded"',
    ]


def test_a_loop_that_changed_nothing_is_led_to_the_node_that_failed_in_it(opened: Desk) -> None:
    told = why(opened, "stuck")
    assert told["reason"] == "unchanged"
    assert "    nothing was other than before" in told["because"]
    assert told["root"] == "each.stuck#2.bad"
    assert told["log"] == ["always the same"]
    behind = why(opened, "tell")
    assert (behind["root"], behind["log"]) == (told["root"], told["log"])


def test_a_node_in_a_loop_names_its_iteration_and_the_loop_to_ask_about(opened: Desk) -> None:
    told = why(opened, "each.stuck#1.bad")
    assert told["because"][0] == "it is inside of each.stuck, in iteration 1 of 2"
    assert "what fails in a loop fails nothing else: the loop goes on, or ends for it" in told["would_change"]
    assert told["next"][0].endswith("each.stuck")
    assert why(opened, "each.stuck#2.then")["root"] == "each.stuck#2.bad"


def test_a_matrix_of_the_run_says_what_its_children_were_made_from(opened: Desk) -> None:
    told = why(opened, "unit")
    assert told["because"][:2] == [
        "it is a matrix of 2: 1 succeeded, 1 failed",
        '  `nodes.list.outputs.items` is ["a", "b"]',
    ]
    assert told["root"] == "each.unit[b]"


def test_a_matrix_without_children_shows_the_list_that_is_empty(opened: Desk) -> None:
    for address in ("empty", "after"):
        told = why(opened, address)
        assert "`nodes.list.outputs.none` is []" in [line.strip() for line in told["because"]]
        assert told["next"] == [f"orch explain {opened.run_dir().name} find.list"]


def test_a_report_shows_iterations_below_their_loop_and_tells_each_failure_once(opened: Desk) -> None:
    opened.orch("report", "@last", "-o", "report.md")
    markdown = (opened.folder / "report.md").read_text()
    rows = re.findall(r"^\| `(each\.\S+)` \| . \w+", markdown, re.M)
    assert rows.index("each.stuck") < rows.index("each.stuck#1.bad") < rows.index("each.stuck#2.then")
    assert "iteration 2 changed test: exit code 1 → 2" in markdown
    assert '"✗ unit: 1 failed, 1 succeeded failed"' in markdown
    titles = re.findall(r"^### `(.*)` ✗", markdown, re.M)
    assert titles == ["each.never", "each.stuck", "each.unit[b]"]
    opened.orch("report", "@last", "-o", "report.html")


def child(**phases: Any) -> dict[str, Any]:
    return one_phase(before={}, c={"needs": ["before"], "pipeline": {"phases": phases}}, after={"needs": ["c"]})


def test_a_child_pipeline_is_led_to_the_step_in_it_that_failed(tmp_path: Path) -> None:
    told = Told(tmp_path, child(one={"nodes": {"a": {}}}, two={"nodes": {"b": {}}}))
    told.end("build.before")
    told.happen(Expanded(told.made.at(), "build.c"))
    told.end("build.c/one.a", **FAILED)
    told.skip("build.c/two.b", "phase-not-reached")
    error = {"summary": "build.c/one.a did not succeed"}
    told.happen(Finished(told.made.at(), "build.c", 0, True, "failed", "children-failed", error=error))
    told.skip("build.after", "upstream-failed")
    told.close("failed")
    assert told.why("build.c").because[:2] == [
        "it is the pipeline c (c.yaml): 1 failed, 1 skipped",
        "build.c/one.a failed (command-failed): exit code 2",
    ]
    for address in ("build.c", "build.after", "build.c/two.b"):
        assert told.why(address, stderr_tail="last words").root == "build.c/one.a"
        assert list(told.why(address, stderr_tail="last words").log) == ["last words"]
    assert told.why("build.c/one.a").because[0] == "it is inside of build.c"


def test_what_is_inside_of_a_step_that_has_not_begun_says_so(tmp_path: Path) -> None:
    told = Told(tmp_path, child(one={"nodes": {"a": {}}}))
    told.start("build.before")
    lines = told.why("build.c/one.a").because
    assert lines[:2] == ["it is inside of build.c", "what opens it has not begun: build.c is queued"]
    assert "    build.before is running" in lines


def test_what_is_inside_of_a_step_that_was_skipped_is_led_to_its_condition(tmp_path: Path) -> None:
    phases = one_phase(c={"if": "inputs.no", "pipeline": {"phases": {"one": {"nodes": {"a": {}}}}}})
    told = Told(tmp_path, phases)
    told.skip("build.c", "if-false")
    told.skip("build.c/one.a", "phase-not-reached")
    why = told.why("build.c/one.a")
    assert why.root == "build.c"
    assert "with `--input no=true`" in why.would_change[0]


CACHED = """\
  main:
    nodes:
      one:
        run: cat src/*.txt
        cache: { paths: [src/**], env: [LEVEL] }
"""


def test_the_two_keys_of_a_result_are_laid_side_by_side(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(CACHED)
    desk.write("src/a.txt", "a")
    desk.write("src/b.txt", "b")
    desk.orch("apply")
    told = desk.orch("explain", "@last", "one").out
    assert "it has a `cache`, and no result that could be used: no result is kept" in told
    first = desk.run_dir().name
    desk.orch("apply")
    said = desk.orch("explain", "@last", "one").out
    assert f"nothing that it reads has changed since run {first}" in said
    desk.write("src/a.txt", "another")
    desk.write("src/c.txt", "c")
    desk.env["LEVEL"] = "3"
    desk.orch("apply")
    told = json.loads(desk.orch("explain", "@last", "one", "--json").out)
    assert f"the result of run {first} was not used: env LEVEL changed, and 2 more" in told["because"]
    assert [(row["name"], row["was"] is None) for row in told["compared"]] == [
        ("key", False),
        ("env LEVEL", False),
        ("src/a.txt", False),
        ("src/c.txt", True),
    ]
    assert "  src/c.txt      -  " in desk.orch("explain", "@last", "one").out


def test_of_a_list_of_many_files_the_one_that_changed_is_named(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(CACHED)
    for number in range(40):
        desk.write(f"src/{number}.txt", str(number))
    desk.orch("apply")
    desk.write("src/7.txt", "seven")
    desk.orch("apply")
    told = json.loads(desk.orch("explain", "@last", "one", "--json").out)
    assert [row["name"] for row in told["compared"]] == ["key", "src/7.txt"]


def test_a_step_that_the_budget_ended_says_so(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}, b={"needs": ["a"]}), budget={"nodes": 1})
    told.end("build.a")
    error = {"summary": "the budget of 1 attempt is spent"}
    told.happen(Finished(told.made.at(), "build.b", 0, True, "failed", "budget-exceeded", error=error))
    why = told.why("build.b")
    assert why.because[:2] == [
        "the budget of 1 attempt is spent",
        "the whole run has a `budget`, and nothing starts when that is spent",
    ]
    assert "with a new budget" in why.would_change[0]


def test_no_attempt_is_said_to_have_ended_of_a_budget_that_only_kept_the_next_from_starting(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"retry": {"limit": 5}}), budget={"nodes": 2})
    told.end("build.a", 1, **{**FAILED, "final": False})
    told.end("build.a", 2, **{**FAILED, "final": False})
    error = {"summary": "the budget of 2 attempts is spent"}
    told.happen(Finished(told.made.at(), "build.a", 0, True, "failed", "budget-exceeded", error=error))
    assert told.why("build.a").because[:3] == [
        "the budget of 2 attempts is spent",
        "before it: attempt 1 command-failed, attempt 2 command-failed",
        "the whole run has a `budget`, and nothing starts when that is spent",
    ]


def test_an_attempt_that_a_budget_ended_says_so(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={"retry": {"limit": 5}}), budget={"wall_seconds": 2})
    error = {"summary": "the budget of 2s of work is spent"}
    told.end("build.a", 1, status="failed", reason="budget-exceeded", error=error)
    assert told.why("build.a").because[:2] == [
        "attempt 1 of 6 ended so: the budget of 2s of work is spent",
        "the whole run has a `budget`, and nothing starts when that is spent",
    ]


def test_attempts_are_counted_from_the_time_when_the_run_was_taken_up_again(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  build:\n    nodes:\n      a: { run: exit 3, retry: { limit: 1, delay: 1ms } }\n")
    desk.orch("apply", code=1)
    assert why(desk, "a")["because"][0] == "attempt 2 of 2 ended so: exit code 3"
    desk.orch("retry", "@last", code=1)
    said = "attempt 4, 2 of 2 since the run was taken up again, ended so: exit code 3"
    assert why(desk, "a")["because"][0] == said


def test_a_step_of_a_run_of_which_nothing_has_begun_is_explained(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  one: { nodes: { a: { run: 'true' }, b: { needs: [a], run: 'true' } } }\n")
    desk.orch("apply")
    (desk.run_dir() / "journal.ndjson").write_bytes(b"")  # its owner died before its first record
    assert "nothing of the run has begun" in desk.orch("explain", "@last", "one.b").out


def test_the_logs_of_a_step_that_the_run_has_added_are_found_by_its_address(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    loop = "{ until: nodes.b.status == 'succeeded', max_iterations: 2, nodes: { b: { run: echo hello } } }"
    desk.pipeline(f"  one: {{ nodes: {{ a: {{ loop: {loop} }} }} }}\n")
    desk.orch("apply")
    assert desk.orch("runs", "logs", "@last", "one.a#1.b").out.endswith("hello\n")


def test_a_run_that_waits_for_a_place_in_its_group_says_so(tmp_path: Path) -> None:
    told = Told(tmp_path, one_phase(a={}))
    told.status, told.detail = "queued", 'for a place in "deploy"'
    assert told.why("build.a").because[0] == 'the run waits for a place in "deploy", and nothing of it starts before'


def test_the_change_that_is_named_is_one_that_works(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    inputs = "inputs: { channel: { type: enum, values: [beta, stable], default: beta } }\n"
    nodes = "  main:\n    nodes:\n      up: { if: inputs.channel == 'stable', run: echo ran }\n"
    desk.pipeline(nodes, inputs)
    desk.orch("apply")
    told = json.loads(desk.orch("explain", "@last", "up", "--json").out)
    assert (told["format_version"], told["status"], told["reason"]) == (1, "skipped", "if-false")
    desk.orch(*shlex.split(told["next"][0])[1:])
    assert desk.node("main.up")["status"] == "succeeded"


def test_a_gate_that_waits_names_who_decided_and_the_command_that_is_missing(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("rules.md", "All of it.\n")
    gate = "agreed: { approval: { subject: [rules.md], require: { editor: 2 } } }"
    desk.pipeline(f"  publish:\n    gates: {{ {gate} }}\n    nodes: {{ print: {{ run: echo printed }} }}\n")
    desk.orch("apply", code=4)
    desk.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    desk.write("rules.md", "All of it, and more.\n")
    desk.orch("approve", "agreed", "--role", "editor", "--by", "second")
    desk.orch("resume", "@last", code=4)
    told = json.loads(desk.orch("explain", "@last", "publish.agreed", "--json").out)
    lines = "\n".join(told["because"])
    assert "needs 1 more: editor" in lines
    assert "it is about other content: rules.md changed since" in lines
    assert "second as editor: approved" in lines
    desk.orch(*shlex.split(told["next"][0].replace("NAME", "writer"))[1:])
    desk.orch("resume", "@last")
    assert "approved by" in desk.orch("explain", "@last", "agreed").out


def test_an_unknown_step_is_answered_with_the_one_that_was_meant(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      tests: { run: echo }\n")
    desk.orch("apply")
    assert "did you mean `main.tests`?" in desk.orch("explain", "@last", "test", code=2).err
    assert "lists the addresses" in desk.orch("explain", "@last", "something", code=2).err
    assert "main.tests" in desk.orch("explain", "@last", "main.tests").out


def test_a_run_alone_is_asked_for_its_step(tmp_path: Path) -> None:
    assert "which step of it?" in Desk.at(tmp_path).orch("explain", "@last", code=2).err


def test_a_code_is_explained_as_json_too(tmp_path: Path) -> None:
    codes = json.loads(Desk.at(tmp_path).orch("explain", "O101", "--json").out)["codes"]
    assert list(codes) == ["O101"]


def test_explaining_writes_nothing(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      one: { run: exit 1 }\n")
    desk.orch("apply", code=1)
    before = desk.files()
    desk.orch("explain", "@last", "one")
    assert desk.files() == before


@pytest.mark.parametrize("reason", SKIPPED_REASONS)
def test_no_reason_to_be_skipped_is_left_unexplained(tmp_path: Path, reason: str) -> None:
    phases = {"one": {"nodes": {"a": {}}}, "two": {"nodes": {"b": {"if": "inputs.no"}, "c": {"needs": ["b"]}}}}
    told = Told(tmp_path, phases)
    address = {"phase-not-reached": "two.c", "upstream-failed": "two.c", "upstream-skipped": "two.c"}.get(
        reason, "two.b"
    )
    told.end("one.a", **(FAILED if reason == "phase-not-reached" else {}))
    if reason == "upstream-failed":
        told.end("two.b", **FAILED)
    elif reason == "upstream-skipped":
        told.skip("two.b", "if-false")
    told.skip(address, reason)
    assert told.why(address).because
    assert told.why(address).would_change


@pytest.mark.parametrize("reason", FAILED_REASONS)
def test_no_reason_to_fail_is_left_unexplained(tmp_path: Path, reason: str) -> None:
    told = Told(tmp_path, one_phase(a={}))
    told.end("build.a", status="failed", reason=reason)
    assert reason in told.why("build.a").because[0]
    assert told.why("build.a").would_change


@pytest.mark.parametrize("reason", WAITING_REASONS)
def test_no_reason_to_wait_is_left_unexplained(tmp_path: Path, reason: str) -> None:
    phases = {"one": {"gates": {"g": "approval"}, "nodes": {"a": {"retry": {"limit": 1}}}}}
    told = Told(tmp_path, phases)
    told.happen(Observed(told.made.at(), "one.g", "waiting", reason, f"it is {reason}", {}))
    assert told.why("one.g").because[0] == f"it is {reason}"
    assert told.why("one.g").next

"""A retry of a part: what a failure has kept from running, and still has not run, is no success of the run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command import BIN, Desk
from plans import compiled, one_phase
from play import FAILS, Play

from orch.model.events import Observed
from orch.run.scope import ends_as

MAIN = """
  main: { nodes: { q: { run: test -e mended }, last: { needs: [q], run: 'true' } } }
  ship:
    gates: { green: { check: { expr: nodes.q.status == 'succeeded' } } }
    nodes: { deploy: { run: echo x >> deploy.log } }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path)


def test_a_run_in_which_a_retry_leaves_something_behind_has_not_succeeded() -> None:
    phases = {"one": {"nodes": {"a": {}, "b": {"needs": ["a"]}}}, "two": {"nodes": {"c": {}}}}
    final = {"f": {}, "glad": {"if": "run.status == 'succeeded'"}}
    play = Play(compiled(phases, final), {"one.a": FAILS}).open()
    assert play.run() == "failed"
    play.outcomes.clear()
    play.open("one.a")
    assert play.run() == "failed"
    assert ends_as(play.plan, play.state) == ("failed", "left-behind")
    assert play.result("finally.glad") == "skipped if-false"
    play.open("one.b", "two.c")
    assert play.run() == "succeeded"
    assert play.result("finally.glad") == "succeeded ok"


def test_what_a_cancel_kept_from_beginning_is_left_behind_too() -> None:
    play = Play(compiled(one_phase(a={}, b={}), max_in_flight=1)).open()
    play.start("build.a")
    play.cancel()
    assert play.run() == "cancelled"
    play.open("build.a")
    assert play.run() == "failed"
    assert play.result("build.b") == "skipped cancelled"
    play.open("build.b")
    assert play.run() == "succeeded"


def test_what_a_cancel_has_ended_and_no_retry_has_chosen_is_left_behind() -> None:
    play = Play(compiled(one_phase(a={}, b={}), {"f": {}})).open()
    play.start("build.a")
    play.start("build.b")
    play.cancel()
    assert play.run() == "cancelled"
    play.open("build.a")
    assert play.run() == "failed"
    assert ends_as(play.plan, play.state) == ("failed", "left-behind")
    play.open("build.b")
    assert play.run() == "succeeded"


def test_what_fails_beside_a_step_that_a_cancel_has_ended_is_why_the_run_failed() -> None:
    play = Play(compiled(one_phase(a={}, b={}))).open()
    play.start("build.a")
    play.start("build.b")
    play.cancel()
    assert play.run() == "cancelled"
    play.outcomes["build.a"] = FAILS
    play.open("build.a")
    assert play.run() == "failed"
    assert ends_as(play.plan, play.state) == ("failed", "failed")


def test_a_cancelled_run_of_which_a_part_is_retried_says_what_it_has_left_and_what_takes_it_up(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes: { ok: { run: echo }, s: { run: 'test -e mended || { echo > reached; sleep 1000; }' } }\n"
        "finally: { tell: { run: [echo, '${{ run.status }}'] } }\n"
    )
    os.mkfifo(desk.folder / "reached")
    null = subprocess.DEVNULL
    argv = [str(BIN / "orch"), "apply", "--jobs", "1"]
    with subprocess.Popen(argv, cwd=desk.folder, env=desk.environment(), stdout=null, stderr=null) as run:
        (desk.folder / "reached").read_text()
        desk.orch("cancel", "@last")
    assert run.returncode == 1
    following = f"orch retry {desk.run_dir().name} --failed"
    for words in ("one.ok", "finally.tell"):
        said = desk.orch("retry", "@last", "--only", words, code=1)
        assert "`one.s` stay cancelled" in said.err
        assert "1 cancelled (1 left behind)" in said.text
        assert "one.s  cancelled before, and not decided again" in said.text
        assert following in said.text
        shown = desk.orch("runs", "show", "@last").out
        assert "failed (left-behind)" in shown
        assert following in shown
        assert "explain" in shown
        told = desk.orch("explain", "@last", "s").out
        assert "asked for the end at" in told
        assert following in told
        desk.orch("verify", "@last")
    desk.write("mended", "")
    desk.orch(*following.split()[1:])
    assert "left" not in desk.orch("runs", "show", "@last").out


def test_what_a_condition_or_an_allowed_failure_skipped_is_not_left_behind() -> None:
    nodes = {"no": {"if": "false"}, "b": {"needs": ["no"]}, "odd": {"allow_failure": True}, "c": {"needs": ["odd"]}}
    play = Play(compiled(one_phase(**nodes)), {"build.odd": FAILS}).open()
    assert play.run() == "succeeded"
    assert ends_as(play.plan, play.state) == ("succeeded", "succeeded")
    assert play.result("build.b") == "skipped upstream-skipped"


def test_a_child_pipeline_in_which_a_retry_leaves_something_behind_has_failed() -> None:
    child = {"phases": {"x": {"nodes": {"a": {}, "b": {"needs": ["a"]}}}}}
    play = Play(compiled(one_phase(sub={"pipeline": child})), {"build.sub/x.a": FAILS}).open()
    assert play.run() == "failed"
    play.outcomes.clear()
    play.open("build.sub", "build.sub/x.a")
    assert play.run() == "failed"
    assert play.result("build.sub") == "failed children-failed"
    assert "stayed skipped" in play.state.sentence[play.step("build.sub")]
    play.open("build.sub", "build.sub/x.b")
    assert play.run() == "succeeded"


def test_what_is_chosen_behind_a_gate_that_is_left_behind_is_not_reached() -> None:
    phases = {
        "one": {"nodes": {"a": {}}},
        "two": {"gates": {"g": {"check": "true"}}, "nodes": {"b": {}}},
        "three": {"nodes": {"c": {}}},
    }
    play = Play(compiled(phases), {"one.a": FAILS}).open()
    assert play.run() == "failed"
    play.outcomes.clear()
    play.open("one.a", "three.c")
    assert play.run() == "failed"
    assert play.result("three.c") == "skipped phase-not-reached"


def test_a_run_that_left_something_behind_says_so_everywhere_and_names_the_retry_that_takes_it_up(desk: Desk) -> None:
    desk.pipeline(MAIN)
    desk.orch("apply", code=1)
    desk.write("mended", "")
    said = desk.orch("retry", "@last", "--only", "q", code=1)
    assert "1 succeeded, 2 skipped (2 left behind)" in said.text
    assert "because of a failure that is no longer there" in said.text
    following = f"orch retry {desk.run_dir().name} --failed"
    assert following in said.text
    assert desk.orch("resume", "@last", code=1)
    shown = desk.orch("runs", "show", "@last").out
    assert "failed (left-behind)" in shown
    assert following in shown
    assert "failed" in desk.orch("runs", "list").out
    for step in ("deploy", "last", "green"):
        told = desk.orch("explain", "@last", step).out
        assert "because of a failure that is no longer there" in told
        assert following in told
    desk.orch("verify", "@last")
    desk.orch(*following.split()[1:])
    assert desk.lines("deploy.log") == 1
    assert "left" not in desk.orch("runs", "show", "@last").out


def test_a_retry_of_a_part_that_leaves_nothing_behind_succeeds(desk: Desk) -> None:
    desk.pipeline(MAIN)
    desk.orch("apply", code=1)
    desk.write("mended", "")
    desk.orch("retry", "@last", "--only", "q last phase:ship")
    assert desk.lines("deploy.log") == 1


def test_what_needs_a_matrix_without_values_says_so(desk: Desk) -> None:
    nil = 'nil: { matrix: { a: "${{ inputs.xs }}" }, run: "true" }'
    desk.pipeline(
        f"  one: {{ nodes: {{ {nil}, b: {{ needs: [nil], run: 'true' }} }} }}\n",
        "inputs: { xs: { type: list, default: [] } }\n",
    )
    desk.orch("apply")
    told = desk.orch("explain", "@last", "b").out
    assert "one.nil is a matrix without values" in told
    assert "failure" not in told


def test_a_gate_that_a_cancel_skipped_tells_nobody_to_approve_it() -> None:
    play = Play(compiled({"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}}), gates={"one.g": "rejected"}).open()
    play.happened(Observed(play.now, "one.g", "waiting", "rejected", "to supersede it: orch approve g", {}))
    play.cancel()
    assert play.run() == "cancelled"
    assert play.step("one.g") not in play.state.sentence

"""What a selection leaves of a plan and of a run, and what a retry decides again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import PROJECT, Desk

from orch.app.context import Context
from orch.app.planning import PlanRequest, make_plan
from orch.app.saved import load_saved
from orch.problems.problem import Exit, OrchError

PIPELINE = """\
apiVersion: orch/v1
kind: Pipeline
name: parts
inputs: { word: { type: string, default: hello } }
phases:
  plan:
    gates: { fresh: { approval: { subject: [p.yaml], require: { editor: 1 } } } }
    nodes:
      make: { run: "true", outputs: { n: number } }
      note: { run: "true", tags: [slow], description: A note. }
  build:
    gates: { agreed: { approval: { subject: ["output:make"], evidence: [make], require: { editor: 1 } } } }
    nodes:
      one: { run: [echo, "${{ inputs.word }}"] }
      two: { run: "true", needs: [one], matrix: { n: [a, b] } }
      three: { run: "true", needs: [two], tags: [slow] }
  other: { needs: [], nodes: { alone: { run: "true" } } }
finally: { last: { run: "true" } }
"""
PLAIN = PIPELINE.replace("output:make", "p.yaml").replace(", evidence: [make]", "")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "orch.yaml").write_text(PROJECT)
    (tmp_path / "p.yaml").write_text(PLAIN)
    return Context(cwd=str(tmp_path), env={}, cores=2)


def kept(context: Context, *select: str, exclude: tuple[str, ...] = ()) -> str:
    plan = make_plan(context, PlanRequest("p.yaml", select=select, exclude=exclude))
    (Path(context.cwd) / "plan.json").write_bytes(plan.plan.data)
    assert load_saved(context, "plan.json", PlanRequest()).plan.data == plan.plan.data
    selected = [step["address"] for step in plan.plan.doc["steps"] if step.get("selected", True)]
    flags = plan.compiled.selected
    assert selected == [plan.compiled.addresses[n] for n in plan.compiled.steps if flags is None or flags[n]]
    assert plan.compiled.digest == plan.plan.digest
    return " ".join(address.partition(".")[2] for address in selected)


@pytest.mark.parametrize(
    ("select", "steps"),
    [
        ("one", "fresh agreed one last"),
        ("+one", "fresh make note agreed one last"),
        ("+three", "fresh make note agreed one two[a] two[b] three last"),
        ("one+", "fresh agreed one two[a] two[b] three last"),
        ("two[a]+", "fresh agreed two[a] three last"),
        ("note+", "fresh note agreed one two[a] two[b] three last"),
        ("two", "fresh agreed two[a] two[b] last"),
        ("build.two[*]", "fresh agreed two[a] two[b] last"),
        ("t*", "fresh agreed two[a] two[b] three last"),
        ("phase:other", "alone last"),
        ("tag:slow", "fresh note agreed three last"),
        ("tag:slow,phase:build", "fresh agreed three last"),
        ("tag:slow alone", "fresh note agreed three alone last"),
        ("kind:gate", "fresh agreed last"),
        ("agreed+", "fresh agreed one two[a] two[b] three last"),
        ("finally.last", "last"),
        ("kind:run", "fresh make note agreed one two[a] two[b] three alone last"),
    ],
)
def test_a_selection_keeps_its_steps_and_the_gates_that_stand_before_them(
    context: Context, select: str, steps: str
) -> None:
    assert kept(context, select) == steps


@pytest.mark.parametrize(
    ("select", "exclude", "steps"),
    [
        ((), "three", "fresh make note agreed one two[a] two[b] alone last"),
        ((), "phase:build", "fresh make note alone last"),
        ((), "build.one+", "fresh make note alone last"),
        ((), "kind:run", ""),
        (("one+",), "two[b]", "fresh agreed one two[a] three last"),
        (("one",), "one", ""),
        ((), "agreed", ""),
        ((), "last", ""),
        (("one",), "nowhere", ""),
    ],
)
def test_what_is_excluded_is_left_out_whatever_is_selected(
    context: Context, select: tuple[str, ...], exclude: str, steps: str
) -> None:
    if steps:
        assert kept(context, *select, exclude=(exclude,)) == steps
        return
    with pytest.raises(OrchError) as refused:
        kept(context, *select, exclude=(exclude,))
    assert [problem.code for problem in refused.value.problems] == ["O280"]
    assert refused.value.exit == Exit.USAGE


@pytest.mark.parametrize("select", ["tag:slow,phase:other", "status:failed", "state:modified", "twoo", "two,,one"])
def test_a_selection_that_means_no_step_is_refused(context: Context, select: str) -> None:
    with pytest.raises(OrchError) as refused:
        kept(context, select)
    assert [problem.code for problem in refused.value.problems] == ["O280"]
    assert refused.value.exit == Exit.USAGE


def test_a_gate_about_what_is_not_selected_is_refused(context: Context) -> None:
    (Path(context.cwd) / "p.yaml").write_text(PIPELINE)
    with pytest.raises(OrchError) as refused:
        kept(context, "one")
    assert refused.value.exit == Exit.INVALID
    said = {problem.message: problem.hint for problem in refused.value.problems}
    assert set(said.values()) == {"select `plan.make` too"}
    assert len(said) == 2
    assert kept(context, "one make")


RUNS = """\
  build:
    nodes:
      one: { run: echo ${{ inputs.word }} >> ran; test ! -e bad }
      two: { needs: [one], run: echo two >> ran }
  ship:
    nodes:
      release: { run: echo release >> ran, effect: { once: release }, description: Out. }
      after: { needs: [release], run: echo after >> ran }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.pipeline(RUNS.replace("${{ inputs.word }}", "one"))
    return desk


def ran(desk: Desk) -> str:
    """What has run since this was last asked."""
    file = desk.folder / "ran"
    words = " ".join(file.read_text().split()) if file.exists() else ""
    file.unlink(missing_ok=True)
    return words


def planned(desk: Desk, *words: str) -> list[str]:
    steps = json.loads(desk.orch("plan", "--json", *words).out)["steps"]
    return [step["address"].partition(".")[2] for step in steps if step["word"] != "skip"]


def test_the_last_run_of_the_pipeline_says_what_failed_and_what_was_modified(desk: Desk) -> None:
    assert "orch apply pipelines/main.yaml" in desk.orch("plan", "--select", "status:failed", code=2).err
    desk.write("bad", "")
    desk.orch("apply", code=1)
    assert planned(desk, "--select", "status:failed") == ["one"]
    assert planned(desk, "--select", "status:failed+") == ["one", "two", "release", "after"]
    assert planned(desk, "--select", "state:modified") == ["one", "two", "release", "after"]
    (desk.folder / "bad").unlink()
    desk.orch("apply")
    assert ran(desk) == "one one two release after"
    nothing = desk.orch("plan", "--select", "state:modified", code=2).err
    assert "4 succeeded, 0 modified since they last succeeded" in nothing
    assert "4 succeeded\n" in desk.orch("plan", "--select", "status:failed", code=2).err
    changed = RUNS.replace("${{ inputs.word }}", "one").replace("echo two", "echo 2").replace("Out.", "Out again.")
    desk.pipeline(changed + "      new: { run: 'true' }\n")
    assert planned(desk, "--select", "state:modified") == ["two", "new"]
    desk.orch("apply", "--select", "status:succeeded,one")
    assert ran(desk) == "one"
    assert "state:modified" in desk.orch("retry", "@last", "--only", "state:modified", code=2).err


def test_a_step_that_reads_an_input_of_another_value_is_modified(desk: Desk) -> None:
    inputs = "inputs: { word: { type: string, default: a } }\n"
    desk.pipeline("  p:\n    nodes: { x: { run: [echo, '${{ inputs.word }}'] }, y: { run: 'true' } }\n", inputs)
    desk.orch("apply")
    assert planned(desk, "--input", "word=b", "--select", "state:modified") == ["x"]
    desk.orch("plan", "--select", "state:modified", code=2)


def test_a_step_whose_files_are_other_than_in_the_last_run_is_modified(desk: Desk) -> None:
    node = "{ run: cat src/*, cache: { paths: [src/*] } }"
    desk.pipeline(f"  p:\n    nodes: {{ x: {node}, y: {node.replace('src', 'doc')}, z: {{ run: 'true' }} }}\n")
    desk.write("src/a", "a")
    desk.write("doc/a", "a")
    desk.orch("apply")
    desk.orch("plan", "--select", "state:modified", code=2)
    desk.write("src/b", "b")
    assert planned(desk, "--select", "state:modified") == ["x"]
    desk.orch("apply")
    desk.orch("plan", "--select", "state:modified", code=2)
    (desk.folder / "src/b").unlink()
    desk.write("doc/a", "other")
    assert planned(desk, "--select", "state:modified") == ["x", "y"]


A_THEN_B = """  p:
    nodes:
      a: { run: "test ! -e bad", cache: { paths: [src/a] } }
      b: { needs: [a], run: cat src/b, cache: { paths: [src/b] } }
"""


@pytest.fixture
def edited(desk: Desk) -> Desk:
    """Both have succeeded; then b was changed, in its text or in what it reads."""
    desk.pipeline(A_THEN_B)
    desk.write("src/b", "b")
    desk.orch("apply")
    return desk


@pytest.mark.parametrize("change", ["text", "file"])
@pytest.mark.parametrize("between", ["failed", "not selected", "cut short"])
def test_a_change_that_a_run_did_not_come_to_stays_modified(edited: Desk, change: str, between: str) -> None:
    if change == "text":
        edited.pipeline(A_THEN_B.replace("cat src/b", "cat ./src/b"))
    edited.write("src/b", "b" if change == "text" else "other")
    if between == "not selected":
        edited.orch("apply", "--select", "a")
    else:
        edited.write("bad", "")
        edited.write("src/a", "other")
        edited.orch("apply", *(["--fail-fast"] if between == "cut short" else []), code=1)
        (edited.folder / "bad").unlink()
        (edited.folder / "src/a").unlink()
    assert planned(edited, "--select", "state:modified") == ["b"]
    edited.orch("apply", "--select", "state:modified")
    edited.orch("plan", "--select", "state:modified", code=2)


def test_a_step_is_compared_with_the_run_in_which_it_last_succeeded(edited: Desk) -> None:
    edited.pipeline(A_THEN_B.replace("cat src/b", "test ! -e src/b"))
    edited.orch("apply", code=1)
    assert planned(edited, "--select", "state:modified") == ["b"]
    edited.pipeline(A_THEN_B)
    edited.orch("plan", "--select", "state:modified", code=2)


def test_what_may_fail_and_a_gate_that_nobody_asks_for_have_come_to_their_end(desk: Desk) -> None:
    gate = "gates: { agreed: { if: inputs.risky, approval: { subject: [src], require: { editor: 1 } } } }"
    node = "nodes: { lint: { run: 'false', allow_failure: true } }"
    inputs = "inputs: { risky: { type: boolean, default: false } }\n"
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(f"  p:\n    {gate}\n    {node}\n", inputs)
    desk.orch("apply")
    desk.orch("plan", "--select", "state:modified", code=2)
    desk.pipeline(f"  p:\n    {gate}\n    {node}\n".replace("'false'", "exit 1"), inputs)
    assert planned(desk, "--select", "state:modified") == ["lint"]


def test_a_run_that_cannot_be_read_has_shown_nothing(edited: Desk) -> None:
    journal = edited.run_dir() / "journal.ndjson"
    edited.orch("apply", "--select", "a")
    journal.write_text("nothing\n")
    assert planned(edited, "--select", "state:modified") == ["b"]


def test_a_retry_from_a_step_decides_it_and_all_behind_it_again(desk: Desk) -> None:
    desk.orch("apply")
    assert ran(desk) == "one two release after"
    desk.orch("retry", "@last", "--from", "two", "--exclude", "release")
    assert ran(desk) == "two after"
    desk.orch("retry", "@last", "--from", "after")
    assert ran(desk) == "after"
    desk.orch("verify", "@last")


def test_a_retry_of_one_step_only_leaves_what_is_behind_it_as_it_is(desk: Desk) -> None:
    desk.orch("apply")
    ran(desk)
    desk.orch("retry", "@last", "--only", "build.one")
    assert ran(desk) == "one"
    desk.orch("verify", "@last")


def test_what_was_skipped_because_of_it_stays_skipped_and_that_is_said_first(desk: Desk) -> None:
    desk.write("bad", "")
    desk.orch("apply", code=1)
    (desk.folder / "bad").unlink()
    said = desk.orch("retry", "@last", "--only", "one", code=1).err
    assert "`build.two`, `ship.release`, `ship.after` stay skipped" in said
    assert ran(desk) == "one one"
    desk.orch("retry", "@last", "--from", "two")
    assert ran(desk) == "two release after"


def test_a_retry_without_more_decides_what_failed_again(desk: Desk) -> None:
    desk.write("bad", "")
    desk.orch("apply", code=1)
    (desk.folder / "bad").unlink()
    desk.orch("retry", "@last", "--exclude", "two", code=1)
    assert ran(desk) == "one one release after"
    assert "nothing has failed" in desk.orch("retry", "@last", "--failed", "--exclude", "two", code=6).err


def test_a_once_step_that_was_done_and_failed_over_what_it_left_does_not_happen_again_unasked(desk: Desk) -> None:
    act = "{ run: 'echo act >> ran', outputs: { url: string }, effect: { once: act } }"
    desk.pipeline(f"  ship: {{ nodes: {{ act: {act} }} }}\n")
    desk.orch("apply", "pipelines/main.yaml", code=1)
    assert "--once-more 'ship.act'" in desk.orch("retry", "@last", code=6).err
    assert ran(desk) == "act"


def test_a_once_step_that_succeeded_happens_again_only_where_it_is_named(desk: Desk) -> None:
    desk.orch("apply")
    ran(desk)
    for words in (["--from", "build.one"], ["--only", "ship.release"], ["--only", "ship.*"]):
        said = desk.orch("retry", "@last", *words, code=6).err
        assert "O627" in said
        assert "--once-more 'ship.release'" in said
        assert "--exclude 'ship.release'" in said
    assert ran(desk) == ""
    assert "O280" in desk.orch("retry", "@last", "--only", "one", "--once-more", "ship.release", code=2).err
    desk.orch("retry", "@last", "--only", "release", "--once-more", "ship.release")
    assert ran(desk) == "release"
    records = [json.loads(line) for line in (desk.run_dir() / "journal.ndjson").read_text().splitlines()]
    assert [record.get("reset") for record in records if record["type"] == "opened"] == [None, ["ship.release"]]
    (asked,) = [record for record in records if record["type"] == "requested"]
    assert (asked["verb"], asked["outcome"], asked["detail"]) == ("retry", "accepted", "once more: ship.release")
    assert asked["actor"]
    desk.orch("verify", "@last")


def test_a_retry_of_what_has_not_ended_or_was_not_selected_is_refused(desk: Desk) -> None:
    desk.orch("apply", "--select", "one")
    assert "was not selected" in desk.orch("retry", "@last", "--only", "two", code=6).err
    assert "did you mean `one`" in desk.orch("retry", "@last", "--only", "ome", code=2).err
    assert "exclude each other" in desk.orch("retry", "@last", "--only", "one", "--failed", code=2).err
    desk.orch("retry", "@last", "--only", "one")


def test_a_step_in_doubt_is_settled_before_it_is_decided_again(desk: Desk) -> None:
    desk.pipeline(
        "  p:\n    nodes: { send: { run: sleep 9, timeout: 200ms, effect: { once: k } }, x: { run: 'true' } }\n"
    )
    desk.orch("apply", code=4)
    said = desk.orch("retry", "@last", "--only", "send", code=6).err
    assert "orch settle" in said
    desk.orch("retry", "@last", "--only", "x", code=4)
    desk.orch("settle", "@last", "p.send", "--done")


def test_runs_and_their_steps_are_listed_by_the_same_grammar(desk: Desk) -> None:
    desk.orch("apply", "--task", "0001")
    desk.write("bad", "")
    desk.orch("apply", "--task", "0002", code=1)
    tasks = {
        "status:failed": ["0002"],
        "pipeline:ma*": ["0002", "0001"],
        "status:failed,task:0001": [],
        "task:0001": ["0001"],
    }
    for select, expected in tasks.items():
        runs = json.loads(desk.orch("runs", "list", "--json", "--select", select).out)["runs"]
        assert [run["task_id"] for run in runs] == expected, select
    runs = json.loads(desk.orch("runs", "list", "--json", "--exclude", "status:failed").out)["runs"]
    assert [run["task_id"] for run in runs] == ["0001"]
    assert "status" in desk.orch("runs", "list", "--select", "status:faild", code=2).err
    assert "+" in desk.orch("runs", "list", "--select", "status:failed+", code=2).err
    shown = json.loads(desk.orch("runs", "show", "@last", "--json", "--select", "status:failed").out)["steps"]
    assert [step["address"] for step in shown] == ["build.one"]
    shown = json.loads(desk.orch("runs", "show", "@last", "--json", "--exclude", "phase:build").out)["steps"]
    assert [step["address"] for step in shown] == ["ship.release", "ship.after"]
    assert "No step" in desk.orch("runs", "show", "@last", "--select", "status:succeeded").err


def test_a_matrix_without_values_has_a_line_wherever_steps_are_listed_and_can_be_named(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(
        "  one:\n    nodes:\n      a: { run: 'true' }\n"
        "      nil: { matrix: { x: '${{ inputs.xs }}' }, needs: [a], run: 'true' }\n"
        "      b: { needs: [nil], run: 'true', trigger_rule: all_done }\n"
        "  two: { nodes: { only: { matrix: { x: '${{ inputs.xs }}' }, run: 'true' } } }\n",
        "inputs: { xs: { type: list, default: [] } }\n",
    )
    desk.orch("apply")
    for words in (["plan"], ["graph"], ["runs", "show", "@last"]):
        listed = desk.orch(*words).out
        assert sum("an empty matrix" in line for line in listed.splitlines()) == 2, listed
    for words in (["plan"], ["runs", "show", "@last"]):
        assert json.loads(desk.orch(*words, "--json").out)["empty_matrices"] == ["one.nil", "two.only"]
    for name in ("nil", "one.nil", "only", "phase:two"):
        said = desk.orch("plan", "--select", name, code=2).err
        assert "means no step" in said
        assert "is a matrix without values" in said
    steps = json.loads(desk.orch("plan", "--select", "nil+", "--json").out)["steps"]
    kept = {step["address"]: step["why"] for step in steps}
    assert kept["one.a"] == "not-selected"
    assert kept["one.b"] != "not-selected"
    desk.orch("plan", "--select", "a nil")
    desk.orch("plan", "--select", "nil", "--input", 'xs=["p"]')

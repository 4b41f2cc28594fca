"""Many goals are nothing but a matrix: of child pipelines, or of a command of adapters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Desk

HEAD = "apiVersion: orch/v1\nkind: Pipeline\n"
GOAL = """\
inputs: { name: { type: string }, files: { type: list, default: [] }, how: { type: string, default: none } }
phases:
  work: { nodes: { do: { run: 'test ! -e "bad.$NAME"; echo "$NAME $FILES $HOW" >> ran', env: *env } } }
  check: { nodes: { look: { run: "true" } } }
"""
ENV = '{ NAME: "${{ inputs.name }}", FILES: "${{ inputs.files | join }}", HOW: "${{ inputs.how }}" }'
GOALS = """\
apiVersion: orch/v1
kind: Goals
name: modernise
goals:
  - { id: login, files: [a.py, b.py] }
  - { id: cart, files: [c.py] }
  - { id: search, files: [] }
"""
RUN = 'run: { pipelines: [./goal.yaml], with: { name: "${{ matrix.goal.id }}", files: "${{ matrix.goal.files }}" } }\n'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    for name in ("goal", "other"):
        desk.write(f"pipelines/{name}.yaml", HEAD + f"name: {name}\n" + GOAL.replace("*env", ENV))
    desk.write("pipelines/goals.yaml", GOALS + RUN)
    return desk


def ran(desk: Desk) -> list[str]:
    file = desk.folder / "ran"
    lines = sorted(file.read_text().splitlines()) if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def test_each_goal_runs_its_pipeline_with_what_it_says(desk: Desk) -> None:
    desk.orch("goals", "pipelines/goals.yaml")
    assert ran(desk) == ["cart c.py none", "login a.pyb.py none", "search  none"]
    assert len(list(desk.folder.glob(".runs/-/cli/*"))) == 1
    desk.orch("verify", "@last")


def test_a_dry_run_shows_every_run_and_makes_none(desk: Desk) -> None:
    said = desk.orch("goals", "pipelines/goals.yaml", "--dry-run").out
    assert "3 goals, 3 runs" in said
    assert (
        'goals.goal[login]   run     pipelines/goal.yaml  name=login files=["a.py", "b.py"] how=none  2 nodes' in said
    )
    found = json.loads(desk.orch("goals", "pipelines/goals.yaml", "--dry-run", "--json").out)
    assert [run["address"] for run in found["runs"]] == [f"goals.goal[{goal}]" for goal in ("login", "cart", "search")]
    assert found["runs"][1]["values"] == {"name": "cart", "files": ["c.py"], "how": "none"}
    assert ran(desk) == []
    assert not (desk.folder / ".runs").exists()


def test_a_goal_that_fails_leaves_the_others_alone_and_can_be_taken_up_again(desk: Desk) -> None:
    desk.write("bad.cart", "")
    desk.orch("goals", "pipelines/goals.yaml", code=1)
    assert ran(desk) == ["login a.pyb.py none", "search  none"]
    (desk.folder / "bad.cart").unlink()
    desk.orch("retry", "@last")
    assert ran(desk) == ["cart c.py none"]
    desk.orch("retry", "@last", "--only", "goal[login]")
    assert ran(desk) == ["login a.pyb.py none"]


def test_goals_are_multiplied_with_pipelines_and_with_adapters(desk: Desk) -> None:
    run = RUN.replace("./goal.yaml", "./goal.yaml, ./other.yaml").replace(" } }\n", ', how: "${{ matrix.adapter }}" }')
    desk.write("pipelines/goals.yaml", GOALS + run + ", adapters: [python, node] }\n")
    desk.orch("goals", "pipelines/goals.yaml")
    assert ran(desk) == sorted(
        f"{goal} {how}"
        for goal in ("cart c.py", "login a.pyb.py", "search ")
        for how in ("python", "node")
        for _ in range(2)
    )
    addresses = [run["address"] for run in runs(desk)]
    assert len(addresses) == 12
    assert addresses[:2] == ["goals.goal[login-python]", "goals.goal[login-node]"]
    assert addresses[-1] == "goals.other[search-node]"


def runs(desk: Desk) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(desk.orch("goals", "pipelines/goals.yaml", "--dry-run", "--json").out)[
        "runs"
    ]
    return found


def test_goals_run_a_command_of_adapters_each_in_its_own_folder(desk: Desk) -> None:
    for goal in ("login", "cart", "search"):
        desk.write(f"parts/{goal}/Makefile", f"test:\n\t@echo {goal} >> ../../ran\n")
    run = 'run: { adapters: [make], command: test, cwd: "parts/${{ matrix.goal.id }}" }\n'
    desk.write("pipelines/goals.yaml", GOALS + run)
    assert [run["opens"] for run in runs(desk)] == ["make test"] * 3
    desk.orch("goals", "pipelines/goals.yaml")
    assert ran(desk) == ["cart", "login", "search"]


def test_no_more_goals_than_the_limit_are_at_work_at_once(desk: Desk) -> None:
    desk.write("pipelines/goals.yaml", GOALS + RUN + "limits: { max_parallel: 1 }\n")
    desk.orch("goals", "pipelines/goals.yaml", "--jobs", "4")
    journal = [json.loads(line) for line in (desk.run_dir() / "journal.ndjson").read_text().splitlines()]
    started = [record["address"].partition("/")[0] for record in journal if record["type"] == "started"]
    assert started == [f"goals.goal[{goal}]" for goal in ("login", "cart", "search") for _ in range(2)]
    assert "at most 1 of a kind at once" in desk.orch("goals", "pipelines/goals.yaml", "--dry-run").out


def test_a_budget_is_that_of_all_goals_together(desk: Desk) -> None:
    desk.write("pipelines/goals.yaml", GOALS + RUN + "limits: { budget: { nodes: 2 } }\n")
    desk.orch("goals", "pipelines/goals.yaml", "--jobs", "1", code=5)
    assert len(ran(desk)) <= 2


def test_goals_are_planned_applied_drawn_validated_and_selected_like_a_pipeline(desk: Desk) -> None:
    desk.orch("validate")
    assert "goals.goal[cart]/work.do" in desk.orch("plan", "pipelines/goals.yaml", "-o", "plan.json").out
    desk.orch("apply", "plan.json")
    assert len(ran(desk)) == 3
    desk.orch("goals", "pipelines/goals.yaml", "--select", "goal[cart]")
    assert ran(desk) == ["cart c.py none"]
    assert "goal[cart]" in desk.orch("graph", "pipelines/goals.yaml").out


def test_what_is_wrong_has_its_place_in_the_file_of_goals(desk: Desk) -> None:
    desk.write("pipelines/goals.yaml", GOALS + RUN.replace("name:", "nam:"))
    said = desk.orch("goals", "pipelines/goals.yaml", code=3).err
    assert "did you mean `name`" in said
    assert "pipelines/goals.yaml:8:" in said
    desk.write("pipelines/goals.yaml", GOALS + RUN.replace("./goal", "./gaol"))
    assert "pipelines/goals.yaml:8:" in desk.orch("goals", "pipelines/goals.yaml", code=3).err


WRONG = """\
apiVersion: orch/v1
kind: Goals
name: modernise
goals:
  - { id: login, files: [a.py, b.py] }
  - id: cart
    files: all of them
  - { id: search }
"""


def test_what_a_goal_gives_is_held_against_the_inputs_of_its_pipeline_and_all_of_it_is_told_at_its_keys(
    desk: Desk,
) -> None:
    desk.write("pipelines/goals.yaml", WRONG + RUN)
    planned = desk.orch("goals", "pipelines/goals.yaml", "--dry-run", code=3).err
    assert "the input `files` of `goal`: `all of them` is not a list\n  --> pipelines/goals.yaml:7:5" in planned
    assert "`matrix.goal.files` is undefined: `matrix.goal` has `id`\n  --> pipelines/goals.yaml:8:5" in planned
    assert desk.orch("validate", "pipelines/goals.yaml", code=3).text == planned
    mended = WRONG.replace("all of them", "[c.py]").replace("search }", "search, files: [] }")
    desk.write("pipelines/goals.yaml", mended + RUN)
    desk.orch("validate", "pipelines/goals.yaml")


def test_with_adapters_what_is_wrong_with_a_goal_is_told_once(desk: Desk) -> None:
    desk.write("pipelines/goals.yaml", WRONG + RUN.replace(" }\n", ", adapters: [python, node] }\n"))
    assert "2 errors" in desk.orch("validate", "pipelines/goals.yaml", code=3).out


def test_a_pipeline_is_no_file_of_goals(desk: Desk) -> None:
    said = desk.orch("goals", "pipelines/goal.yaml", code=3).err
    assert "orch apply pipelines/goal.yaml" in said
    assert "No such file" in desk.orch("goals", "nowhere.yaml", code=2).err


def test_goals_can_have_trees_of_their_own_whose_work_comes_to_the_branch_in_the_order_of_keys(desk: Desk) -> None:
    for words in (["init", "-q"], ["config", "user.name", "a"], ["config", "user.email", "a@project.example"]):
        desk.run(["git", *words])
    write = "run: 'test ! -e cart.txt; echo $NAME > $NAME.txt; ls > seen.$NAME', env: { NAME: '${{ inputs.name }}' }"
    work, check = f"{{ write: {{ {write} }} }}", "{ look: { run: test -e seen.* } }"
    phases = f"{{ work: {{ nodes: {work} }}, check: {{ nodes: {check} }} }}"
    desk.write("pipelines/goal.yaml", HEAD + f"name: goal\ninputs: {{ name: {{ type: string }} }}\nphases: {phases}\n")
    run = 'run: { pipelines: [./goal.yaml], with: { name: "${{ matrix.goal.id }}" } }\n'
    desk.write("pipelines/goals.yaml", GOALS + run + "workspace: worktree\n")
    desk.run(["git", "add", "-A"])
    desk.run(["git", "commit", "-qm", "all"])
    desk.orch("goals", "pipelines/goals.yaml")
    branch = f"orch/{desk.run_dir().name}"
    subjects = desk.run(["git", "log", "--reverse", "--format=%s", f"HEAD..{branch}"]).out.splitlines()
    assert [subject.partition(":")[0] for subject in subjects] == [
        f"goals.goal[{goal}]" for goal in ("cart", "login", "search")
    ]
    assert desk.run(["git", "show", f"{branch}:cart.txt"]).out == "cart\n"
    assert not (desk.folder / "cart.txt").exists()
    desk.orch("verify", "@last")

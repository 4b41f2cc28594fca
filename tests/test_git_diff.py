"""Approving what a run has done on its branch: the subject `git:diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import PROJECT, Desk
from test_workspaces import branch, checkout, commit, git

SHIP = """
  work:
    nodes:
      write: { run: "echo new > made.txt; rm gone.txt; ln -s made.txt link; chmod +x tool.sh" }
  ship:
    gates: { agreed: { approval: { subject: ["git:diff"], require: { editor: 1 } } } }
    nodes: { push: { run: 'cat "$ORCH_SUBJECT/agreed/git-diff.patch"' } }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    git(desk, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write("gone.txt", "to be removed\n")
    desk.write("tool.sh", "true\n")
    desk.pipeline(SHIP, "workspace: branch\n")
    commit(desk)
    return desk


def shown(desk: Desk) -> dict[str, str]:
    """The subject's lines: name → mode."""
    gate = json.loads(desk.orch("gate", "show", "agreed", "--json", code=None).out)
    return {name: mode for mode, _, name in gate["facts"]["subject"]["files"]}


def approve(desk: Desk) -> None:
    desk.orch("approve", "agreed", "--role", "editor", "--by", "reader")


def test_what_the_branch_has_other_than_its_beginning_is_approved_file_by_file(desk: Desk) -> None:
    before = checkout(desk)
    desk.orch("apply", code=4)
    assert shown(desk) == {
        "git:diff": "base",
        "git:diff/gone.txt": "deleted",
        "git:diff/link": "120000",
        "git:diff/made.txt": "100644",
        "git:diff/tool.sh": "100755",
    }
    approve(desk)
    assert {path: data for path, data in checkout(desk).items() if not path.startswith("tasks/")} == before
    desk.orch("resume", "@last")
    assert "+new" in desk.orch("runs", "logs", "@last", "ship.push").out
    desk.orch("verify", "@last")


def test_the_same_difference_has_the_same_digest_in_another_run_and_another_one_has_not(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    desk.write(".git/info/exclude", "tasks\n")
    desk.orch("apply")
    desk.pipeline(SHIP.replace("echo new", "echo other"), "workspace: branch\n")
    commit(desk, "Another script")
    assert "ship.agreed" in desk.orch("apply", code=4).text


def test_a_decision_that_is_committed_changes_nothing_of_what_it_is_about(desk: Desk) -> None:
    noted = "mkdir -p tasks/-/decisions; echo > tasks/-/decisions/x.yaml; echo > tasks/index.json"
    desk.pipeline(SHIP.replace("echo new > made.txt", f"echo new > made.txt; {noted}"), "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=4)
    assert not [name for name in shown(desk) if "tasks" in name]


def test_without_a_run_there_is_no_difference_yet(desk: Desk) -> None:
    assert "git:diff is not there yet" in desk.orch("gate", "list", "--pipeline", "pipelines/main.yaml", code=None).text


def test_a_branch_that_is_gone_shuts_the_gate(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    git(desk, "worktree", "remove", "--force", git(desk, "worktree", "list").splitlines()[1].split()[0])
    git(desk, "branch", "-D", branch(desk))
    said = desk.orch("gate", "show", "agreed", code=None)
    assert "git says" in said.text

"""Runs with a branch of their own: where nodes work, what becomes of it, what of the user's is left alone."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from command import BIN, PATH, PROJECT, Desk
from plans import compiled, one_phase

from orch.ports import TreeTrouble
from orch.run.spaces import Spaces
from orch.spec.globs import may_meet

PLAIN = """
  one:
    nodes:
      write: { run: "echo new > made.txt; echo more >> kept.txt" }
      read: { run: "cat made.txt", needs: [write] }
"""


def git(desk: Desk, *words: str, code: int = 0) -> str:
    who = {"GIT_AUTHOR_NAME": "W", "GIT_AUTHOR_EMAIL": "w@project.example"}
    who |= {"GIT_COMMITTER_NAME": "W", "GIT_COMMITTER_EMAIL": "w@project.example"}
    return desk.run(["git", *words], code=code, env={"PATH": PATH, "HOME": str(desk.home), **who}).out.rstrip("\n")


def commit(desk: Desk, message: str = "A beginning") -> None:
    git(desk, "add", "--all")
    git(desk, "commit", "--quiet", "--message", message)


def branch(desk: Desk) -> str:
    """The branch of the newest run."""
    return f"orch/{desk.run_dir().name}"


def log(desk: Desk) -> list[str]:
    """The subjects of the commits that the newest run has added to its branch, oldest first."""
    return git(desk, "log", "--reverse", "--format=%s", f"main..{branch(desk)}").splitlines()


def trees(desk: Desk) -> list[str]:
    """The trees that git knows beside the checkout."""
    lines = git(desk, "worktree", "list", "--porcelain").splitlines()
    return [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")][1:]


def checkout(desk: Desk) -> dict[str, bytes]:
    """What lies in the user's checkout, and the index, HEAD and stash: bytes, by path."""
    held = {str(p.relative_to(desk.folder)): p.read_bytes() for p in sorted(desk.folder.rglob("*")) if p.is_file()}
    own = {path: data for path, data in held.items() if not path.startswith((".git/", ".runs/"))}
    return own | {path: held[path] for path in (".git/index", ".git/HEAD", ".git/refs/heads/main")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    git(desk, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write("kept.txt", "as it was\n")
    desk.pipeline(PLAIN, "workspace: branch\n")
    commit(desk)
    return desk


# --- a branch


def test_nodes_work_in_a_tree_of_the_run_and_what_they_leave_is_on_its_branch(desk: Desk) -> None:
    before = checkout(desk)
    said = desk.orch("apply")
    assert checkout(desk) == before
    assert log(desk) == ["one.write"]
    assert git(desk, "show", f"{branch(desk)}:kept.txt") == "as it was\nmore"
    assert f"git merge {branch(desk)}" in said.text
    git(desk, "merge", "--quiet", "--ff-only", branch(desk))
    assert (desk.folder / "made.txt").read_text() == "new\n"


def test_the_trees_are_gone_after_a_success_and_stay_after_a_failure(desk: Desk) -> None:
    desk.orch("apply")
    assert trees(desk) == []
    assert not list((desk.home / ".local/state/orch/trees").iterdir())
    desk.pipeline(PLAIN + '      break: { run: "false", needs: [read] }\n', "workspace: branch\n")
    commit(desk)
    said = desk.orch("apply", code=1)
    folder = json.loads((desk.run_dir() / "manifest.json").read_text())["workspace"]["trees"]
    assert trees(desk) == [f"{folder}/tree"]
    assert f"  tree  {folder}/tree\n" in said.text
    assert f"tree     {folder}/tree\n" in desk.orch("runs", "show", "@last").text
    git(desk, "worktree", "remove", "--force", f"{folder}/tree")
    assert folder not in desk.orch("runs", "show", "@last").text
    git(desk, "branch", "-D", branch(desk))


def test_the_trees_lie_below_the_state_directory(desk: Desk, tmp_path: Path) -> None:
    desk.env["XDG_STATE_HOME"] = str(tmp_path / "state")
    desk.pipeline('  one: { nodes: { where: { run: "pwd; false" } } }\n', "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=1)
    assert trees(desk) == [f"{tmp_path}/state/orch/trees/{desk.run_dir().name}/tree"]


def test_the_plan_says_where_a_run_would_begin(desk: Desk) -> None:
    head = git(desk, "rev-parse", "HEAD")
    assert f"from {head[:12]}" in desk.orch("plan").out
    assert json.loads(desk.orch("plan", "--json").out)["base"] == head
    assert not (desk.home / ".local").exists()


def test_the_plan_marks_nodes_that_do_not_simply_share_the_tree(desk: Desk) -> None:
    desk.pipeline(
        '  one: { nodes: { a: { run: "true", workspace: worktree }, b: { run: "true", workspace: readonly } } }\n',
        "workspace: branch\n",
    )
    said = desk.orch("plan").out
    assert "true  [worktree]" in said
    assert "true  [readonly]" in said


def test_a_plan_without_a_workspace_says_nothing_of_one_and_asks_no_git(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.program("git", "exit 99")
    desk.pipeline('  one: { nodes: { look: { run: "true" } } }\n', "workspace: project\n")
    desk.orch("apply")
    assert "workspace" not in (desk.run_dir() / "plan.json").read_text()
    assert "workspace" not in (desk.run_dir() / "manifest.json").read_text()


def test_a_project_below_the_top_of_its_repository_works_in_the_same_place_of_the_tree(tmp_path: Path) -> None:
    top = Desk.at(tmp_path)
    inner = top.folder / "parts" / "one"
    inner.mkdir(parents=True)
    desk = Desk(inner, top.home)
    git(top, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(PLAIN, "workspace: branch\n")
    commit(top)
    desk.orch("apply")
    assert git(top, "show", f"{branch(desk)}:parts/one/made.txt") == "new"


def test_steps_that_overlap_are_committed_together_when_the_last_of_them_has_ended(desk: Desk) -> None:
    meet = "touch {me}; while [ ! -e {other} ]; do sleep 0.02; done"
    first, second = meet.format(me="a", other="b"), meet.format(me="b", other="a")
    desk.pipeline(
        f'  one: {{ nodes: {{ a: {{ run: "{first}" }}, b: {{ run: "{second}" }} }} }}\n', "workspace: branch\n"
    )
    commit(desk)
    desk.orch("apply", "--jobs", "2")
    assert log(desk) == ["one.a, one.b"]


def test_ignored_files_and_what_orch_makes_are_not_committed(desk: Desk) -> None:
    desk.write(".gitignore", "*.log\n")
    desk.pipeline(
        '  one: { nodes: { a: { run: "touch x.log kept; mkdir -p .orch .runs; touch .orch/x .runs/x" } } }\n',
        "workspace: branch\n",
    )
    commit(desk)
    desk.orch("apply")
    assert git(desk, "diff", "--name-only", "main", branch(desk)) == "kept"


def test_commits_are_the_users_or_where_nobody_is_known_those_of_orch(desk: Desk) -> None:
    desk.orch("apply")
    assert git(desk, "log", "-1", "--format=%an <%ae>", branch(desk)) == "orch <orch@localhost>"
    git(desk, "config", "user.name", "Writer")
    git(desk, "config", "user.email", "writer@project.example")
    desk.orch("apply")
    assert git(desk, "log", "-1", "--format=%an <%ae>", branch(desk)) == "Writer <writer@project.example>"


# --- what no commit holds


def test_a_dirty_checkout_is_refused_with_the_files_and_the_ways_out(desk: Desk) -> None:
    desk.write("kept.txt", "edited\n")
    desk.write("fresh.txt", "fresh\n")
    assert "warning[O641]" in desk.orch("plan").err
    said = desk.orch("apply", code=6)
    assert "error[O641]" in said.err
    assert "fresh.txt, kept.txt" in said.err or "kept.txt, fresh.txt" in said.err
    assert "--dirty" in said.err
    assert not (desk.folder / ".runs").exists()


def test_ignored_files_and_runs_are_no_dirt(desk: Desk) -> None:
    desk.write(".gitignore", "*.log\n")
    commit(desk)
    desk.write("a.log", "ignored\n")
    desk.write(".runs/note", "left by nobody\n")
    (desk.home / ".config/git").mkdir(parents=True)
    (desk.home / ".config/git/ignore").write_text("*.tmp\n")
    (desk.home / "mine").write_text("*.bak\n")
    (desk.home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/mine\n")
    desk.write("b.bak", "ignored by the user's own list\n")
    desk.orch("apply")


def test_a_dirty_checkout_is_taken_along_as_a_first_commit_and_stays_as_it_is(desk: Desk) -> None:
    desk.write("kept.txt", "edited\n")
    desk.write("fresh.txt", "fresh\n")
    git(desk, "add", "fresh.txt")
    desk.write("fresh.txt", "fresher\n")
    desk.write("gone.txt", "to be removed\n")
    before, staged = checkout(desk), git(desk, "diff", "--cached")
    desk.orch("apply", "--dirty")
    assert (checkout(desk), git(desk, "diff", "--cached")) == (before, staged)
    assert log(desk) == ["What was not committed when the run began", "one.write"]
    assert git(desk, "show", f"{branch(desk)}:fresh.txt") == "fresher"
    assert git(desk, "show", f"{branch(desk)}:kept.txt") == "edited\nmore"


@pytest.mark.parametrize("inner", ["", "parts/[one]", "[a]*"])
def test_a_dirty_checkout_is_taken_along_whatever_of_runs_is_ignored(tmp_path: Path, inner: str) -> None:
    top = Desk.at(tmp_path)
    desk = Desk(top.folder / inner, top.home)
    desk.folder.mkdir(parents=True, exist_ok=True)
    git(top, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write(".gitignore", ".runs/\n.orch/\ntasks/\n")
    desk.write(".runs/before", "a run\n")
    desk.write(".orch/before", "a copy\n")
    desk.write("tasks/t/decisions/before", "a decision\n")
    desk.pipeline(PLAIN, "workspace: branch\n")
    commit(top)
    desk.write("fresh.txt", "fresh\n")
    for _ in "ab":
        desk.orch("apply", "--dirty")
        assert log(desk) == ["What was not committed when the run began", "one.write"]
    assert git(desk, "ls-tree", "-r", "--name-only", branch(desk), "fresh.txt", ".runs") == "fresh.txt"


def test_dirty_with_a_clean_checkout_changes_nothing(desk: Desk) -> None:
    desk.orch("apply", "--dirty")
    assert log(desk) == ["one.write"]


def test_dirty_without_a_branch_is_refused(desk: Desk) -> None:
    desk.pipeline(PLAIN)
    assert "O642" in desk.orch("apply", "--dirty", code=2).err


def test_a_saved_plan_begins_at_its_commit_or_not_at_all(desk: Desk, tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    desk.orch("plan", "-o", plan)
    desk.orch("apply", plan)
    desk.write("later.txt", "later\n")
    commit(desk, "Later")
    assert "HEAD is another commit" in desk.orch("apply", plan, code=6).err


def test_a_plan_that_could_not_be_applied_is_not_saved(desk: Desk) -> None:
    desk.write("fresh.txt", "fresh\n")
    said = desk.orch("plan", "-o", "p.json", code=6)
    assert "error[O641]" in said.err
    assert "orch apply pipelines/main.yaml --dirty" in said.err
    assert not (desk.folder / "p.json").exists()


def test_a_plan_saved_in_the_checkout_is_applied_and_is_no_dirt(desk: Desk) -> None:
    for _ in range(2):
        desk.orch("plan", "-o", "p.json")
    desk.orch("apply", "p.json")
    desk.write("fresh.txt", "fresh\n")
    said = desk.orch("apply", "p.json", code=6)
    assert "holds these: fresh.txt\n" in said.err


def test_a_saved_plan_takes_nothing_along_and_names_what_does(desk: Desk) -> None:
    desk.orch("plan", "-o", "p.json")
    desk.write("fresh.txt", "fresh\n")
    said = desk.orch("apply", "p.json", "--dirty", code=2)
    assert "orch apply pipelines/main.yaml --dirty" in said.err
    desk.orch("apply", "pipelines/main.yaml", "--dirty")


def test_decisions_in_the_checkout_are_no_dirt_and_are_not_taken_along(desk: Desk) -> None:
    desk.write("tasks/-/decisions/main.agreed.editor.reader.yaml", "staged\n")
    git(desk, "add", "tasks")
    desk.write("tasks/t1/decisions/main.agreed.editor.reader.yaml", "fresh\n")
    desk.orch("apply")
    desk.write("tasks/t1/notes.md", "no decision\n")
    assert "holds these: tasks/t1/notes.md\n" in desk.orch("apply", code=6).err
    desk.orch("apply", "--dirty")
    assert git(desk, "diff", "--name-only", "main", f"{branch(desk)}~1") == "tasks/t1/notes.md"


# --- where there can be no branch


def refused(desk: Desk, *about: str) -> None:
    said = desk.orch("plan", code=3)
    assert "error[O640]" in said.err
    for words in about:
        assert words in said.err
    assert "O640" in desk.orch("apply", code=3).err


def test_outside_of_git_there_is_no_branch(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(PLAIN, "workspace: branch\n")
    refused(desk, "no git repository", "git init")


def test_without_a_commit_there_is_no_branch(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    git(desk, "init", "--quiet")
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(PLAIN, "workspace: branch\n")
    refused(desk, "no commit", "git commit")


def test_in_a_bare_repository_there_is_no_branch(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    git(desk, "init", "--quiet", "--bare")
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(PLAIN, "workspace: branch\n")
    refused(desk, "bare")


def test_with_a_submodule_there_is_no_branch(desk: Desk) -> None:
    head = git(desk, "rev-parse", "HEAD")
    git(desk, "update-index", "--add", "--cacheinfo", f"160000,{head},part")
    git(desk, "commit", "--quiet", "--message", "A part")
    refused(desk, "part", "submodule")


def test_a_project_of_which_no_commit_holds_anything_has_no_branch(desk: Desk) -> None:
    inner = Desk(desk.folder / "later", desk.home)
    inner.folder.mkdir()
    inner.write("orch.yaml", PROJECT)
    inner.pipeline(PLAIN, "workspace: branch\n")
    refused(inner, "later")


def test_a_state_directory_in_the_repository_is_refused(desk: Desk) -> None:
    desk.env["XDG_STATE_HOME"] = str(desk.folder / "state")
    refused(desk, "XDG_STATE_HOME")


def test_a_git_that_cannot_merge_without_a_tree_is_refused(desk: Desk) -> None:
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    desk.program("git", f'case "$*" in *" version") echo git version 2.37.9;; *) exec {real} "$@";; esac')
    refused(desk, "2.37.9", "2.38")


def test_a_branch_called_orch_leaves_no_room_for_those_of_runs(desk: Desk) -> None:
    git(desk, "branch", "orch")
    refused(desk, "git branch -m")


# --- going on


def test_a_run_that_waits_goes_on_in_its_tree(desk: Desk) -> None:
    desk.pipeline(
        PLAIN
        + """
  two:
    gates: { agreed: { approval: { subject: [kept.txt], require: { editor: 1 } } } }
    nodes: { last: { run: "cat made.txt > last.txt" } }
""",
        "workspace: branch\n",
    )
    commit(desk)
    desk.orch("apply", code=4)
    assert len(trees(desk)) == 1
    desk.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    desk.orch("resume", "@last")
    assert log(desk) == ["one.write", "two.last"]
    assert trees(desk) == []


def test_a_tree_that_somebody_removed_is_made_again_from_the_branch(desk: Desk) -> None:
    desk.pipeline(
        PLAIN + '      late: { run: "test -e /dev/null/x || test -e go.txt", needs: [read] }\n', "workspace: branch\n"
    )
    commit(desk)
    desk.orch("apply", code=1)
    git(desk, "worktree", "remove", "--force", trees(desk)[0])
    desk.orch("retry", "@last", "--failed", code=1)
    assert "made.txt" in [path.name for path in Path(trees(desk)[0]).iterdir()]


def test_a_run_whose_branch_is_gone_does_not_go_on(desk: Desk) -> None:
    desk.pipeline(PLAIN + '      late: { run: "false", needs: [read] }\n', "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=1)
    git(desk, "worktree", "remove", "--force", trees(desk)[0])
    tip = git(desk, "rev-parse", branch(desk))
    git(desk, "branch", "-D", branch(desk))
    refused = desk.orch("retry", "@last", "--failed", code=6).err
    assert "O643" in refused
    assert "orch cancel" not in refused  # it is over
    git(desk, "branch", branch(desk), tip)
    desk.orch("resume", "@last", code=1)


def test_a_retry_of_a_run_that_succeeded_begins_at_the_head_of_its_branch(desk: Desk) -> None:
    desk.pipeline(
        PLAIN + '      late: { run: "cat by-hand.txt || true", needs: [read, write] }\n', "workspace: branch\n"
    )
    commit(desk)
    desk.orch("apply")
    assert trees(desk) == []
    git(desk, "switch", "--quiet", branch(desk))
    desk.write("by-hand.txt", "by hand\n")
    commit(desk, "By hand")
    git(desk, "switch", "--quiet", "main")
    desk.orch("retry", "@last", "--only", "write", "--only", "late")
    assert "by hand" in desk.orch("runs", "logs", "@last", "one.late").out
    assert (log(desk), trees(desk)) == (["one.write", "By hand", "one.write"], [])
    desk.orch("verify", "@last")


def refs(desk: Desk) -> list[str]:
    """The runs of which the engine keeps anything but the branch in the repository."""
    return sorted({ref.split("/")[2] for ref in git(desk, "for-each-ref", "--format=%(refname)", "refs/orch").split()})


@pytest.mark.parametrize("disposed", [True, False])
def test_what_is_left_of_a_run_whose_trees_and_branch_somebody_removed_goes_when_the_next_one_begins(
    desk: Desk, disposed: bool
) -> None:
    desk.pipeline(PLAIN + '      late: { run: "false", needs: [read] }\n', "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=1)
    old, home = desk.run_dir().name, Path(trees(desk)[0]).parent
    git(desk, "worktree", "remove", "--force", str(home / "tree"))
    if disposed:
        git(desk, "branch", "-D", branch(desk))
    assert (refs(desk), home.exists()) == ([old], True)
    desk.orch("apply", code=1)
    new = desk.run_dir().name
    assert (refs(desk), home.exists()) == (([new], False) if disposed else ([old, new], True))


def test_a_run_whose_branch_is_gone_keeps_its_commits_while_its_tree_is_there(desk: Desk) -> None:
    desk.pipeline(PLAIN + '      late: { run: "false", needs: [read] }\n', "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=1)
    old, home = desk.run_dir().name, Path(trees(desk)[0]).parent
    git(desk, "update-ref", "-d", f"refs/heads/{branch(desk)}")
    desk.orch("apply", code=1)
    assert (refs(desk), (home / "tree").exists()) == ([old, desk.run_dir().name], True)


WAITS = (
    PLAIN
    + """
  two:
    gates: { agreed: { approval: { subject: [kept.txt], require: { editor: 1 } } } }
    nodes: { last: { run: "true" } }
finally:
  tidy: { run: "true" }
"""
)


def test_a_run_whose_branch_is_gone_waits_as_before_and_can_be_cancelled(desk: Desk) -> None:
    desk.pipeline(WAITS, "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=4)
    git(desk, "worktree", "remove", "--force", trees(desk)[0])
    git(desk, "branch", "-D", branch(desk))
    assert f"orch cancel {desk.run_dir().name}" in desk.orch("resume", "@last", code=6).err
    assert "waiting" in desk.orch("runs", "show", "@last").out
    desk.orch("cancel", "@last")
    assert json.loads((desk.run_dir() / "manifest.json").read_text())["status"] == "failed"
    assert desk.node("finally.tidy")["reason"] == "start-failed"
    desk.orch("verify", "@last")


def test_a_run_with_edits_that_nobody_committed_is_cancelled_and_they_stay(desk: Desk) -> None:
    desk.pipeline(WAITS, "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=4)
    (Path(trees(desk)[0]) / "kept.txt").write_text("by hand\n")
    desk.orch("cancel", "@last")
    assert desk.node("finally.tidy")["reason"] == "start-failed"
    assert (Path(trees(desk)[0]) / "kept.txt").read_text() == "by hand\n"
    assert log(desk) == ["one.write"]


# --- trees of nodes

GOALS = """
  build:
    nodes:
      first: { run: "echo first > first.txt" }
      goal:
        needs: [first]
        matrix: { goal: %s }
        key: "${{ matrix.goal }}"
        workspace: worktree
        run: |
          test -e first.txt
          %s
        env: { GOAL: "${{ matrix.goal }}" }
      behind: { needs: [goal], trigger_rule: all_done, run: "ls goals > behind.txt" }
  verify:
    needs: %s
    nodes:
      look: { run: "cat goals/*" }
"""
MAKE = 'mkdir -p goals; echo "$GOAL" > "goals/$GOAL"'


def goals(desk: Desk, names: str, script: str = MAKE, needs: str = "[build]") -> None:
    desk.pipeline(GOALS % (names, script, needs), "workspace: branch\n")
    desk.write("lines.txt", "".join(f"{number}\n" for number in range(1, 10)))
    commit(desk)


def records(desk: Desk, kind: str) -> list[dict[str, Any]]:
    lines = (desk.run_dir() / "journal.ndjson").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["type"] == kind]


def test_children_work_apart_and_are_merged_in_the_order_of_their_keys_one_commit_each(desk: Desk) -> None:
    goals(desk, "[c, a, b]")
    before = checkout(desk)
    desk.orch("apply")
    assert checkout(desk) == before
    assert log(desk) == ["build.first", "build.goal[a]", "build.goal[b]", "build.goal[c]", "build.behind"]
    assert git(desk, "show", f"{branch(desk)}:behind.txt") == "a\nb\nc"
    assert [record["address"] for record in records(desk, "merged")] == [f"build.goal[{key}]" for key in "abc"]
    assert trees(desk) == []
    assert git(desk, "for-each-ref", "refs/orch") == ""
    desk.orch("verify", "@last")


def test_verify_warns_of_a_branch_that_no_longer_holds_what_was_merged(desk: Desk) -> None:
    desk.pipeline('  one: { nodes: { a: { run: "echo a > a", workspace: worktree } } }\n', "workspace: branch\n")
    commit(desk)
    desk.orch("apply")
    name = branch(desk)
    assert "O643" not in desk.orch("verify", "@last").text
    git(desk, "branch", "--force", name, "main")
    assert f"warning[O643]: the branch {name} was moved" in desk.orch("verify", "@last").err
    git(desk, "branch", "-D", name)
    assert f"warning[O643]: the branch {name} is gone" in desk.orch("verify", "@last").err
    (desk.folder / ".git").rename(desk.folder / "elsewhere")
    assert "O643" not in desk.orch("verify", "@last").text


def test_a_branch_that_was_moved_or_is_gone_is_brought_back_by_the_command_that_is_named(desk: Desk) -> None:
    nodes = '{ a: { run: "echo a > a", workspace: worktree } }'
    gate = "{ good: { approval: { subject: [git:diff], require: { editor: 1 } } } }"
    two = f"{{ gates: {gate}, nodes: {{ b: {{ run: 'true' }} }} }}"
    desk.pipeline(f"  one: {{ nodes: {nodes} }}\n  two: {two}\n", "workspace: branch\n")
    desk.write("orch.yaml", PROJECT)
    commit(desk)
    desk.orch("apply", code=4)
    name, tip = branch(desk), git(desk, "rev-parse", branch(desk))
    (tree,) = [path for path in trees(desk) if path.endswith("/tree")]

    def named(said: str) -> list[str]:
        return shlex.split(re.split("[;,]", said.partition("help: ")[2])[0])

    git(desk, "-C", tree, "reset", "--quiet", "--hard", "main")
    git(desk, *named(desk.orch("verify", "@last").err)[1:])
    assert desk.orch("verify", "@last").err == ""
    git(desk, "worktree", "remove", "--force", tree)
    git(desk, "branch", "-D", name)
    assert "the run's branch" in desk.orch("gate", "show", "good", code=None).text
    refused = desk.orch("approve", "good", "--role", "editor", "--by", "reader", code=5).text
    assert f"orch verify {name.partition('/')[2]}" in refused
    assert "fatal" not in refused
    for words in (("resume", "@last"), ("verify", "@last")):
        back = named(desk.orch(*words, code=None).err)
        assert back == ["git", "branch", name, tip]
    git(desk, *back[1:])
    desk.orch("resume", "@last", code=4)


def test_a_branch_that_is_gone_is_told_by_verify_and_show_and_report_also_where_nothing_was_merged(desk: Desk) -> None:
    desk.orch("apply")
    name, base = branch(desk), git(desk, "rev-parse", "--short=12", "main")
    for kind in ("md", "html"):
        desk.orch("report", "@last", "-o", f"report.{kind}")
        said = (desk.folder / f"report.{kind}").read_text()
        for told in (name, base, f"git diff {base} {name}", f"git merge {name}"):
            assert told in said
    assert f"next     git merge {name}" in desk.orch("runs", "show", "@last").out
    assert "O643" not in desk.orch("verify", "@last").text
    git(desk, "branch", "-D", name)
    assert f"warning[O643]: the branch {name} is gone" in desk.orch("verify", "@last").err
    shown = desk.orch("runs", "show", "@last").out
    assert f"{name}, from {base}, is gone" in shown
    assert "git merge" not in shown
    desk.orch("report", "@last", "-o", "report.md")
    assert "it is gone" in (desk.folder / "report.md").read_text()
    assert "git merge" not in (desk.folder / "report.md").read_text()


def test_a_patch_is_an_artifact_of_its_child_and_the_manifest_names_the_commit(desk: Desk) -> None:
    goals(desk, "[a]")
    desk.orch("apply")
    told = desk.node("build.goal[a]")
    assert told["merged"] == git(desk, "rev-parse", f"{branch(desk)}~1")
    (artifact,) = told["artifacts"]
    assert artifact["name"] == "patch"
    assert "+++ b/goals/a" in (desk.run_dir() / artifact["path"]).read_text()


def test_a_child_that_changed_nothing_is_no_commit(desk: Desk) -> None:
    goals(desk, "[a, b]", f'test "$GOAL" = a || {{ {MAKE}; }}')
    desk.orch("apply")
    assert log(desk) == ["build.first", "build.goal[b]", "build.behind"]
    assert desk.node("build.goal[a]")["status"] == "succeeded"


@pytest.mark.parametrize("script", [MAKE, "true"])
def test_the_tree_of_a_child_goes_when_what_it_did_is_kept(desk: Desk, script: str) -> None:
    goals(desk, "[a, b]", f'{script}; test "$GOAL" = a', needs="[]")
    desk.orch("apply", "--jobs", "1", code=1)
    assert sorted(Path(tree).name for tree in trees(desk)) == ["build.goal[b]", "tree"]
    (run,) = (Path(tree).parent for tree in trees(desk) if tree.endswith("/tree"))
    assert sorted(path.name for path in (run / "steps").iterdir()) == ["build.goal[b]"]
    assert not (run / "git-indexes" / "build.goal[a]").exists()
    assert [record["address"] for record in records(desk, "merged")] == (["build.goal[a]"] if script == MAKE else [])


def test_a_single_node_may_have_a_tree_of_its_own(desk: Desk) -> None:
    alone = '  one: { nodes: { a: { run: "pwd; echo a > a.txt", workspace: worktree } } }\n'
    desk.pipeline(alone, "workspace: branch\n")
    commit(desk)
    desk.orch("apply")
    assert log(desk) == ["one.a"]
    assert "/steps/one.a" in desk.orch("runs", "logs", "@last", "one.a").out


def test_a_conflict_fails_that_child_with_its_hunks_and_the_others_are_merged(desk: Desk) -> None:
    goals(desk, "[a, b, c]", f'{MAKE}; test "$GOAL" = c || sed -i "s/^5$/$GOAL/" lines.txt')
    said = desk.orch("apply", code=1)
    assert log(desk) == ["build.first", "build.goal[a]", "build.goal[c]", "build.behind"]
    told = desk.node("build.goal[b]")
    assert (told["status"], told["reason"]) == ("failed", "merge-conflict")
    error = json.loads((desk.run_dir() / told["error_files"][0]).read_text())
    (finding,) = error["details"]["findings"]
    assert (finding["file"], finding["line"]) == ("lines.txt", 5)
    assert "\na\n=======\nb\n" in finding["message"]
    shown = [line.strip() for line in desk.orch("runs", "errors", "@last").out.splitlines()]
    at = shown.index("=======")
    assert (shown[at - 1], shown[at + 1]) == ("a", "b")
    assert "lines.txt" in said.text
    (tree,) = (path for path in trees(desk) if path.endswith("/steps/build.goal[b]"))
    assert git(desk, "-C", tree, "status", "--porcelain").split() == ["A", "goals/b", "M", "lines.txt"]
    desk.orch("verify", "@last")


def test_a_conflict_names_its_file_as_it_is_called(desk: Desk) -> None:
    goals(desk, "[a, b]", """printf '%s' "$GOAL" > "$(printf 'a\\t\"b')\"""")
    desk.orch("apply", code=1)
    told = desk.node("build.goal[b]")
    error = json.loads((desk.run_dir() / told["error_files"][0]).read_text())
    (finding,) = error["details"]["findings"]
    assert finding["file"] == 'a\t"b'


def test_changes_of_different_places_of_a_file_are_no_conflict(desk: Desk) -> None:
    goals(desk, "[a, b]", f"{MAKE}; case $GOAL in a) sed -i s/^1$/a/ lines.txt;; b) sed -i s/^9$/b/ lines.txt;; esac")
    desk.orch("apply")
    assert git(desk, "show", f"{branch(desk)}:lines.txt").split() == ["a", *"2345678", "b"]


def test_a_retry_of_a_conflict_begins_at_the_branch_as_it_is_then(desk: Desk) -> None:
    goals(desk, "[a, b]", f"{MAKE}; echo $(ls goals | wc -l)$GOAL >> lines.txt")
    desk.orch("apply", code=1)
    assert desk.node("build.goal[b]")["reason"] == "merge-conflict"
    desk.orch("retry", "@last", "--failed")
    assert git(desk, "show", f"{branch(desk)}:lines.txt").split()[-2:] == ["1a", "2b"]


def test_of_a_child_that_failed_nothing_is_merged_and_its_tree_stays(desk: Desk) -> None:
    goals(desk, "[a, b]", f'{MAKE}; test "$GOAL" = a')
    desk.orch("apply", code=1)
    assert "build.goal[b]" not in log(desk)
    (left,) = [path for path in trees(desk) if path.endswith("/steps/build.goal[b]")]
    assert (Path(left) / "goals" / "b").exists()


def test_every_attempt_begins_with_a_fresh_tree(desk: Desk) -> None:
    again = 'echo x >> lines.txt; test "$ORCH_ATTEMPT" = 2'
    alone = (
        f"  one: {{ nodes: {{ a: {{ run: '{again}', retry: {{ limit: 1, delay: 1ms }}, workspace: worktree }} }} }}\n"
    )
    desk.pipeline(alone, "workspace: branch\n")
    desk.write("lines.txt", "first\n")
    commit(desk)
    desk.orch("apply")
    assert git(desk, "show", f"{branch(desk)}:lines.txt").split() == ["first", "x"]


def test_a_cancelled_child_is_not_merged(desk: Desk) -> None:
    goals(desk, "[a, b]", f'{MAKE}; test "$GOAL" = a')
    desk.orch("apply", "--fail-fast", "--jobs", "1", code=1)
    assert desk.node("build.goal[a]")["status"] == "cancelled"
    (kept,) = (record["patch"] for record in records(desk, "finished") if record.get("patch"))
    assert desk.node("build.goal[a]")["sentence"].endswith(f"was not merged: its patch is {kept}")
    assert log(desk) == ["build.first"]
    desk.orch("verify", "@last")


def test_a_merge_waits_until_nobody_works_in_the_tree_that_it_changes(desk: Desk) -> None:
    desk.pipeline(
        """
  one:
    nodes:
      slow:
        run: "echo > begun; until grep -q unmerged $JOURNAL; do sleep 0.02; done; $LOOK; echo $(ls) >> slow.txt"
      apart: { run: "until [ -e $BEGUN ]; do sleep 0.02; done; echo > apart.txt", workspace: worktree }
""".replace("$JOURNAL", '\\"${ORCH_ARTIFACTS%/artifacts}/journal.ndjson\\"')
        .replace("$BEGUN", "../../tree/begun")
        .replace("$LOOK", "for i in 1 2 3 4 5 6 7 8 9 10; do [ -e apart.txt ] || sleep 0.1; done"),
        "workspace: branch\n",
    )
    commit(desk)
    desk.orch("apply", "--jobs", "2")
    assert log(desk) == ["one.slow", "one.apart"]
    assert "apart.txt" not in git(desk, "show", f"{branch(desk)}:slow.txt")


# --- who may write what


def one(desk: Desk, node: str, protected: str = "[]", more: str = "") -> None:
    desk.pipeline(f"  one:\n    protected: {protected}\n    nodes:\n      a: {node}\n{more}", "workspace: branch\n")
    desk.write("lines.txt", "as it was\n")
    commit(desk)


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_a_change_outside_of_writes_fails_the_node_and_nothing_of_it_is_merged(desk: Desk, where: str) -> None:
    one(desk, f'{{ run: "mkdir src; echo > src/x; echo > other.txt", writes: [src/**], workspace: {where} }}')
    said = desk.orch("apply", code=1)
    told = desk.node("one.a")
    assert (told["reason"], log(desk)) == ("path-policy-violation", [])
    assert "other.txt" in said.text
    assert "src/x" not in said.text
    (patch,) = told["artifacts"]
    assert "+++ b/src/x" in (desk.run_dir() / patch["path"]).read_text()
    desk.orch("verify", "@last")


TOGETHER = """
  one:
    protected: [lines.txt, "kept/**"]
    nodes:
      good: { run: 'echo > good.txt; until test -e "$HOME/bad"; do sleep 0.02; done%s', writes: [good.txt] }
      bad:
        run: 'echo > bad.txt; %s; touch "$HOME/bad"%s'
        writes: [bad.txt]
  two:
    nodes: { look: { run: "ls good.txt bad.txt", workspace: readonly } }
"""
BRANCH, VIOLATION = "workspace: branch\n", "path-policy-violation"


@pytest.mark.parametrize("last", ["good", "bad"])
def test_of_nodes_that_overlapped_only_what_none_may_is_put_back_and_a_retry_does_all_of_them(
    desk: Desk, last: str
) -> None:
    wait = '; until test -e "$HOME/%s"; do sleep 0.02; done; sleep 0.3'
    good, bad = (wait % "bad", "") if last == "good" else ("; touch $HOME/good", wait % "good")
    desk.pipeline(
        TOGETHER % (good, "test -e $HOME/right || { rm -r kept; echo > kept; echo > lines.txt; }", bad), BRANCH
    )
    desk.write("lines.txt", "as it was\n")
    desk.write("kept/inner.txt", "as it was\n")
    commit(desk)
    said = desk.orch("apply", "--jobs", "2", code=1)
    other = {"good": "bad", "bad": "good"}[last]
    assert (desk.node(f"one.{last}")["reason"], desk.node(f"one.{other}")["status"]) == (VIOLATION, "succeeded")
    assert git(desk, "diff", "--name-only", "main", branch(desk)).split() == ["bad.txt", "good.txt"]
    assert "by one of one.bad, one.good" in said.text or "by one of one.good, one.bad" in said.text
    assert "what else they did is kept" in desk.orch("explain", "@last", f"one.{last}").out
    (desk.home / "right").touch()
    desk.orch("retry", "@last")
    assert {desk.node(f"one.{name}")["attempt"] for name in ("good", "bad")} == {2}
    desk.orch("verify", "@last")


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_a_change_within_writes_is_kept(desk: Desk, where: str) -> None:
    one(desk, f'{{ run: "mkdir src; echo > src/x; rm lines.txt", writes: [src/**, lines.txt], workspace: {where} }}')
    desk.orch("apply")
    assert log(desk) == ["one.a"]


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_what_a_phase_protects_is_nobodys_to_change(desk: Desk, where: str) -> None:
    one(desk, f'{{ run: "rm lines.txt", workspace: {where} }}', "[lines.txt, tests/**]")
    desk.orch("apply", code=1)
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])


def test_only_at_the_root_of_the_project_is_what_runs_leave_not_looked_at(desk: Desk) -> None:
    one(desk, '{ run: "mkdir -p src/.orch src/.runs .orch; touch src/.orch/x src/.runs/x .orch/x", writes: [docs/**] }')
    assert "src/.orch/x, src/.runs/x" in desk.orch("apply", code=1).text
    assert desk.node("one.a")["reason"] == "path-policy-violation"


@pytest.mark.parametrize("pattern", [".github/**", ".github/flows/*.yml"])
def test_a_folder_that_is_protected_is_not_replaced_by_a_link(desk: Desk, pattern: str) -> None:
    one(desk, '{ run: "mkdir other; touch other/x; ln -s other .github" }', f"['{pattern}']")
    assert ".github" in desk.orch("apply", code=1).text
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])


def test_files_beside_a_folder_that_is_protected_are_not_protected(desk: Desk) -> None:
    one(desk, '{ run: "touch .git-hub .github-x src" }', "['.github/**', '**/x.md', '*/a']")
    desk.orch("apply")


def test_what_one_phase_protects_another_may_change(desk: Desk) -> None:
    one(desk, '{ run: "true" }', "[lines.txt]", '  two: { nodes: { b: { run: "rm lines.txt" } } }\n')
    desk.orch("apply")
    assert log(desk) == ["two.b"]


def test_a_readonly_node_that_changes_a_file_fails_and_the_file_is_put_back(desk: Desk) -> None:
    behind = '      b: { needs: [a], trigger_rule: all_done, run: "cat lines.txt; test ! -e fresh.txt" }\n'
    one(desk, '{ run: "echo more >> lines.txt; echo > fresh.txt", workspace: readonly }', more=behind)
    desk.orch("apply", code=1)
    assert desk.node("one.a")["reason"] == "path-policy-violation"
    assert desk.node("one.b")["status"] == "succeeded"
    assert desk.orch("runs", "logs", "@last", "one.b").out.strip().endswith("as it was")


PURE = '{{ run: "cat lines.txt > {file}", cache: {{ paths: [lines.txt] }} }}'


def test_a_cached_node_that_leaves_a_file_in_the_tree_fails_and_nothing_is_kept_of_it(desk: Desk) -> None:
    one(desk, PURE.format(file="made.txt"), more="      b: { needs: [a], run: cat made.txt }\n")
    for _ in range(2):
        desk.orch("apply", code=1)
        told = desk.node("one.a")
        assert (told["reason"], told["cache"]["because"]) == ("path-policy-violation", "no result is kept")
        assert "made.txt" in desk.orch("runs", "errors", "@last").text
        assert log(desk) == []


def test_a_cached_node_that_leaves_nothing_in_the_tree_is_kept(desk: Desk) -> None:
    one(desk, PURE.format(file="/dev/null"), more="      b: { needs: [a], run: cat lines.txt }\n")
    desk.orch("apply")
    desk.orch("apply")
    assert desk.node("one.a")["reason"] == "cached"


def test_a_readonly_node_may_leave_what_is_ignored(desk: Desk) -> None:
    desk.write(".gitignore", "*.log\n")
    one(desk, '{ run: "echo > a.log; cat lines.txt", workspace: readonly }')
    desk.orch("apply")


def test_of_nodes_that_overlap_what_none_of_them_may_change_is_found_and_what_one_may_is_not(desk: Desk) -> None:
    meet = "touch {me}; while [ ! -e {other} ]; do sleep 0.02; done"
    first, second = meet.format(me="a/x", other="b/x"), meet.format(me="b/x", other="a/x")
    nodes = f"""  one:
    nodes:
      a: {{ run: "{first}", writes: [a/**] }}
      b: {{ run: "{second}%s", writes: [b/**] }}
"""
    for name in ("a", "b"):
        desk.write(f"{name}/here", "here\n")
    desk.pipeline(nodes % "", "workspace: branch\n")
    commit(desk)
    desk.orch("apply", "--jobs", "2")
    assert log(desk) == ["one.a, one.b"]
    desk.pipeline(nodes % "; touch c", "workspace: branch\n")
    commit(desk, "Once more")
    said = desk.orch("apply", "--jobs", "2", code=1)
    assert "one of one.a, one.b" in said.text


@pytest.mark.parametrize(
    ("beside", "code"),
    [
        ('{ run: "true" }', 3),
        ('{ run: "true", writes: [] }', 0),
        ('{ run: "true", needs: [look] }', 0),
        ('{ run: "true", workspace: worktree }', 0),
        ('{ run: "true", workspace: readonly }', 0),
        ('{ loop: { until: "true", max_iterations: 1, nodes: { x: { run: "true" } } } }', 3),
    ],
)
def test_a_readonly_node_beside_one_that_may_change_anything_is_refused(desk: Desk, beside: str, code: int) -> None:
    one(desk, beside, more='      look: { run: "true", workspace: readonly }\n')
    said = desk.orch("plan", code=code)
    assert ("O521" in said.text) == (code == 3)


def test_patterns_that_could_mean_the_same_path_meet() -> None:
    meeting = [("src/**", "src/a/b.py"), ("**/x", "a/*"), ("a*c", "ab?"), ("**", "anything"), ("a/**/z", "a/b/*")]
    apart = [
        ("src/**", "tests/**"),
        ("*.py", "src/*.py"),
        ("a?", "abc"),
        ("docs/*.md", "docs/*.txt"),
        ("a/**/z", "b/**"),
    ]
    assert [pair for pair in meeting if not (may_meet(*pair) and may_meet(*pair[::-1]))] == []
    assert [pair for pair in apart if may_meet(*pair) or may_meet(*pair[::-1])] == []


COMMITS = "git -c user.name=a -c user.email=a@b commit --quiet --message own"


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_a_node_that_commits_is_checked_all_the_same(desk: Desk, where: str) -> None:
    one(desk, f'{{ run: "rm lines.txt; git add --all; {COMMITS}", workspace: {where} }}', "[lines.txt]")
    desk.orch("apply", code=1)
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])


def test_where_a_tree_began_is_not_the_nodes_to_say(desk: Desk) -> None:
    marks = "for mark in $(git rev-parse --absolute-git-dir)/orch-*; do git rev-parse HEAD > $mark; done"
    one(
        desk,
        f'{{ run: "rm lines.txt; git add --all; {COMMITS}; {marks}; echo > a", workspace: worktree }}',
        "[lines.txt]",
    )
    desk.orch("apply", code=1)
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])


@pytest.mark.parametrize(
    "dodge",
    [
        "git update-index --assume-unchanged lines.txt; rm lines.txt",
        "git update-index --skip-worktree lines.txt; rm lines.txt",
        "git config core.fileMode false; chmod +x lines.txt",
        "git config core.worktree /; rm lines.txt",
        "rm lines.txt; mkdir lines.txt; echo > lines.txt/new; "
        "echo lines.txt > $(git rev-parse --git-path info/exclude)",
        "git config filter.f.clean 'touch $HOME/ran; git show HEAD:lines.txt'; rm lines.txt; echo other > lines.txt; "
        "echo 'lines.txt filter=f' > $(git rev-parse --git-path info/attributes)",
    ],
)
@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_what_git_is_told_in_a_tree_hides_no_change(desk: Desk, where: str, dodge: str) -> None:
    one(desk, json.dumps({"run": dodge, "workspace": where}), "[lines.txt, 'lines.txt/**']")
    desk.orch("apply", code=1)
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])
    assert where == "shared" or not (desk.home / "ran").exists()


EVIL = "git rm --quiet --cached lines.txt; "
EVIL += "git update-ref refs/heads/orch/$(basename $(cd ..; cd %s; pwd)) $(git -c user.name=a -c user.email=a@b "
EVIL += "commit-tree $(git write-tree) %s-m evil); git reset --quiet"


@pytest.mark.parametrize("parent", ["-p HEAD ", ""])
@pytest.mark.parametrize(("where", "up"), [("shared", "."), ("worktree", "..")])
def test_the_runs_branch_is_not_the_nodes_to_move(desk: Desk, where: str, up: str, parent: str) -> None:
    one(desk, f'{{ run: "{EVIL % (up, parent)}", workspace: {where} }}', "[lines.txt]")
    said = desk.orch("apply", code=1)
    assert desk.node("one.a")["reason"] == "path-policy-violation"
    assert ("lines.txt" if where == "shared" and parent else f"the branch {branch(desk)}") in said.text
    assert git(desk, "rev-parse", branch(desk)) == git(desk, "rev-parse", "main")


FILTER = (
    "git config filter.f.smudge 'touch $HOME/ran; cat'; git config merge.f.driver 'touch $HOME/ran'; "
    'for w in filter merge; do echo "lines.txt $w=f" >> $(git rev-parse --git-path info/attributes); done; '
)


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_no_command_that_a_node_gives_to_git_is_run_by_the_engine(desk: Desk, where: str) -> None:
    """The tree is put back, made for another attempt, and merged where both sides have changed a file."""
    put_back = f"a: {{ run: {json.dumps(FILTER + 'echo > lines.txt')}, workspace: {where}, allow_failure: true }}"
    merged = "b: { matrix: { line: [1, 5] }, workspace: worktree, run: 'sed -i s/^$LINE$/x/ lines.txt', "
    merged += 'env: { LINE: "${{ matrix.line }}" } }'
    desk.pipeline(
        f"  one: {{ protected: [lines.txt], nodes: {{ {put_back} }} }}\n  two: {{ nodes: {{ {merged} }} }}\n",
        "workspace: branch\n",
    )
    desk.write("lines.txt", "1\n2\n3\n4\n5\n")
    commit(desk)
    desk.orch("apply")
    assert desk.node("one.a")["reason"] == "path-policy-violation"
    assert git(desk, "show", f"{branch(desk)}:lines.txt").split() == ["x", "2", "3", "4", "x"]
    assert not (desk.home / "ran").exists()


def test_trees_of_the_user_that_are_elsewhere_for_a_while_are_left_alone(desk: Desk) -> None:
    git(desk, "worktree", "add", "--quiet", "--detach", "../mine")
    (desk.folder / "../mine/staged").write_text("s\n")
    git(desk, "-C", "../mine", "add", "staged")
    shutil.move(desk.folder / "../mine", desk.folder / "../away")
    desk.orch("apply")
    shutil.move(desk.folder / "../away", desk.folder / "../mine")
    assert git(desk, "-C", "../mine", "status", "--porcelain") == "A  staged"


@pytest.mark.parametrize("rule", ["workspace: readonly", "writes: [b]"])
def test_a_step_that_could_not_start_allows_nothing_to_others(desk: Desk, rule: str) -> None:
    one(
        desk,
        "{ run: [no-such-program], allow_failure: true }",
        more=f"      b: {{ needs: [a], trigger_rule: all_done, {rule}, run: 'echo > y' }}\n",
    )
    desk.orch("apply", code=1)
    assert (desk.node("one.b")["reason"], log(desk)) == ("path-policy-violation", [])


def test_filters_that_the_repositorys_configuration_includes_hold_in_trees(desk: Desk) -> None:
    desk.write(".gitconfig", '[filter "rot"]\n\tclean = tr a-z b-za\n\tsmudge = tr b-za a-z\n')
    desk.write(".gitattributes", "*.x filter=rot\n")
    git(desk, "config", "include.path", "../.gitconfig")
    desk.write("s.x", "hello\n")
    commit(desk)
    one(desk, '{ run: "cat s.x; cp s.x n.x" }')
    desk.orch("apply")
    assert "hello" in desk.orch("runs", "logs", "@last", "one.a").out
    assert git(desk, "show", f"{branch(desk)}:n.x") == "ifmmp"


def test_a_run_that_no_longer_knows_its_repositorys_settings_does_not_take_those_of_its_nodes(desk: Desk) -> None:
    desk.pipeline(
        "  one: { nodes: { a: { run: \"git config filter.x.clean 'touch $HOME/ran; cat'; false\" } } }\n",
        "workspace: branch\n",
    )
    commit(desk)
    desk.orch("apply", code=1)
    (kept,) = desk.home.rglob("settings.json")
    kept.unlink()
    assert "O643" in desk.orch("retry", "@last", code=None).text
    assert not (desk.home / "ran").exists()


HIDES = [
    ("tests/conftest.py", "printf '*\\n' > tests/.gitignore; echo > tests/conftest.py"),
    ("tests/conftest.py", "echo conftest.py >> .gitignore; echo > tests/conftest.py"),
    ("tests/new/conftest.py", "mkdir tests/new; printf '*\\n' > tests/new/.gitignore; echo > tests/new/conftest.py"),
    ("tests/.gitattributes", "printf '*\\n' > tests/.gitignore; echo 't text' > tests/.gitattributes"),
]


@pytest.mark.parametrize("where", ["shared", "worktree"])
@pytest.mark.parametrize(("file", "hides"), HIDES)
def test_nothing_is_hidden_in_a_protected_folder_by_a_list_that_a_node_writes(
    desk: Desk, file: str, hides: str, where: str
) -> None:
    desk.write("tests/t", "a test\n")
    desk.write(".gitignore", "*.log\nout/\n.runs/\n")
    commit(desk)
    more = "      b: { needs: [a], trigger_rule: all_done, run: find tests -type f }\n"
    node = json.dumps({"run": hides, "workspace": where, "writes": ["tests/**", ".gitignore"]})
    one(desk, node, "['tests/**']", more)
    said = desk.orch("apply", code=1)
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])
    assert file in said.text
    assert desk.orch("runs", "logs", "@last", "one.b").out.split()[-1] == "tests/t"


def test_what_one_of_two_that_overlap_hides_in_a_protected_folder_is_not_left_to_others(desk: Desk) -> None:
    both = """
      a: {{ allow_failure: true, run: 'until test -e "$HOME/b"; do sleep 0.02; done; sleep 0.2' }}
      b: {{ run: 'echo x >> .gitignore; echo evil > tests/x; touch "$HOME/b"', writes: [.gitignore] }}
"""
    desk.write("tests/t", "a test\n")
    desk.pipeline(
        "  one:\n    protected: [tests/**]\n    nodes:"
        + both.format()
        + "  two: { nodes: { c: { run: ls tests } } }\n",
        "workspace: branch\n",
    )
    commit(desk)
    desk.orch("apply", "--jobs", "2")
    assert desk.node("one.a")["reason"] == "path-policy-violation"
    assert desk.orch("runs", "logs", "@last", "two.c").out.split()[-1] == "t"


def test_an_attempt_that_fails_keeps_its_reason_and_its_retry_whatever_lies_in_its_tree(desk: Desk) -> None:
    inner = COMMITS.replace("git ", "git -C dep ")
    again = 'test "$ORCH_ATTEMPT" = 2 || { git init --quiet dep; touch dep/x; git -C dep add x; ' + inner + "; false; }"
    one(desk, json.dumps({"run": again, "workspace": "worktree", "retry": {"limit": 1, "delay": "1ms"}}))
    desk.orch("apply")
    assert desk.node("one.a")["attempt"] == 2


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_what_was_ignored_before_may_be_left_in_a_protected_folder(desk: Desk, where: str) -> None:
    desk.write("tests/.gitignore", "*.log\nout/\n__pycache__/\n")
    commit(desk)
    left = "echo > tests/a.log; mkdir -p tests/out/x tests/sub/__pycache__ .cache; echo > tests/out/x/y; "
    left += (
        "echo > tests/sub/__pycache__/z; printf '*\\n' > .cache/.gitignore; echo > .cache/c; echo '*.bak' > .gitignore"
    )
    one(desk, json.dumps({"run": left, "workspace": where}), "['tests/**']")
    desk.orch("apply")
    assert git(desk, "diff", "--name-only", "main", branch(desk)) == ".gitignore"


def test_what_the_engine_remembers_of_a_tree_is_not_the_nodes_to_write(desk: Desk) -> None:
    hides = "cd ..; index=$(ls -d *-indexes)/run; cp $index old; cd tree; %s; cd ..; %s"
    same = "GIT_INDEX_FILE=../git-indexes/run git -C tree update-index --assume-unchanged lines.txt"
    one(desk, json.dumps({"run": hides % ("rm lines.txt", same)}), "[lines.txt]")
    desk.orch("apply", code=1)
    assert (desk.node("one.a")["reason"], log(desk)) == ("path-policy-violation", [])


def test_a_node_that_removes_its_way_to_git_is_checked_and_the_next_one_works(desk: Desk) -> None:
    moves = f"{EVIL % (chr(46), '')}; rm -rf .git"
    one(desk, f'{{ run: "{moves}" }}', more="      b: { run: rm .git }\n      c: { needs: [b], run: git status }\n")
    said = desk.orch("apply", "--jobs", "1", code=1)
    assert f"the branch {branch(desk)}" in said.text
    assert git(desk, "rev-parse", branch(desk)) == git(desk, "rev-parse", "main")
    assert desk.node("one.c")["status"] == "succeeded"


def test_a_child_that_failed_and_moved_the_branch_is_named_and_the_branch_put_back(desk: Desk) -> None:
    one(desk, f'{{ run: "{EVIL % ("..", "-p HEAD ")}; exit 3", workspace: worktree }}', "[lines.txt]")
    desk.orch("apply", code=1)
    assert f"the branch {branch(desk)}" in desk.node("one.a")["sentence"]
    assert git(desk, "rev-parse", branch(desk)) == git(desk, "rev-parse", "main")


def test_the_tree_of_a_step_that_was_allowed_to_fail_stays_and_is_named(desk: Desk) -> None:
    mine = '{ run: "echo > half; exit 3", workspace: worktree, allow_failure: true }'
    one(desk, mine, more='      b: { run: "echo > done", workspace: worktree }\n')
    said = desk.orch("apply")
    (left,) = trees(desk)
    assert left.endswith("/steps/one.a")
    assert (Path(left) / "half").exists()
    assert str(Path(left).parents[1]) in said.text
    assert str(Path(left).parents[1]) in desk.orch("runs", "show", "@last").text


@pytest.mark.parametrize("where", ["shared", "worktree"])
def test_what_a_node_has_committed_is_on_the_branch(desk: Desk, where: str) -> None:
    commits = f"echo > a.txt; git add --all; {COMMITS}; git switch --quiet --create other; echo > b.txt"
    one(desk, f'{{ run: "{commits}", workspace: {where}, writes: ["*.txt"] }}', "[lines.txt]")
    desk.orch("apply")
    assert log(desk) == (["own", "one.a"] if where == "shared" else ["one.a"])
    assert git(desk, "diff", "--name-only", "main", branch(desk)).split() == ["a.txt", "b.txt"]
    git(desk, "merge", "--quiet", branch(desk))


ELSEWHERE = "git -c user.name=a -c user.email=a@b commit-tree -m evil $(git write-tree)"
JOINED = f"git -c user.name=a -c user.email=a@b merge --quiet -s ours --allow-unrelated-histories -m m $({ELSEWHERE})"


@pytest.mark.parametrize("kind", ["workspace: readonly", "writes: []", "cache: { paths: [kept.txt] }"])
def test_a_node_that_changes_nothing_commits_nothing_to_the_branch_either(desk: Desk, kind: str) -> None:
    one(desk, f'{{ run: "{COMMITS} --allow-empty", {kind} }}', more=f'      b: {{ run: "true", {kind} }}\n')
    said = desk.orch("apply", "--jobs", "1", code=1)
    assert desk.node("one.a")["reason"] == "path-policy-violation"
    assert f"the branch {branch(desk)}" in said.text
    assert "a step that changes nothing has committed" in said.text
    assert (desk.node("one.b")["status"], log(desk)) == ("succeeded", [])
    assert git(desk, "rev-parse", branch(desk)) == git(desk, "rev-parse", "main")


def test_a_commit_without_a_change_is_kept_of_a_node_that_may_change_something(desk: Desk) -> None:
    one(desk, f'{{ run: "{COMMITS} --allow-empty" }}')
    desk.orch("apply")
    assert log(desk) == ["own"]


def test_a_history_that_begins_elsewhere_does_not_come_onto_the_branch(desk: Desk) -> None:
    one(desk, f'{{ run: "{JOINED}" }}')
    said = desk.orch("apply", code=1)
    assert desk.node("one.a")["reason"] == "path-policy-violation"
    assert f"the branch {branch(desk)}" in said.text
    assert git(desk, "rev-parse", branch(desk)) == git(desk, "rev-parse", "main")


def test_what_a_node_has_merged_of_its_own_branches_is_on_the_branch(desk: Desk) -> None:
    beside = f"git switch -qc side; echo > a; git add a; {COMMITS}; git switch -q -; echo > b; git add b; {COMMITS}"
    one(desk, f'{{ run: "{beside}; git -c user.name=a -c user.email=a@b merge -q -m both side" }}')
    desk.orch("apply")
    assert sorted(log(desk)) == ["both", "own", "own"]


def test_a_repository_within_the_tree_cannot_be_committed(desk: Desk) -> None:
    one(desk, f'{{ run: "git init --quiet part; cd part; echo > x; git add x; {COMMITS}" }}')
    assert "part is a git repository of its own" in desk.orch("apply", code=1).text
    assert log(desk) == []


def test_a_secret_in_the_name_of_a_repository_is_told_to_nobody(desk: Desk) -> None:
    desk.env["TOKEN"] = "s3cret-0123456789"
    node = f'{{ run: "git init --quiet $TOKEN; cd $TOKEN; echo > x; git add x; {COMMITS}", secrets: [TOKEN] }}'
    desk.pipeline(f"  one: {{ nodes: {{ a: {node} }} }}\n", 'workspace: branch\nsecrets: { TOKEN: "env:TOKEN" }\n')
    commit(desk)
    said = desk.orch("apply", code=1).text
    assert "*** is a git repository of its own" in said
    assert "s3cret" not in said + (desk.run_dir() / "journal.ndjson").read_text()


# --- what is known only in the run

LOOP = """
  find:
    nodes:
      list: { run: 'echo "{\\"names\\": [\\"c\\", \\"a\\", \\"b\\"]}" > "$ORCH_OUTPUT"', outputs: { names: list } }
  build:
    protected: [lines.txt]
    nodes:
      goal:
        matrix: { goal: "${{ nodes.list.outputs.names }}" }
        workspace: worktree
        loop:
          until: nodes.test.status == 'succeeded'
          max_iterations: 3
          nodes:
            code:
              writes: [goals/**]
              run: 'mkdir -p goals; echo x >> "goals/$GOAL"; %s'
              env: { GOAL: "${{ matrix.goal }}" }
            test: { needs: [code], run: 'test $(wc -l < "goals/$GOAL") = 2', env: { GOAL: "${{ matrix.goal }}" } }
      behind: { needs: [goal], run: "wc -l goals/*" }
"""


def test_children_that_are_known_in_the_run_are_merged_in_the_order_of_their_keys(desk: Desk) -> None:
    phases = """
  find:
    nodes:
      list: { run: 'echo "{\\"names\\": [\\"c\\", \\"a\\", \\"b\\"]}" > "$ORCH_OUTPUT"', outputs: { names: list } }
  build:
    nodes:
      goal:
        matrix: { goal: "${{ nodes.list.outputs.names }}" }
        workspace: worktree
        run: 'echo > "$GOAL"'
        env: { GOAL: "${{ matrix.goal }}" }
"""
    desk.pipeline(phases, "workspace: branch\n")
    commit(desk)
    desk.orch("apply", "--jobs", "1")
    assert log(desk) == [f"build.goal[{key}]" for key in "abc"]


def test_all_iterations_of_a_child_work_in_the_childs_tree_which_is_merged_once(desk: Desk) -> None:
    desk.pipeline(LOOP % "true", "workspace: branch\n")
    desk.write("lines.txt", "as it was\n")
    commit(desk)
    desk.orch("apply")
    assert log(desk) == [f"build.goal[{key}]" for key in "abc"]
    assert git(desk, "show", f"{branch(desk)}:goals/b") == "x\nx"
    assert trees(desk) == []
    desk.orch("verify", "@last")


def test_a_loop_that_changed_what_it_may_not_is_not_merged(desk: Desk) -> None:
    desk.pipeline(LOOP % 'test "$GOAL" != b || rm -f lines.txt', "workspace: branch\n")
    desk.write("lines.txt", "as it was\n")
    commit(desk)
    desk.orch("apply", code=1)
    assert log(desk) == ["build.goal[a]", "build.goal[c]"]
    assert desk.node("build.goal[b]")["reason"] == "path-policy-violation"


def test_a_loop_whose_owner_died_goes_on_in_its_tree(desk: Desk) -> None:
    once = 'touch "$HOME/died"; echo > "$HOME/there"; cat "$HOME/there"'
    die = f'test -e "$HOME/died" || test "$(wc -l < goals/a)" = 1 || {{ {once}; }}'
    desk.pipeline(LOOP.replace('[\\"c\\", \\"a\\", \\"b\\"]', '[\\"a\\"]') % "true", "workspace: branch\n")
    text = (desk.folder / "pipelines/main.yaml").read_text()
    desk.write("pipelines/main.yaml", text.replace("run: 'test $(wc", f"run: '{die}; test $(wc"))
    commit(desk)
    os.mkfifo(desk.home / "there")
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    words = [str(BIN / "orch"), "apply"]
    with subprocess.Popen(words, cwd=desk.folder, env=desk.environment(), **streams) as process:
        (desk.home / "there").read_text()
        process.kill()
        process.communicate()
    desk.orch("resume", "@last")
    assert git(desk, "show", f"{branch(desk)}:goals/a") == "x\nx"


APART = """
  one:
    nodes:
      goal:
        matrix: { goal: [a, b] }
        key: "${{ matrix.goal }}"
        workspace: worktree
"""
INNER = """
        loop:
          until: nodes.write.status == 'succeeded'
          max_iterations: 2
          nodes:
            write: { run: 'echo "$(wc -l < lines.txt)$GOAL" >> lines.txt', env: { GOAL: "${{ matrix.goal }}" } }
"""
CHILD = """apiVersion: orch/v1
kind: Pipeline
name: inner
inputs: { goal: { type: string } }
phases:
  main:
    nodes:
      write: { run: 'echo "$(wc -l < lines.txt)$GOAL" >> lines.txt', env: { GOAL: "${{ inputs.goal }}" } }
      test: { needs: [write], run: 'grep -q "$GOAL" lines.txt && %s', env: { GOAL: "${{ inputs.goal }}" } }
"""


def opened_apart(desk: Desk, kind: str, last: str = "true") -> None:
    """Children with trees of their own that are loops, or pipelines, and change the same place."""
    inner = (
        INNER
        if kind == "loop"
        else '        pipeline: parts/inner.yaml\n        with: { goal: "${{ matrix.goal }}" }\n'
    )
    desk.pipeline(APART + inner, "workspace: branch\n")
    desk.write("parts/inner.yaml", CHILD % last)
    desk.write("lines.txt", "as it was\n")
    commit(desk)


@pytest.mark.parametrize("kind", ["loop", "pipeline"])
def test_after_a_conflict_a_retry_does_all_that_a_step_has_opened_again_in_a_fresh_tree(desk: Desk, kind: str) -> None:
    opened_apart(desk, kind)
    desk.orch("apply", code=1)
    assert desk.node("one.goal[b]")["reason"] == "merge-conflict"
    desk.orch("retry", "@last", "--failed")
    assert git(desk, "show", f"{branch(desk)}:lines.txt").split("\n")[1:] == ["1a", "2b"]
    assert log(desk) == ["one.goal[a]", "one.goal[b]"]
    desk.orch("verify", "@last")


def test_where_the_tree_of_what_a_step_has_opened_is_gone_it_fails_and_its_retry_makes_it_anew(desk: Desk) -> None:
    opened_apart(desk, "pipeline", 'test -e "$HOME/mended"')
    desk.orch("apply", code=1)
    for path in trees(desk):
        if "/steps/" in path:
            git(desk, "worktree", "remove", "--force", path)
    (desk.home / "mended").touch()
    desk.orch("retry", "@last", "--only", "one.goal[a]", code=1)
    assert desk.node("one.goal[a]")["reason"] == "start-failed"
    assert "a retry makes it anew" in desk.node("one.goal[a]")["sentence"]
    desk.orch("retry", "@last", "--only", "one.goal[a]", code=1)
    assert git(desk, "show", f"{branch(desk)}:lines.txt").split("\n")[1:] == ["1a"]


# --- what is told of it


def test_a_patch_that_waits_is_nobodys_to_settle_and_is_explained(desk: Desk) -> None:
    wait = 'echo > "$HOME/there"; cat "$HOME/there"'
    goals(desk, "[a, b]", f'{MAKE}; test "$GOAL" = a || {{ {wait}; }}')
    os.mkfifo(desk.home / "there")
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    words = [str(BIN / "orch"), "apply", "--jobs", "1"]
    with subprocess.Popen(words, cwd=desk.folder, env=desk.environment(), **streams) as process:
        (desk.home / "there").read_text()
        assert json.loads(desk.orch("poll", "@last", "--json").out)["waiting"] == []
        told = desk.orch("explain", "@last", "build.goal[a]").out
        process.kill()
        process.communicate()
    assert "not over: build.goal[b]" in told
    assert "orch poll" in told


def test_why_a_patch_was_refused_is_explained(desk: Desk) -> None:
    goals(desk, "[a, b]", f'{MAKE}; sed -i "s/^5$/$GOAL/" lines.txt')
    desk.orch("apply", code=1)
    told = desk.orch("explain", "@last", "build.goal[b]").out
    assert "lines.txt" in told
    assert "a retry begins at the branch as it is now" in told


@pytest.mark.parametrize(
    ("call", "reason"),
    [("write-tree", "internal-error"), ("worktree add --quiet --no-checkout --force --force --detach", "start-failed")],
)
def test_a_git_that_fails_fails_the_step_and_says_why(desk: Desk, call: str, reason: str) -> None:
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    one(desk, '{ run: "echo > a.txt", workspace: worktree }')
    desk.program("git", f'case "$*" in *" {call}"*) echo "fatal: no room" >&2; exit 128;; *) exec {real} "$@";; esac')
    said = desk.orch("apply", code=1)
    assert "no room" in said.text
    assert desk.node("one.a")["reason"] == reason
    desk.env.pop("PATH")
    desk.orch("retry", "@last", "--failed")
    assert log(desk) == ["one.a"]


MAKEFILE = "setup:\n\techo here >> ready.txt\n"
SET_UP = """
  one:
    nodes:
      a:
        workspace: { kind: worktree, setup: make }
        loop:
          until: nodes.test.status == 'succeeded'
          max_iterations: 3
          nodes:
            code: { run: echo >> made.txt, writes: [made.txt] }
            test: { needs: [code], run: "test $(wc -l < made.txt) = 2", allow_failure: true }
"""


def with_makefile(desk: Desk, recipe: str = MAKEFILE) -> None:
    desk.write("Makefile", recipe)
    desk.write(".gitignore", ".runs/\nready.txt\n")
    commit(desk, "A makefile")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_tree_of_its_own_is_set_up_before_its_node_starts(desk: Desk) -> None:
    with_makefile(desk)
    one(desk, '{ run: "cp ready.txt made.txt", workspace: { kind: worktree, setup: make } }')
    desk.orch("apply")
    assert git(desk, "show", f"{branch(desk)}:made.txt") == "here"
    desk.orch("verify", "@last")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_set_up_that_fails_fails_its_node_whose_command_is_not_started(desk: Desk) -> None:
    with_makefile(desk, "setup:\n\texit 3\n")
    one(desk, '{ run: "touch ../../../started", workspace: { kind: worktree, setup: auto } }')
    desk.orch("apply", code=1)
    assert desk.node("one.a")["sentence"].startswith("the set-up of its tree: exit code 2")
    assert list(desk.home.rglob("started")) == []
    desk.orch("verify", "@last")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_tree_of_a_loop_is_set_up_once_by_a_node_of_it(desk: Desk) -> None:
    with_makefile(desk)
    desk.pipeline(SET_UP, "workspace: branch\n")
    commit(desk, "A loop")
    assert "setup" in desk.orch("plan").out
    desk.orch("apply")
    assert desk.node("one.a#1.setup")["status"] == "succeeded"
    assert desk.node("one.a#2.setup")["reason"] == "if-false"
    desk.orch("verify", "@last")


@pytest.mark.parametrize("fresh", [True, False])
def test_what_git_says_of_a_tree_that_is_to_be_opened_tells_no_secret(fresh: bool) -> None:
    class Broken:
        def make(self, name: str) -> str:
            raise TreeTrouble(f"{name}: hunter2 is in the way")

        changes = make

    loop = {"until": "nodes.a.status == 'succeeded'", "nodes": {"a": {}}}
    plan = compiled(one_phase(fix={"loop": loop, "workspace": "worktree"}), workspace="branch")
    spaces = Spaces(plan, cast(Any, Broken()), lambda text: text.replace("hunter2", "***"))
    with pytest.raises(TreeTrouble, match=r"build\.fix: \*\*\* is in the way"):
        spaces.open(plan.index_of["build.fix"], fresh=fresh)


# --- a budget that ends before a merge

SPENT = """
  one:
    nodes:
      apart: { run: "echo > apart.txt", workspace: worktree }
      slow: { run: "until grep -q budget-exceeded $JOURNAL; do sleep 0.02; done; echo > slow.txt" }
      quick: { run: "until grep -q unmerged $JOURNAL; do sleep 0.02; done" }
      more: { run: "true", needs: [quick] }
""".replace("$JOURNAL", '\\"${ORCH_ARTIFACTS%/artifacts}/journal.ndjson\\"')


KEPT = "it had ended well, and what it did was not merged: its patch is "


def kept_patch(desk: Desk) -> str:
    """The commit that the run names of what `one.apart` did; it holds that, and nothing of it is on the branch."""
    manifest = desk.node("one.apart")
    assert (manifest["status"], manifest["reason"]) == ("failed", "budget-exceeded")
    assert manifest["sentence"].startswith(KEPT)
    patch = manifest["sentence"].removeprefix(KEPT)
    assert "one.apart" not in log(desk)
    git(desk, "gc", "--quiet", "--prune=now")
    assert git(desk, "show", "--format=", "--name-only", patch) == "apart.txt"
    (artifact,) = manifest["artifacts"]
    assert "apart.txt" in (desk.run_dir() / artifact["path"]).read_text()
    for words in (["explain", "@last", "apart"], ["runs", "show", "@last"]):
        assert patch in desk.orch(*words).out
    desk.orch("verify", "@last")
    return patch


def test_a_patch_that_is_not_merged_when_the_budget_ends_is_kept_and_a_retry_makes_it_again(desk: Desk) -> None:
    desk.pipeline(SPENT, "workspace: branch\nbudget: { nodes: 3 }\n")
    commit(desk)
    said = desk.orch("apply", "--jobs", "3", code=5).text
    patch = kept_patch(desk)
    assert f"one.apart: {KEPT}{patch}" in said
    again = desk.orch("resume", "@last", code=5).out
    assert "nothing to do" in again
    assert f"orch retry {desk.run_dir().name} --failed" in again
    assert kept_patch(desk) == patch
    desk.orch("retry", "@last", "--failed")
    assert [record["address"] for record in records(desk, "merged")] == ["one.apart"]
    assert log(desk)[-1] == "one.apart"
    assert desk.node("one.apart")["attempt"] == 2
    desk.orch("verify", "@last")


DIES = """
  one:
    nodes:
      apart: { run: "echo > apart.txt", workspace: worktree }
      slow: { run: "test $ORCH_ATTEMPT = 2 || { until grep -q unmerged $JOURNAL; do sleep 0.02; done; $HOLD; }" }
""".replace("$JOURNAL", '\\"${ORCH_ARTIFACTS%/artifacts}/journal.ndjson\\"')


@pytest.mark.parametrize("budget", [2, 3])
def test_after_a_death_a_resume_merges_what_waited_or_keeps_it_where_the_budget_ends(desk: Desk, budget: int) -> None:
    reached, go = (desk.home / name for name in ("reached", "go"))
    for fifo in (reached, go):
        os.mkfifo(fifo)
    held = f"echo > '{reached}'; read -r _ < '{go}'"
    desk.pipeline(DIES.replace("$HOLD", held), f"workspace: branch\nbudget: {{ nodes: {budget} }}\n")
    commit(desk)
    started = [str(BIN / "orch"), "apply", "--jobs", "2"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(started, cwd=desk.folder, env=desk.environment(), stdout=quiet, stderr=quiet) as apply:
        reached.read_text()
        os.kill(json.loads((desk.run_dir() / "owner.json").read_text())["pid"], signal.SIGKILL)
        apply.wait(timeout=60)
    if budget == 3:  # one attempt is left for the step that was at work
        desk.orch("resume", "@last")
    else:
        desk.orch("resume", "@last", code=5)
        kept_patch(desk)
        desk.orch("retry", "@last", "--failed")
    assert log(desk) == ["one.apart"]
    assert desk.node("one.apart")["attempt"] == (1 if budget == 3 else 2)
    desk.orch("verify", "@last")

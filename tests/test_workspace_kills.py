"""A run with trees whose engine is killed at a call of git is finished by the next owner, and every patch is
on the branch once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command import BIN, PATH, PROJECT, Desk
from test_workspaces import branch, checkout, commit, git, log, trees

PIPELINE = """
  build:
    nodes:
      first: { run: "echo first > first.txt", writes: [first.txt] }
      goal:
        needs: [first]
        matrix: { goal: [b, a] }
        workspace: worktree
        run: |
          mkdir -p goals
          cat first.txt >> "goals/$GOAL"
          sed -i "s/^$GOAL$/done/" lines.txt
        env: { GOAL: "${{ matrix.goal }}" }
  verify:
    nodes:
      look: { run: "test $(grep -c done lines.txt) = 2; ls goals", workspace: readonly }
"""
GIT = shutil.which("git", path=PATH)
PARTS = 10
STOPPER = f"""
case " $* " in
    *" worktree add "*|*" worktree remove "*|*" update-ref "*|*" symbolic-ref "*|*" -u "*|*" clean "*) ;;
    *) exec {GIT} "$@" ;;
esac
case " $* " in *"$(cat "$HOME/of" 2>/dev/null)"*) ;; *) exec {GIT} "$@" ;; esac
count=$(($(cat "$HOME/count" 2>/dev/null || echo 0) + 1)); echo $count > "$HOME/count"
if [ "$count" = "$(cat "$HOME/at" 2>/dev/null)" ]; then
    grep -q after "$HOME/how" && {GIT} "$@"
    echo there > "$HOME/there"
    cat "$HOME/there"
fi
exec {GIT} "$@"
"""
"""Counts what changes trees and refs, and at one such call says so and waits to be killed."""


def desk_at(place: Path) -> Desk:
    place.mkdir()
    desk = Desk.at(place)
    git(desk, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write("lines.txt", "a\n1\n2\n3\nb\n")
    desk.pipeline(PIPELINE, "workspace: branch\n")
    commit(desk)
    desk.program("git", STOPPER)
    return desk


def killed_at(desk: Desk, call: int, how: str, of: str = "") -> None:
    """Run until that call, of those in which these words are, and kill the engine there."""
    (desk.home / "of").write_text(of)
    os.mkfifo(desk.home / "there")
    (desk.home / "at").write_text(str(call))
    (desk.home / "how").write_text(how)
    words = [str(BIN / "orch"), "apply", "--jobs", "1"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(words, cwd=desk.folder, env=desk.environment(), **streams) as process:
        with open(desk.home / "there") as there:
            there.readline()
        process.kill()
        process.communicate()  # until nobody holds its streams any more
    (desk.home / "at").unlink()


@pytest.mark.parametrize("part", range(PARTS))
def test_wherever_the_engine_is_killed_every_patch_is_on_the_branch_once(tmp_path: Path, part: int) -> None:
    whole = desk_at(tmp_path / "whole")
    whole.orch("apply", "--jobs", "1")
    want = git(whole, "ls-tree", "-r", branch(whole))
    calls = int((whole.home / "count").read_text())
    assert calls > PARTS
    for call in range(1 + part, calls + 1, PARTS):
        desk = desk_at(tmp_path / str(call))
        before = checkout(desk)
        killed_at(desk, call, "before" if call % 2 else "after")  # of neighbours: what lies between them is the journal
        desk.orch("resume", "@last")
        desk.orch("resume", "@last")
        assert checkout(desk) == before
        assert git(desk, "ls-tree", "-r", branch(desk)) == want, f"call {call}"
        assert log(desk) == ["build.first", "build.goal[a]", "build.goal[b]"], f"call {call}"
        assert trees(desk) == [], f"call {call}"
        assert git(desk, "for-each-ref", "refs/orch") == "", f"call {call}"
        desk.orch("verify", "@last")


def test_locks_that_a_killed_git_has_left_hold_nothing_up(tmp_path: Path) -> None:
    desk = desk_at(tmp_path / "project")
    killed_at(desk, 4, "after", of=" update-ref refs/heads/")  # the branch has the last merge, the tree has not
    refs = desk.folder / ".git" / "refs"
    assert (refs / "orch" / desk.run_dir().name / "next").exists()
    (refs / "heads" / f"{branch(desk)}.lock").touch()
    (folder,) = (Path(tree) for tree in trees(desk) if tree.endswith("/tree"))
    for lock in ("index.lock", "HEAD.lock", "orch-index.lock"):
        (Path(git(desk, "-C", str(folder), "rev-parse", "--absolute-git-dir")) / lock).touch()
    desk.orch("resume", "@last")
    assert log(desk) == ["build.first", "build.goal[a]", "build.goal[b]"]


def test_a_merge_of_which_the_journal_knows_nothing_is_not_made_again(tmp_path: Path) -> None:
    desk = desk_at(tmp_path / "project")
    killed_at(desk, 1, "after", of=" update-ref -d ")  # the last call of the first merge
    assert log(desk) == ["build.first", "build.goal[a]"]
    assert '"patch"' in (desk.run_dir() / "journal.ndjson").read_text()
    assert '"merged"' not in (desk.run_dir() / "journal.ndjson").read_text()
    desk.orch("resume", "@last")
    assert log(desk) == ["build.first", "build.goal[a]", "build.goal[b]"]


ONCE = """
  work:
    protected: [kept.txt]
    nodes:
      act:
        run: 'mkdir -p src; echo UNSEEN > %s; touch "$HOME/done"; echo > "$HOME/there"; cat "$HOME/there"'
        effect: { once: act, probe: 'test -e "$HOME/done"' }
  behind:
%s    nodes: { write: { run: "echo > behind.txt" } }
"""
GATED = '    gates: { agreed: { approval: { subject: ["git:diff"], require: { editor: 1 } } } }\n'


def killed_once(place: Path, file: str, gate: str = "", probe: str = "test -e") -> Desk:
    """A run of which a `once` step was killed when it had left this file in the run's tree."""
    desk = Desk.at(place)
    git(desk, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write("kept.txt", "as it was\n")
    desk.pipeline(ONCE.replace("test -e", probe) % (file, gate), "workspace: branch\n")
    commit(desk)
    os.mkfifo(desk.home / "there")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    with subprocess.Popen([str(BIN / "orch"), "apply"], cwd=desk.folder, env=desk.environment(), **streams) as process:
        (desk.home / "there").read_text()
        process.kill()
        process.communicate()
    return desk


def test_what_a_killed_once_step_has_left_is_on_the_branch_when_its_probe_says_done(tmp_path: Path) -> None:
    desk = killed_once(tmp_path, "src/w")
    desk.orch("resume", "@last")
    assert log(desk) == ["work.act", "behind.write"]
    assert git(desk, "show", f"{branch(desk)}:src/w") == "UNSEEN"
    desk.orch("verify", "@last")


def test_what_a_killed_once_step_has_left_does_not_go_around_a_gate_on_the_difference(tmp_path: Path) -> None:
    desk = killed_once(tmp_path, "src/w", GATED)
    desk.orch("resume", "@last", code=4)
    gate = json.loads(desk.orch("gate", "show", "agreed", "--json", code=None).out)
    assert [name for _, _, name in gate["facts"]["subject"]["files"]] == ["git:diff", "git:diff/src/w"]


def test_what_a_killed_once_step_may_not_have_changed_fails_it_and_is_put_back(tmp_path: Path) -> None:
    desk = killed_once(tmp_path, "kept.txt")
    desk.orch("resume", "@last", code=1)
    assert desk.node("work.act")["reason"] == "path-policy-violation"
    assert [one["name"] for one in desk.node("work.act")["artifacts"]] == ["patch"]
    assert log(desk) == []
    desk.orch("verify", "@last")


def test_what_a_killed_once_step_has_left_is_on_the_branch_when_a_person_says_done(tmp_path: Path) -> None:
    desk = killed_once(tmp_path, "src/w", GATED, probe="exit 2; test -e")
    desk.orch("resume", "@last", code=4)
    assert log(desk) == []
    desk.orch("settle", "@last", "work.act", "--done")
    assert log(desk) == ["work.act"]


def test_what_a_killed_once_step_has_left_is_on_the_branch_when_the_run_is_cancelled(tmp_path: Path) -> None:
    desk = killed_once(tmp_path, "src/w", probe="exit 2; test -e")
    desk.orch("resume", "@last", code=4)
    desk.orch("cancel", "@last", code=None)
    assert desk.node("work.act")["status"] == "cancelled"
    assert log(desk) == ["work.act"]


def test_a_patch_that_is_on_the_branch_is_not_called_unmerged_by_who_cancels_then(tmp_path: Path) -> None:
    """The engine was killed behind the last call of the first merge, and its record was not written."""
    desk = desk_at(tmp_path / "project")
    killed_at(desk, 1, "after", of=" update-ref -d ")
    desk.orch("cancel", "@last")
    ends = {key: desk.node(f"build.goal[{key}]")["status"] for key in "ab"}
    assert (ends, log(desk)) == ({"a": "succeeded", "b": "cancelled"}, ["build.first", "build.goal[a]"])
    desk.orch("verify", "@last")

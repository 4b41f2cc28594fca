"""A project whose run has a branch: two nodes with a tree each append to files, and their patches are merged. What
works in the run's own tree may do so twice, and writes its files anew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

from workload import PROJECT, STARTED, Workload, root_of, state_of

_GOALS = ("a", "b")
_BEGUN = "begun\n"

PIPELINE = f"""\
apiVersion: orch/v1
kind: Pipeline
name: sweep
workspace: branch

phases:
  build:
    nodes:
      first:
        run: |
          {STARTED}
          echo first > first.txt
      goal:
        needs: [first]
        matrix: {{ goal: [b, a] }}
        workspace: worktree
        run: |
          {STARTED}
          cat first.txt >> "goals/$GOAL"
        env: {{ GOAL: "${{{{ matrix.goal }}}}" }}
  verify:
    nodes:
      last:
        run: |
          {STARTED}
          cat goals/a goals/b > all.txt
"""
_HELD = {
    "all.txt": f"{_BEGUN}first\n{_BEGUN}first\n",
    "first.txt": "first\n",
    **{f"goals/{goal}": f"{_BEGUN}first\n" for goal in _GOALS},
}
_COMMITS = ["build.first", "build.goal[a]", "build.goal[b]", "verify.last"]


def _files() -> dict[str, str]:
    begun = {path: _BEGUN for path in _HELD if path.startswith("goals/")}
    return {"orch.yaml": PROJECT, "pipelines/sweep.yaml": PIPELINE, **begun}


def _git(root: str, *words: str) -> str:
    env = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    who = ("-c", "user.name=owner", "-c", "user.email=owner@sweep.example")
    argv = ["git", "-C", root, *who, *words]
    return subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout


def _prepare(root: str) -> None:
    _git(root, "init", "--quiet", "--initial-branch=main", "--template=")
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message=A beginning")


def _ended(base: str, run_id: str) -> Iterator[str]:
    """Each patch is on the branch once, the checkout is as it was, and trees and refs are gone."""
    root, branch = root_of(base), f"orch/{run_id}"
    commits = _git(root, "log", "--reverse", "--format=%s", f"main..{branch}").splitlines()
    if commits != _COMMITS:
        yield f"on the branch is {', '.join(commits)}"
    for path, text in _HELD.items():
        held = _git(root, "show", f"{branch}:{path}")
        if held != text:
            yield f"on the branch {path} holds {held!r}"
    refs = _git(root, "for-each-ref", "--format=%(refname)").split()
    if refs != ["refs/heads/main", f"refs/heads/{branch}"]:
        yield f"the refs are {', '.join(refs)}"
    changed = _git(root, "status", "--porcelain", "--", ":/", ":(exclude,top).runs")
    if changed:
        yield f"in the checkout is changed {changed!r}"
    trees = os.path.join(state_of(base), "orch", "trees")
    left = os.listdir(trees) if os.path.isdir(trees) else []
    if left or _git(root, "worktree", "list").count("\n") > 1:
        yield f"trees are left: {left}"


MERGES = Workload(
    files=_files,
    nodes=("build.first", "build.goal[a]", "build.goal[b]", "verify.last"),
    prepare=_prepare,
    ended=_ended,
)

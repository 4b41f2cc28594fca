"""Is the branch of a run still there, and does it hold what the journal says that was put on it?"""

from __future__ import annotations

import os
import shlex

from orch.app.context import Context
from orch.app.root import RUNS, find_root
from orch.app.runplan import plan_of
from orch.model.compiled import Compiled
from orch.model.events import Finished, Merged
from orch.model.names import branch_of
from orch.problems.problem import OrchError, Problem
from orch.store.journal import read
from orch.store.rundir import RunDir, find


def is_branch_gone(context: Context, run: RunDir, plan: Compiled) -> bool:
    """Has somebody removed the run's branch? Not where it has none of its own, or git cannot be asked."""
    if "workspace" not in plan.head:
        return False
    from orch.governance.git import Git, GitTrouble

    git = Git(find_root(context.cwd), context.env)
    try:
        git.toplevel()
    except GitTrouble:
        return False
    return git.resolve(f"refs/heads/{branch_of(run.run_id)}") is None


def branch_lost(context: Context, ref: str) -> Problem | None:
    """A warning where the run's branch is gone, or holds no longer what the journal says was merged into it; none where
    nothing of the run has ended yet, or git cannot be asked."""
    root = find_root(context.cwd)
    run = find(os.path.join(root, RUNS), ref)
    try:
        plan = plan_of(run)
        events = read(run.journal, plan.digest).events if "workspace" in plan.head else ()
    except OrchError:
        return None  # told as a problem of the record
    if not any(isinstance(event, Finished) for event in events):
        return None
    from orch.governance.git import Git, GitTrouble

    merged = [event.commit for event in events if isinstance(event, Merged) and event.commit is not None]
    branch, last = branch_of(run.run_id), merged[-1] if merged else plan.head["base"]
    what = "which the journal says was merged into it" if merged else "where the run began"
    unless = "unless you have merged and removed it"
    if is_branch_gone(context, run, plan):
        said, hint = f"the branch {branch} is gone", f"git fsck --lost-found, {unless}"
        if merged:
            said = f"{said}: it does not hold {last[:12]}, {what}"
        if commit := Git(root, context.env).resolve(f"refs/orch/{run.run_id}/tip") or (last if merged else None):
            hint = f"git branch {branch} {commit}, {unless}"
        return Problem("O643", said, hint=hint, severity="warning")
    git = Git(root, context.env)
    try:
        git.toplevel()
    except GitTrouble:
        return None
    try:
        git.ask(["merge-base", "--is-ancestor", last, f"refs/heads/{branch}"])
    except GitTrouble:
        said = f"the branch {branch} was moved: it does not hold {last[:12]}, {what}"
        tree = os.fsdecode(git.ask(["for-each-ref", "--format=%(worktreepath)", f"refs/heads/{branch}"])).strip()
        hint = f"git -C {shlex.quote(tree)} reset --keep {last}" if tree else f"git branch --force {branch} {last}"
        return Problem("O643", said, hint=f"{hint}, {unless}", severity="warning")
    return None

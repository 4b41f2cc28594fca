"""Where a run with a branch of its own begins, and its trees: what is refused, what is taken along, where they lie."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orch.app.context import Context
from orch.local.git import GitTrouble, alone, run_git
from orch.local.repository import Repository
from orch.local.trees import GitTrees, Keep, Start
from orch.model.compiled import Compiled
from orch.model.derive import left_trees
from orch.model.names import branch_of, file_stem, lies_within
from orch.model.state import RunState
from orch.ports import TreeTrouble
from orch.problems.problem import Exit, OrchError, Problem
from orch.spec.globs import fixed_folder
from orch.store.cas import Cas
from orch.store.copies import artifact_copy, place

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

DIRT = "O641"
_NEEDED = (2, 38)
_SHOWN = 10


def base_of(context: Context, root: str) -> str:
    """The commit that a run would begin at. Raises OrchError where a run cannot have a branch here."""
    repository = _repository(context, root)
    try:
        version = repository.git(root, "version").split()[2]
        if tuple(int(part) for part in version.split(".")[:2]) < _NEEDED:
            raise _refusal(f"git {version} is too old", "install git 2.38 or newer")
        if repository.git(root, "rev-parse", "--is-bare-repository") == "true":
            raise _refusal("a bare repository has no checkout", "clone it, and work there")
        top = repository.git(root, "rev-parse", "--show-toplevel")
        base = repository.resolve("HEAD")
        if base is None:
            raise _refusal("the repository has no commit", "git add -A && git commit -m 'The beginning'")
        listing = repository.raw(root, "ls-tree", "-r", "-z", "--full-tree", base).split(b"\0")
        modules = [os.fsdecode(line.partition(b"\t")[2]) for line in listing if line.startswith(b"160000 ")]
        if modules:
            message = f"the repository holds another one, {modules[0]}: git makes no second tree of a submodule"
            raise _refusal(message, "leave `workspace` out: the nodes then work in the checkout")
        inner = os.path.relpath(root, os.path.realpath(top))
        if inner != "." and not any(line.partition(b"\t")[2].startswith(os.fsencode(inner) + b"/") for line in listing):
            raise _refusal(f"no commit holds anything of {inner}", f"git add {inner} && git commit")
        if repository.resolve("refs/heads/orch") is not None:
            raise _refusal("there is a branch `orch`, and no `orch/…` can be beside it", "git branch -m orch NAME")
    except GitTrouble as error:
        raise _refusal(str(error), "git init, and commit what there is") from error
    home = context.state_dir
    if home is None or lies_within(os.path.realpath(top), os.path.realpath(home)):
        where = "there is no state directory" if home is None else f"the state directory {home} lies in the repository"
        raise _refusal(where, "set XDG_STATE_HOME to a folder outside of it")
    return base


def dirt(context: Context, root: str, pipeline: str, saved: str | None) -> Problem | None:
    """What to say of a checkout that differs from HEAD; None where it does not. Decisions do not count: they are read
    from the checkout, and a person who approves would shut out the next run. Nor does the file of a saved plan."""
    repository = _repository(context, root)
    files = repository.dirt(_but_decisions())
    if files and saved is not None:
        top, own = repository.git(root, "rev-parse", "--show-toplevel"), os.path.realpath(saved)
        files = [file for file in files if os.path.realpath(os.path.join(top, file)) != own]
    if not files:
        return None
    message = f"a run begins at HEAD, and no commit holds these: {_some(files)}"
    hint = f"commit or stash them, or take them along: {shlex.join(['orch', 'apply', pipeline, '--dirty'])}"
    return Problem(DIRT, message, hint=hint, severity="warning")


def refuse_dirt(warnings: Sequence[Problem]) -> None:
    """What is a warning of a plan is a refusal of a run, and of a plan that is saved for one."""
    found = [problem._replace(severity="error") for problem in warnings if problem.code == DIRT]
    if found:
        raise OrchError(found, Exit.CONFLICT)


def take_along(context: Context, root: str, base: str) -> str | None:
    """A commit, behind `base`, of what the checkout holds; None where that is the same."""
    repository = _repository(context, root)
    decisions = _but_decisions()
    if not repository.dirt(decisions):
        return None
    folder = repository.folder(root)
    index = f"{folder}/orch-index-{os.getpid()}"
    try:
        content = repository.snapshot(root, f"{folder}/index", index, decisions)
    finally:
        for left in (index, f"{index}.lock"):
            with suppress(FileNotFoundError):
                os.unlink(left)
    message = "What was not committed when the run began"
    return repository.commit(content, base, message, context.clock.now_ms())


def home_of(context: Context, run_id: str) -> str:
    """The folder for the trees of a new run."""
    base = context.state_dir
    if base is None:
        raise _refusal("there is no state directory", "set HOME or XDG_STATE_HOME")
    return os.path.join(os.path.realpath(base), "trees", run_id)


def trees_of(
    context: Context, root: str, run_id: str, plan: Compiled, home: str, keep: Keep, mask: Mask | None
) -> GitTrees:
    """The trees of a run. Raises OrchError where git does not answer."""
    begin, durable = plan.head.get("start", plan.head["base"]), plan.head["durability"] == "full"
    protected = (pattern for phase in plan.head["phases"] for pattern in phase.get("protected", ()))
    start = Start(root, home, run_id, begin, durable, tuple(dict.fromkeys(map(fixed_folder, protected))))
    if os.path.isdir(home):  # a power cut may have emptied what git knows of a tree, and then it says nothing at all
        with suppress(GitTrouble):  # `never`: trees that are elsewhere for a while are the user's
            run_git(root, ["worktree", "prune", "--expire=never"], alone(context.env))
    try:
        return GitTrees(start, context.env, keep, mask)
    except TreeTrouble as error:
        raise _lost(str(error), run_id) from error


def patches(run_path: str, cas: Cas) -> Keep:
    """Keeps the patch of a step as an artifact of it."""

    def keep(name: str, data: bytes) -> dict[str, Any]:
        sha256, path = cas.put_bytes(data), artifact_copy(name, "patch")
        place(cas, sha256, f"{run_path}/{path}")
        return {"name": "patch", "path": path, "sha256": sha256, "bytes": len(data)}

    return keep


def open_trees(
    trees: GitTrees, run_id: str, *, begun: bool, settled: bool, again: bool = False, passed: Sequence[str] = ()
) -> None:
    """Have the branch and the tree of a run; where it is `settled`, what the tree holds beyond the branch is no work of
    the run, nor is what the branch holds that the engine does not know, and nobody asks the gates again that it has
    `passed`; one that has ended is tried `again`. Raises OrchError where that cannot be."""
    end = "or start anew: orch apply" if again else f"or end the run: orch cancel {run_id}"
    if begun and settled and passed and trees.last() is None:
        message = f"{', '.join(passed)} opened before the run ended, and what came onto its branch since is not known"
        raise OrchError(Problem("O645", message, hint=f"{_ask_again(run_id, passed)}; {end}"), Exit.CONFLICT)
    try:
        there = trees.open(begun=begun)
        rewritten = trees.rewritten() if there and settled else None
        if there and settled and rewritten is None:
            _refuse_unseen(trees, run_id, passed)
        strange = trees.strange() if there and settled and rewritten is None else ()
    except TreeTrouble as error:
        raise _lost(str(error), run_id, end if again else None) from error
    if not there:
        branch = branch_of(run_id)
        message = f"the branch {branch} is gone, and the run's work was on it"
        last = trees.last()
        hint = f"git branch {branch} {last or 'COMMIT, as `git reflog` or `git fsck --lost-found` names it'}; {end}"
        raise OrchError(Problem("O643", message, hint=hint), Exit.CONFLICT)
    git = f"git -C {shlex.quote(trees.root(''))}"
    if rewritten is not None:
        tip, head = (commit[:12] for commit in rewritten)
        message = f"the branch {branch_of(run_id)} is at {head}, which does not hold {tip}, where the run has left it"
        hint = (
            f"make what you did a commit on top of it: {git} reset --soft {tip} && {git} commit; "
            f"or put the branch back: {git} reset --hard {tip}; {end}"
        )
        raise OrchError(Problem("O644", message, hint=hint), Exit.CONFLICT)
    if strange:
        files = shlex.join(strange) if len(strange) <= _SHOWN else ":/"
        message = (
            f"no step of the run has left this in its tree, and no commit of its branch holds it: {_some(strange)}"
        )
        hint = (
            f"commit it, so that gates see it: {git} add -A -- {files} && {git} commit; "
            f"or put it away: {git} stash push -u -- {files}; {end}"
        )
        raise OrchError(Problem("O644", message, hint=hint), Exit.CONFLICT)


def _refuse_unseen(trees: GitTrees, run_id: str, gates: Sequence[str]) -> None:
    """Raises OrchError where somebody has committed to the branch what these gates have opened without."""
    commits = trees.beyond() if gates else ()
    if commits:
        back = f"git -C {shlex.quote(trees.root(''))} reset --keep {trees.last()}"
        message = f"{', '.join(gates)} opened before somebody committed this to the run's branch: {_some(commits)}"
        hint = f"take it back: {back}; or {_ask_again(run_id, gates)}; or end the run: orch cancel {run_id}"
        raise OrchError(Problem("O645", message, hint=hint), Exit.CONFLICT)


def _ask_again(run_id: str, gates: Sequence[str]) -> str:
    phase = gates[0].rpartition(".")[0]
    return f"have the gate asked again, with all that is behind it: orch retry {run_id} --from '{phase}.*'"


def tidy(trees: GitTrees, state: RunState) -> None:
    """The trees of a run that succeeded hold nothing that its branch does not, but for those of steps that failed."""
    left = {file_stem(state.plan.addresses[step]) for step in left_trees(state.plan, state)}
    with suppress(TreeTrouble):  # they stay: the next `orch resume` removes them
        trees.remove(but=left)


def _lost(why: str, run_id: str, hint: str | None = None) -> OrchError:
    hint = hint or f"orch resume {run_id}"
    return OrchError(Problem("O643", f"the run has no tree to work in: {why}", hint=hint), Exit.IO)


def _some(files: Sequence[str]) -> str:
    return ", ".join(files[:_SHOWN]) + (f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else "")


def _but_decisions() -> str:
    from orch.governance.decision_names import folder_of

    return f"{folder_of('*')}/**"


def _repository(context: Context, root: str) -> Repository:
    return Repository(root, context.env)


def _refusal(why: str, hint: str) -> OrchError:
    message = f"`workspace: branch` cannot be had here: {why}"
    return OrchError(Problem("O640", message, hint=hint), Exit.INVALID)

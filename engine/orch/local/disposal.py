"""How the trees of runs go, and what git keeps of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress

from orch.local.git import GitTrouble
from orch.local.known import TREE, Known
from orch.local.refs import Refs
from orch.local.repository import Repository
from orch.model.names import branch_of


def drop(repository: Repository, common: str, path: str) -> None:
    """Remove a tree that is whole, half made, or half removed."""
    with suppress(GitTrouble):
        repository.git(repository.tree, "worktree", "remove", "--force", "--force", path)
    shutil.rmtree(path, ignore_errors=True)
    for folder in repository.entries(common, path):  # git prunes those of others, too
        shutil.rmtree(folder, ignore_errors=True)


def remove(repository: Repository, common: str, home: str, but: Collection[str] = ()) -> None:
    """All trees of the run that has its home there go, but those of that name, and every ref but the branch."""
    names = _names(f"{home}/steps")
    for name in names:
        if name not in but:
            drop(repository, common, f"{home}/steps/{name}")
    drop(repository, common, f"{home}/tree")
    Refs(repository, common).remove_below(f"refs/orch/{os.path.basename(home)}")
    if not set(names) & set(but):
        shutil.rmtree(home, ignore_errors=True)


def remove_left(repository: Repository, common: str, homes: str) -> None:
    """What is left of runs that somebody has disposed of: the branch is gone, and so is every tree that was made. Of a
    run that begins just now, no tree was made before its branch."""
    listed = repository.git(
        repository.tree, "for-each-ref", "--format=%(refname)", "refs/orch", "refs/heads/orch"
    ).split()
    for run_id in dict.fromkeys(ref.split("/")[2] for ref in listed if ref.startswith("refs/orch/")):
        home = f"{homes}/{run_id}"
        if f"refs/heads/{branch_of(run_id)}" in listed or os.path.lexists(f"{home}/tree") or _names(f"{home}/steps"):
            continue
        if TREE in Known(f"{home}/known.json"):
            remove(repository, common, home)


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []

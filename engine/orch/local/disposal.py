"""How the trees of runs go, and what git keeps of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress

from orch.local.git import GitTrouble
from orch.local.refs import Refs
from orch.local.repository import Repository


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


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []

"""The work trees of a run that are still there: what `git worktree remove` takes."""

from __future__ import annotations

import os
from contextlib import suppress


def worktrees(home: str) -> list[str]:
    """The run's own first, then those of steps; `home` is the folder in which all of them lie."""
    names: list[str] = []
    with suppress(OSError):
        names = sorted(os.listdir(f"{home}/steps"))
    paths = [f"{home}/tree", *(f"{home}/steps/{name}" for name in names)]
    return [path for path in paths if os.path.exists(f"{path}/.git")]

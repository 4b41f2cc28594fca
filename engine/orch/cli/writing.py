"""Puts what a verb has made into the file that the command line names."""

from __future__ import annotations

import os
import shlex

from orch.problems.problem import Exit, OrchError, Problem
from orch.store.atomic import write_file


def write_out(cwd: str, path: str, data: bytes) -> None:
    """Replace what lies there. Raises OrchError (74) where that cannot be written."""
    whole = os.path.join(cwd, path)
    try:
        write_file(whole, data, mode=0o644, unique=True)
    except OSError as error:
        folder = os.path.dirname(path)
        if folder and not os.path.lexists(os.path.dirname(whole)):
            hint = f"make its folder first: mkdir -p {shlex.quote(folder)}"
        else:
            hint = "name a file in a folder that you may write in; `orch doctor` checks the disk"
        raise OrchError(Problem("O296", f"{path} cannot be written: {error.strerror}", hint=hint), Exit.IO) from error

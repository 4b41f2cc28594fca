"""Where git could not merge a file, by the marks that it has left there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orch.local.git import GitTrouble

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

_HUNK = re.compile(r"^<<<<<<< .*?^>>>>>>> [^\n]*", re.M | re.S)
_LINES = 12


def conflicts(
    lines: Sequence[str], read: Callable[..., bytes], inside: Callable[[str], str], mask: Mask | None
) -> tuple[dict[str, Any], ...]:
    """What git could not merge: the findings of all files. `lines` are the id of the tree with the marks in it, then
    `mode id stage<TAB>path`; `read` asks git, and `inside` says how a path is called."""
    content, paths = lines[0], dict.fromkeys(line.partition("\t")[2] for line in lines[1:] if "\t" in line)
    found: list[dict[str, Any]] = []
    for path in paths:
        try:
            text = os.fsdecode(read("cat-file", "blob", f"{content}:{path}"))
        except GitTrouble:
            text = ""
        found += _hunks(inside(path), text, mask)
    return tuple(found)


def _hunks(file: str, text: str, mask: Mask | None) -> list[dict[str, Any]]:
    """A finding (`{message, file, line}`) for each hunk, with its first lines; for the file where there is none."""
    found: list[dict[str, Any]] = []
    for hunk in _HUNK.finditer(text):
        shown = hunk[0].splitlines()
        message = "\n".join([*shown[:_LINES], "…"] if len(shown) > _LINES else shown)
        message = message if mask is None else mask.text(message)
        found.append({"message": message, "file": file, "line": text.count("\n", 0, hunk.start()) + 1})
    return found or [{"message": "changed here and removed or replaced there", "file": file}]

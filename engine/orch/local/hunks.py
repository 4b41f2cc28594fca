"""Where git could not merge a file, by the marks that it has left there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

_HUNK = re.compile(r"^<<<<<<< .*?^>>>>>>> [^\n]*", re.M | re.S)
_LINES = 12


def hunks(file: str, text: str, mask: Mask | None) -> list[dict[str, Any]]:
    """A finding (`{message, file, line}`) for each hunk, with its first lines; for the file where there is none."""
    found: list[dict[str, Any]] = []
    for hunk in _HUNK.finditer(text):
        shown = hunk[0].splitlines()
        message = "\n".join([*shown[:_LINES], "…"] if len(shown) > _LINES else shown)
        message = message if mask is None else mask.text(message)
        found.append({"message": message, "file": file, "line": text.count("\n", 0, hunk.start()) + 1})
    return found or [{"message": "changed here and removed or replaced there", "file": file}]

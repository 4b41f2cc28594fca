"""Paths that people write stay inside the project. Pure text: nothing is looked up."""

from __future__ import annotations

import re

from orch.source.document import Route
from orch.spec.report import Report

_HOLE = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


def check_path(report: Report, route: Route, path: str, what: str, base: str = "the project's root") -> None:
    """Report a path that is absolute or leads out; `base` is what it is relative to."""
    if why := outside(path):
        report.add("O214", f"`{path[:64]}` {why}", route, f"write {what} relative to {base}")


def outside(path: str) -> str | None:
    """Why a path may not be used, as the end of a sentence; None where it stays inside."""
    text = _HOLE.sub("x", path)
    if text.startswith("/"):
        return "is absolute"
    if text.startswith("~"):
        return "is in somebody's home"
    depth = 0
    for part in text.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return "leads out of the project"
    return None

"""Failed attempts as annotations of GitHub's checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orch.render.failures import failures
from orch.render.github import annotation, with_notice


def errors_github(errors: Sequence[Mapping[str, Any]]) -> str:
    """`::error file=…,line=…,title=…::message`, one a line; `::warning` where it may fail. Empty without failures."""
    lines = [
        annotation(
            "warning" if each.allowed else "error",
            {"file": each.file, "line": each.line, "title": each.title},
            each.message,
        )
        for each in failures(errors)
    ]
    return with_notice(lines, "errors", "orch runs errors")

"""Problems as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from orch.problems.problem import Problem

FORMAT_VERSION = 1


def problems_json(files: int, problems: Iterable[Problem]) -> str:
    """`{format_version, files, problems: [{code, severity, message, path, line, column, end_column, hint, label}]}`;
    what a problem does not have is absent. Lines and columns count from 1."""
    listed = [problem_doc(problem) for problem in problems]
    return json.dumps({"format_version": FORMAT_VERSION, "files": files, "problems": listed}, ensure_ascii=False)


def problem_doc(problem: Problem) -> dict[str, Any]:
    """One problem as plain data."""
    doc: dict[str, Any] = {"code": problem.code, "severity": problem.severity, "message": problem.message}
    if problem.at is not None:
        at = problem.at
        doc |= {"path": at.path, "line": at.line, "column": at.column, "end_column": at.end_column}
    for name, value in (("hint", problem.hint), ("label", problem.label)):
        if value:
            doc[name] = value
    return doc

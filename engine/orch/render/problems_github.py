"""Problems as annotations of GitHub's checks: one workflow command a line."""

from __future__ import annotations

from collections.abc import Iterable

from orch.problems.problem import Problem
from orch.render.github import annotation, with_notice


def github_annotations(problems: Iterable[Problem]) -> str:
    """`::error file=…,line=…::message`; empty where there are no problems."""
    return with_notice([_annotation(problem) for problem in problems], "problems", "orch validate")


def _annotation(problem: Problem) -> str:
    at = problem.at
    fields: dict[str, object] = {}
    if at is not None:
        fields = {"file": at.path, "line": at.line, "col": at.column, "endColumn": at.end_column}
    told = f"{problem.message}\nhelp: {problem.hint}" if problem.hint else problem.message
    kind = "error" if problem.severity == "error" else "warning"
    return annotation(kind, {**fields, "title": problem.code}, told)

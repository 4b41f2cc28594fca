"""Problems as annotations of GitHub's checks: one workflow command a line."""

from __future__ import annotations

from collections.abc import Iterable

from orch.problems.problem import Problem

SHOWN_BY_GITHUB = 10  # annotations of one kind and step; more are dropped there without a word


def github_annotations(problems: Iterable[Problem]) -> str:
    """`::error file=…,line=…::message`; empty where there are no problems."""
    listed = list(problems)
    lines = [_annotation(problem) for problem in listed]
    if len(listed) > SHOWN_BY_GITHUB:
        more = f"{len(listed)} problems; GitHub shows the first {SHOWN_BY_GITHUB} of a step, the log has all"
        lines.insert(0, f"::notice title=orch validate::{more}")
    return "\n".join(lines)


def _annotation(problem: Problem) -> str:
    at = problem.at
    fields = {"title": problem.code}
    if at is not None:
        place = {"file": at.path, "line": at.line, "col": at.column, "endColumn": at.end_column}
        fields = {**{key: str(value) for key, value in place.items()}, **fields}
    told = f"{problem.message}\nhelp: {problem.hint}" if problem.hint else problem.message
    properties = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in fields.items())
    return f"::{'error' if problem.severity == 'error' else 'warning'} {properties}::{_escaped(told, '')}"


def _escaped(text: str, also: str) -> str:
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text

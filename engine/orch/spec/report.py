"""Collects the problems of one document, each at its place, and finds places inside of texts."""

from __future__ import annotations

from dataclasses import replace

from orch.problems.problem import OrchError, Problem, Span
from orch.source.document import Document, Route

MAX_PROBLEMS = 100


class Report:
    """The problems found so far."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def add(
        self,
        code: str,
        message: str,
        route: Route,
        hint: str | None = None,
        *,
        key: bool = False,
        label: str | None = None,
    ) -> None:
        """A problem with the value at a route, or with the key at its end."""
        self.problems.append(Problem(code, message, self.document.span(route, key=key), hint, label))

    def inside(self, code: str, message: str, route: Route, part: tuple[str, int, int], hint: str | None) -> None:
        """A problem in a text: `part` is the text, the offset in it and the length."""
        self.problems.append(Problem(code, message, within(self.document.span(route), *part), hint))

    def close(self) -> None:
        """Raise OrchError if anything was found: all of it, in the order of the text."""
        if self.problems:
            ordered = sorted(set(self.problems), key=_position)
            raise OrchError(ordered[:MAX_PROBLEMS])


def within(span: Span, text: str, offset: int, length: int) -> Span:
    """The place of a part of a text. Where the text is not on one line as it stands (folded, escaped), all of it."""
    written = span.source_line[span.column - 1 : span.end_column - 1]
    if written in (f'"{text}"', f"'{text}'"):
        start = span.column + 1 + offset
    elif written == text:
        start = span.column + offset
    else:
        return span
    start = min(start, span.end_column - 1)
    return replace(span, column=start, end_column=max(start + 1, min(start + length, span.end_column)))


def _position(problem: Problem) -> tuple[int, int, str]:
    return (problem.at.line, problem.at.column, problem.code) if problem.at else (0, 0, problem.code)

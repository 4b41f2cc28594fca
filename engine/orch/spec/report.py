"""Collects the problems of one document, each at its place, and finds places inside of texts."""

from __future__ import annotations

from typing import Any

from orch.problems.problem import OrchError, Problem, Span
from orch.source.document import Document, Route

MAX_PROBLEMS = 100
MAX_LINES = 1000  # of one text, when a part of it is looked for


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
        self.problems.append(Problem(code, message, within(self.document, route, *part), hint))

    def written(self, route: Route) -> Any:
        """What the document holds at a route; None where there is nothing."""
        here = self.document.data
        for step in route:
            if isinstance(here, dict):
                here = here.get(step)
            else:
                here = here[step] if isinstance(here, list) and isinstance(step, int) else None
        return here

    def close(self) -> None:
        """Raise OrchError if anything was found: all of it, in the order of the text."""
        if self.problems:
            ordered = sorted(set(self.problems), key=_position)
            raise OrchError(ordered[:MAX_PROBLEMS])


def within(document: Document, route: Route, text: str, offset: int, length: int) -> Span:
    """The place of a part of the text at a route. In a text of several lines it is looked for as it stands there;
    where it cannot be found, the whole text is the place."""
    span = document.span(route)
    written = span.source_line[span.column - 1 : span.end_column - 1]
    if written in (f'"{text}"', f"'{text}'"):
        start = span.column + 1 + offset
    elif written == text:
        start = span.column + offset
    else:
        return _searched(document, span, text, offset, length) or span
    start = min(start, span.end_column - 1)
    return span._replace(column=start, end_column=max(start + 1, min(start + length, span.end_column)))


def _searched(document: Document, span: Span, text: str, offset: int, length: int) -> Span | None:
    part = text[offset : offset + length].partition("\n")[0]
    skip = text.count(part, 0, offset) if part else 0
    start = span.column - 1
    for number, line in enumerate(document.text.split("\n")[span.line - 1 :][:MAX_LINES]):
        while part and (start := line.find(part, start)) >= 0:
            if not skip:
                return Span(span.path, span.line + number, start + 1, start + 1 + len(part), line.removesuffix("\r"))
            skip -= 1
            start += len(part)
        start = 0
    return None


def _position(problem: Problem) -> tuple[int, int, str]:
    return (problem.at.line, problem.at.column, problem.code) if problem.at else (0, 0, problem.code)

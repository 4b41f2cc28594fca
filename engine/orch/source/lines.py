"""Zero-based marks of a text → spans that people read."""

from __future__ import annotations

from orch.problems.problem import Span

Place = tuple[int, int, int, int]  # line, column, end line, end column; all from 0, columns count characters


class Lines:
    """The lines of one text, split when the first span is asked for."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text
        self._lines: list[str] | None = None

    def span(self, place: Place) -> Span:
        """A span on the first line of `place`; a place that goes on below ends with that line's last character."""
        if self._lines is None:
            self._lines = self._text.split("\n")
        line, column, end_line, end_column = place
        if line >= len(self._lines) or (line == len(self._lines) - 1 > 0 and not self._lines[line]):
            line = end_line = max(0, len(self._lines) - 2)  # the end of the file, seen from its last line
            column = end_column = len(self._lines[line].rstrip())
        source = self._lines[line].removesuffix("\r")
        end = end_column if end_line == line else len(source.rstrip())
        column = min(column, len(source))
        return Span(self.path, line + 1, column + 1, max(column + 1, min(end, len(source)) + 1), source)

"""What a file says, as plain data, and where it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orch.problems.problem import Span
from orch.source.lines import Lines

if TYPE_CHECKING:
    from orch.source.marks import Marks

Route = tuple[str | int, ...]


class Document:
    """One YAML document. `path` is as the user wrote it; `data` is a dict with string keys, lists, strings, numbers,
    booleans and None, to be read and not changed: values that come from one anchor are one object."""

    __slots__ = ("_lines", "_marks", "data", "path", "text")

    def __init__(self, path: str, text: str, data: Any) -> None:
        self.path = path
        self.text = text
        self.data = data
        self._lines = Lines(path, text)
        self._marks: Marks | None = None

    def span(self, route: Route, *, key: bool = False) -> Span:
        """The place of the value at `route`, or of the mapping key at its end; where the document has no such route,
        that of the nearest parent. What comes from an alias is shown at the anchor. The first call reads the text
        once more, since the fast reading keeps no places."""
        if self._marks is None:
            from orch.source.marks import Marks

            self._marks = Marks(self.text)
        return self._lines.span(self._marks.find(route, key=key))

"""Anchors and what their aliases cost: reuse is for fragments below `x-` keys, and never without a bound."""

from __future__ import annotations

from typing import Any


class Anchors:
    """The anchored values of one document. A value counts with everything below it, as a reader meets it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.expanded = 0
        self._sizes: dict[int, tuple[int, int]] = {}  # by id: the values live as long as the document

    def measure(self, value: Any) -> tuple[int, int]:
        """How many values there are in a finished value, aliases expanded, and how many collections deep it is."""
        if not isinstance(value, dict | list):
            return 1, 0
        known = self._sizes.get(id(value))
        if known is None:
            inner = [self.measure(item) for item in (value.values() if isinstance(value, dict) else value)]
            size, height = sum(item[0] for item in inner), max((item[1] for item in inner), default=0)
            known = self._sizes[id(value)] = (size + 1, height + 1)
        return known

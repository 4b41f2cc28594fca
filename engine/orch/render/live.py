"""The last lines of a terminal, written over while a run goes on. A few escape codes: a library that is imported in
the middle of a run would stop its loop for a tenth of a second."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

SHARE = 2  # at most one part in so many of the terminal's height
_LEAST = 3


class LiveArea:
    """Bounded to a part of the terminal's height; gone when it is cleared. `size` asks the terminal, which may change.
    While the terminal is not `ready` for more, nothing is shown: old pictures must not queue up. The cursor stays
    visible: a run that is killed leaves a terminal that works."""

    def __init__(self, stream: TextIO, size: Callable[[], os.terminal_size], ready: Callable[[], bool]) -> None:
        self._stream, self._size, self._ready = stream, size, ready
        self._lines = 0

    @property
    def columns(self) -> int:
        """How many cells a line may take: one less than the terminal has, since a full line may wrap."""
        return max(self._size().columns - 1, 1)

    def show(self, lines: list[str]) -> None:
        """These lines, each at most `columns` wide, instead of those before. Of too many the last stays."""
        if not self._ready():
            return
        room = max(_LEAST, self._size().lines // SHARE)
        if len(lines) > room:
            lines = [*lines[: room - 2], f"  and {len(lines) - room + 1} more", lines[-1]]
        self._stream.write(self._erased() + "\n".join(lines) + "\n")
        self._stream.flush()
        self._lines = len(lines)

    def clear(self) -> None:
        """Nothing is shown."""
        if self._lines:
            self._stream.write(self._erased())
            self._stream.flush()
            self._lines = 0

    def _erased(self) -> str:
        return f"\x1b[{self._lines}A\r\x1b[J" if self._lines else ""

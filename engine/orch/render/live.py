"""The last lines of a terminal, written over while a run goes on; the only importer of rich."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

SHARE = 2  # of the terminal's height, at most one part in so many


class LiveArea:
    """Bounded to a part of the terminal's height; gone when it is cleared."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        self._console = Console(
            file=stream, force_terminal=True, color_system="standard" if color else None, highlight=False
        )
        self._live: Live | None = None

    def show(self, lines: list[str]) -> None:
        """These lines instead of those before; where they are too many, the last one (the counts) stays."""
        room = max(2, self._console.size.height // SHARE)
        if len(lines) > room:
            hidden = len(lines) - room + 1
            lines = [*lines[: room - 2], f"  and {hidden} more running", lines[-1]]
        text = Text.from_ansi("\n".join(lines), no_wrap=True, overflow="ellipsis")
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(text, refresh=True)

    def clear(self) -> None:
        """Nothing is shown."""
        if self._live is not None:
            self._live.stop()
            self._live = None

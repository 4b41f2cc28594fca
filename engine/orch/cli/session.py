"""What every verb is given: the context of the process, and how much to say in which style."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from orch.render.style import Style, style_of

if TYPE_CHECKING:
    from orch.app.context import Context


class Session:
    """One call of the command. `verbose` counts the -v, `typed` is the command line; tests give a context."""

    def __init__(self, typed: list[str], given: Context | None = None) -> None:
        self.verbose = 0
        self.typed = typed
        self._given = given

    @cached_property
    def context(self) -> Context:
        """Folder, environment, clock and randomness of this process."""
        from orch.app.context import of_process

        return self._given or of_process()

    @cached_property
    def out(self) -> Style:
        """The style of stdout."""
        return _style(sys.stdout)

    @cached_property
    def err(self) -> Style:
        """The style of stderr."""
        return _style(sys.stderr)


def _style(stream: TextIO) -> Style:
    is_terminal = stream.isatty()
    width = None
    if is_terminal:
        try:
            width = os.get_terminal_size(stream.fileno()).columns or None
        except (OSError, ValueError):
            width = 80
    return style_of(os.environ, is_terminal=is_terminal, encoding=stream.encoding or "ascii", width=width)


def say(text: str) -> None:
    """Talk: a text for stderr; nothing where it is empty, or where nobody listens any more."""
    if text:
        try:
            sys.stderr.write(text if text.endswith("\n") else text + "\n")
        except BrokenPipeError:
            drop_unwritten()


def put(text: str) -> None:
    """Data: a text for stdout; nothing where it is empty."""
    if text:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def drop_unwritten() -> None:
    """Write what is still held back; what cannot be written goes nowhere, and so does all that such a stream is given
    from now on: without a second complaint at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)

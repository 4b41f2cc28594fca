"""Prints logs, and goes on while the run does."""

from __future__ import annotations

import os
import sys
import time

from orch.app.records import LogFile, is_running, logs, standing
from orch.cli.session import Session, put, say
from orch.model.attempt import LOG_CAP_BYTES
from orch.render.logs_text import left_out, log_title, shown_log
from orch.store.logs import pieces

_EVERY_SECONDS = 0.5
_NONE = {
    "queued": "There is no log yet: the run has not begun.",
    "running": "There is no log yet: nothing has been written so far.",
    "interrupted": "There is no log: nothing was written, but perhaps in the last moment before the interruption.",
}


def print_logs(session: Session, run: str, address: str | None, *, follow: bool, raw: bool) -> int:
    """Each log below its title. With `follow`, what is added as well, until the run has no owner."""
    printer = _Printer(session, raw=raw)
    while True:
        live = follow and is_running(session.context, run)
        files = logs(session.context, run, address)
        printer.titled = printer.titled or address is None or len(files) > 1
        for log in files:
            printer.go_on(log, live=live)
        sys.stdout.flush()
        if not live:
            break
        time.sleep(_EVERY_SECONDS)
    if not printer.positions:
        say(_NONE.get(standing(session.context, run), "There is no log: a step that writes nothing leaves none."))
    return 0


class _Printer:
    """Knows how far each log is printed. With `titled`, a line says which log follows."""

    def __init__(self, session: Session, *, raw: bool) -> None:
        self.titled = False
        self.positions: dict[str, int] = {}
        self._session, self._raw = session, raw
        self._last: str | None = None
        self._in_line = False

    def go_on(self, log: LogFile, *, live: bool) -> None:
        """Print what the log holds beyond its position."""
        try:
            fd = os.open(log.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # the step has emptied it
            return
        try:
            # a log that was cut just now cannot be read before its record is written
            if not (live and not log.cut and os.fstat(fd).st_size == LOG_CAP_BYTES):
                self._print(log, fd)
        finally:
            os.close(fd)

    def _print(self, log: LogFile, fd: int) -> None:
        position = self.positions.get(log.path, 0)
        for piece in pieces(fd, position, log.cut):
            if self.titled and self._last != log.title:
                self._line(log_title(log.title, self._session.out))
                self._last = log.title
            if isinstance(piece, int):
                self._gap(piece)
                position += piece
            else:
                self._show(piece)
                position += len(piece)
            self.positions[log.path] = position

    def _show(self, block: bytes) -> None:
        self._in_line = not block.endswith(b"\n")
        if self._raw:
            sys.stdout.flush()
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        else:
            sys.stdout.write(shown_log(block))

    def _gap(self, size: int) -> None:
        if self._raw:
            say(left_out(size, self._session.err))
        else:
            self._line(left_out(size, self._session.out))

    def _line(self, text: str) -> None:
        if self._in_line and not self._raw:
            put("\n")
        put(text)
        self._in_line = False

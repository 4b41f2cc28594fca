"""Between an owner and those who read what it tells: a bounded queue, and a thread that writes. A reader that stops
reading holds up the thread alone."""

from __future__ import annotations

import errno
import io
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TextIO

MOST_BYTES = 8 << 20
PATIENCE_SECONDS = 30.0
HURRIED_SECONDS = 1.0
_SLICE_SECONDS = 0.05
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.EIO)  # EIO: a terminal that was closed


class Outlet(io.BufferedIOBase):
    """What stands in for one stream, below a layer of text. Every write is whole lines. `gap` makes the line that says
    how many are left out; `told` is the stream's name in an error."""

    name = ""

    def __init__(self, pump: Pump, fd: int, gap: Callable[[int], str], told: str) -> None:
        super().__init__()
        self.missed = 0
        self.error: OSError | None = None
        self._pump, self._gap, self._told = pump, gap, told
        self._stream = io.FileIO(fd, "wb", closefd=False)

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """That of the stream, for those who ask about its terminal."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """As the stream is."""
        return self._stream.isatty()

    def write(self, lines: bytes) -> int:  # type: ignore[override]  # the layer of text gives bytes
        """Leave it to the thread. Takes no time, raises nothing."""
        self._pump.put(self, lines)
        return len(lines)

    def own_up(self) -> bytes:
        """The line about what is missing, once; nothing where nothing is."""
        missed, self.missed = self.missed, 0
        return self._gap(missed).encode() if missed else b""

    def pour(self, piece: bytes) -> None:
        """Write, however long it takes. After an error all goes nowhere."""
        try:
            while piece and self.error is None:
                taken = self._stream.write(piece)
                if taken is None:  # a stream that somebody who shares it has made non-blocking
                    poll = select.poll()
                    poll.register(self._stream, select.POLLOUT)
                    poll.poll()
                piece = piece[taken or 0 :]
        except OSError as error:
            self.error = OSError(error.errno, error.strerror, self._told)


class Pump:
    """The queue. Of more than `most_bytes` the oldest are left out: how a run ended is told last. To be started in the
    process that tells: a thread is not carried through a fork."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._outlets: list[Outlet] = []
        self._queue: deque[tuple[Outlet, bytes]] = deque()
        self._held = 0
        self._pieces = 0
        self._busy = False
        self._changed = threading.Condition()

    def stream(self, stream: TextIO, gap: Callable[[int], str]) -> TextIO:
        """What takes the place of this stream."""
        outlet = Outlet(self, stream.fileno(), gap, str(stream.name).strip("<>"))
        self._outlets.append(outlet)
        return io.TextIOWrapper(outlet, stream.encoding, stream.errors, write_through=True)

    def start(self) -> None:
        """From now on somebody writes."""
        threading.Thread(target=self._run, name="tell", daemon=True).start()

    def idle(self) -> bool:
        """Whether all is written: only then is it worth while to show what the next moment makes wrong."""
        return not (self._queue or self._busy)

    def put(self, outlet: Outlet, lines: bytes) -> None:
        """Append to the queue."""
        with self._changed:
            self._queue.append((outlet, lines))
            self._held += len(lines)
            while self._held > self._most_bytes and len(self._queue) > 1:
                late, old = self._queue.popleft()
                self._held -= len(old)
                late.missed += old.count(b"\n")
            self._changed.notify()

    def finish(self, interrupted: Callable[[], bool], patience_seconds: float) -> OSError | None:
        """Wait until all is written; at most so long without any progress, or until a signal. Returns what a stream
        refused with, unless its reader has gone."""
        still = 0.0
        with self._changed:
            while not self.idle() and still < patience_seconds and not interrupted():
                before = self._pieces
                self._changed.wait(_SLICE_SECONDS)
                still = still + _SLICE_SECONDS if self._pieces == before else 0.0
        errors = [outlet.error for outlet in self._outlets if outlet.error and outlet.error.errno not in _GONE]
        return errors[0] if errors else None

    def _run(self) -> None:
        while True:
            for outlet, lines in self._next():
                for piece in _pieces(lines):
                    outlet.pour(piece)
                    self._pieces += 1

    def _next(self) -> list[tuple[Outlet, bytes]]:
        with self._changed:
            self._busy = False
            self._changed.notify()
            while not self._queue:
                self._changed.wait()
            self._busy = True
            outlet, lines = self._queue.popleft()
            self._held -= len(lines)
            return [*((late, late.own_up()) for late in self._outlets), (outlet, lines)]


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, so few at a time that a pipe takes all or nothing: a process that ends while it writes tears none
    (but one that is longer than that)."""
    begin = 0
    while len(lines) - begin > select.PIPE_BUF:
        cut = lines.rfind(b"\n", begin, begin + select.PIPE_BUF) + 1 or lines.find(b"\n", begin) + 1 or len(lines)
        yield lines[begin:cut]
        begin = cut
    if begin < len(lines):
        yield lines[begin:]

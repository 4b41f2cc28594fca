"""The heartbeat: a small file that a thread of the owner moves, and what an observer reads in it."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable
from typing import NamedTuple

from orch.model.times import from_iso, to_iso
from orch.store.atomic import read_file
from orch.store.rundir import RunDir

INTERVAL_SECONDS = 5
STALE_AFTER_SECONDS = 30
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Pulse(NamedTuple):
    """`beats` grows with every beat, `turn` is the loop's counter then, `at` is milliseconds since 1970. `steady` is
    the same moment by the machine's clock that nobody sets (milliseconds), and `moved` when the counter was first seen
    to be `turn`, by that clock."""

    beats: int
    turn: int
    at: int
    steady: int
    moved: int

    def still_seconds(self, steady: float | None) -> float:
        """For how long the loop has stood still. `steady` is the observer's clock (seconds), or None where it is
        another machine's: then what happened after the beat is not known."""
        until = self.steady if steady is None else max(self.steady, int(steady * 1000))
        return (until - self.moved) / 1000


class Beat:
    """Moves `beat` every `interval_seconds`, from a daemon thread. Not to be carried through a fork."""

    def __init__(
        self,
        run: RunDir,
        *,
        now_ms: Callable[[], int],
        steady: Callable[[], float],
        turn: Callable[[], int],
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._path = _path(run)
        self._fd = os.open(self._path, _FLAGS, 0o600)
        self._now_ms = now_ms
        self._steady = steady
        self._turn = turn
        self._seen = self._moved = -1
        self._interval = interval_seconds
        self._count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def start(self) -> None:
        """The first beat, and the thread. Raises OSError where the file cannot be written."""
        self.once()
        self._thread.start()

    def once(self) -> None:
        """One beat, in place and with one system call. Raises OSError with the path."""
        self._count += 1
        turn, steady = self._turn(), int(self._steady() * 1000)
        if turn != self._seen:
            self._seen, self._moved = turn, steady
        data = beat_bytes(Pulse(self._count, turn, self._now_ms(), steady, self._moved))
        try:
            written = os.pwrite(self._fd, data, 0)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from error
        if written != len(data):
            raise OSError(5, f"only {written} of {len(data)} bytes could be written", self._path)

    def stop(self) -> None:
        """End the thread; the file stays."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._fd)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self.once()
            except OSError:
                continue  # observers see that it stands still; the journal says what is wrong with the disk


def beat_bytes(pulse: Pulse) -> bytes:
    """One line of fixed width; the checksum is for readers that come in the middle of a write."""
    body = f'{{"format_version": 1, "at": "{to_iso(pulse.at)}", "count": {pulse.beats:10}, "turn": {pulse.turn:12}'
    body += f', "steady": {pulse.steady:16}, "moved": {pulse.moved:16}'
    return f'{body}, "check": "{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def read_beat(run: RunDir) -> Pulse | None:
    """The last beat; None where there is none, or it is damaged."""
    import json

    try:
        data = read_file(_path(run))
        fields = json.loads(data)
        pulse = Pulse(fields["count"], fields["turn"], from_iso(fields["at"]), fields["steady"], fields["moved"])
        return pulse if beat_bytes(pulse) == data else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _path(run: RunDir) -> str:
    return f"{run.path}/beat"

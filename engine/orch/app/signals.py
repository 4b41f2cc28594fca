"""SIGINT, SIGTERM, SIGHUP and SIGQUIT as a value that the loop asks for, and a descriptor that wakes it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Interruption:
    """Installs handlers; the first signal is kept. `fd` becomes readable when one arrives."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        self._number: int | None = None
        for number in HEEDED:
            signal.signal(number, self._arrived)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)

    def __call__(self) -> int | None:
        """The signal that arrived first, or None. Empties the pipe, which would wake the loop for ever."""
        with suppress(BlockingIOError):
            os.read(self.fd, 512)
        return self._number

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number

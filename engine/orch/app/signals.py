"""SIGINT, SIGTERM, SIGHUP and SIGQUIT as a value that the loop asks for, and a descriptor that wakes it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Interruption:
    """The first signal that is heeded is kept. `fd` becomes readable when one arrives.

    With `heard`, only what can be read there is heeded: the relay writes to it what it got from outside. A signal that
    reaches this process itself may be from a step, whose parent it is, and does nothing. Without a relay every signal
    counts: who sent it is not known."""

    def __init__(self, heard: int | None) -> None:
        self._number: int | None = None
        self._count = 0
        write = -1
        if heard is None:
            self.fd, write = os.pipe()
            os.set_blocking(write, False)
        else:
            self.fd = heard
        os.set_blocking(self.fd, False)
        for number in HEEDED:
            signal.signal(number, _nothing)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)

    def __call__(self) -> int | None:
        """The signal that arrived first, or None. Empties the pipe, which would wake the loop for ever."""
        with suppress(BlockingIOError):
            numbers = os.read(self.fd, 512)
            self._count += len(numbers)
            if self._number is None and numbers:
                self._number = numbers[0]
        return self._number

    def count(self) -> int:
        """How many have arrived."""
        self()
        return self._count


def _nothing(number: int, frame: FrameType | None) -> None:
    """To be interrupted is enough: the number is in the pipe."""

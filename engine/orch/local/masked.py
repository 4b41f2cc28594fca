"""A pipe between a step and its log, through which nothing of a secret comes: what is written down has been masked."""

from __future__ import annotations

import fcntl
import os

from orch.local.logs import Stream
from orch.model.masking import Mask

_BLOCK = 1 << 16


class MaskedPipe:
    """Read without waiting, a block at a time, by whoever waits for the step too. A log that cannot be written is
    emptied all the same, so that the step does not wait for it: `failed` says why."""

    __slots__ = ("_masking", "failed", "fd", "identity", "stream", "writer")

    def __init__(self, mask: Mask, stream: Stream) -> None:
        self.fd, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.fd, False)
        status = os.fstat(self.fd)
        self.identity = status.st_dev, status.st_ino
        self.stream = stream
        self.failed: OSError | None = None
        self._masking = mask.stream()

    def started(self) -> None:
        """The step has its end of the pipe: ours of it is closed, so that its end can be seen."""
        os.close(self.writer)
        self.writer = -1

    def pass_on(self) -> bool:
        """Move one block. False where there is nothing more to come."""
        try:
            block = os.read(self.fd, _BLOCK)
        except BlockingIOError:
            return True
        self._write(self._masking.feed(block))
        return bool(block)

    def finish(self) -> None:
        """The step is over: take what is still in the pipe, and no more of it than it can hold, since a process that
        got away may write for ever."""
        left = fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ)
        while left > 0:
            try:
                block = os.read(self.fd, min(left, _BLOCK))
            except BlockingIOError:
                break
            if not block:
                break
            left -= len(block)
            self._write(self._masking.feed(block))
        self._write(self._masking.end())
        self.close()

    def close(self) -> None:
        """Give the descriptors back; what is in the pipe is lost."""
        os.close(self.fd)
        if self.writer >= 0:
            os.close(self.writer)

    def _write(self, data: bytes) -> None:
        try:
            while data and self.failed is None:
                data = data[os.write(self.stream.fd, data) :]
        except OSError as error:
            self.failed = error

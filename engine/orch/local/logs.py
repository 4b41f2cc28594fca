"""What a step writes goes straight to files: unnamed until something is in them, bounded while it is written."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from dataclasses import dataclass

from orch.local import linux
from orch.model.attempt import Log

_BLOCK = 1 << 20
_ALIGNMENT = 1 << 16  # a multiple of every file system's block
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


@dataclass(slots=True)
class Stream:
    """One open log. `name` is set only where the file system cannot make unnamed files; bytes from the head's end to
    `punched` have been given back to the disk."""

    fd: int
    name: str | None = None
    punched: int = 0

    def size(self) -> int:
        """Bytes written so far, those given back included."""
        return os.fstat(self.fd).st_size

    def identity(self) -> tuple[int, int]:
        """Device and inode: by these a process that still holds the file is found."""
        status = os.fstat(self.fd)
        return status.st_dev, status.st_ino


class LogFiles:
    """Makes, bounds and keeps the logs of one run in `<run_dir>/logs`. A stream to which nothing was written is used
    again, so that quiet attempts create no file at all."""

    def __init__(self, run_dir: str, cap_bytes: int, head_bytes: int) -> None:
        self._dir = os.path.join(run_dir, "logs")
        os.makedirs(self._dir, mode=0o700, exist_ok=True)
        self._dir_fd = os.open(self._dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.cap_bytes = cap_bytes
        self._head = min(head_bytes, cap_bytes)
        self._blank: list[Stream] = []
        self._unnamed = hasattr(os, "O_TMPFILE")
        self._count = 0

    def open_pair(self) -> tuple[Stream, Stream]:
        """Two empty streams. Raises OSError with the folder's path."""
        stdout = self._open()
        try:
            return stdout, self._open()
        except OSError:
            self.discard(stdout)
            raise

    def _open(self) -> Stream:
        if self._blank:
            return self._blank.pop()
        if self._unnamed:
            try:
                return Stream(os.open(self._dir, os.O_TMPFILE | _FLAGS, 0o600))
            except OSError as error:
                if error.errno not in _NO_TMPFILE:
                    raise
                self._unnamed = False
        self._count += 1
        name = f".{os.getpid()}.{self._count}.tmp"
        return Stream(os.open(os.path.join(self._dir, name), os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), name)

    def trim(self, stream: Stream) -> int:
        """Give back the middle of a stream that is over the cap; its size so far, in bytes."""
        size = stream.size()
        end = size - (self.cap_bytes - self._head)
        if stream.punched > size:  # the step emptied its own log
            stream.punched = 0
        start = max(self._head, stream.punched)
        if end > start and size > self.cap_bytes:
            try:
                linux.punch_hole(stream.fd, start, end - start)
            except (OSError, AttributeError):
                return size  # no such call here: the file is cut at the end only
            stream.punched = end - end % _ALIGNMENT  # of a block in part only the bytes are zeroed, its place is kept
        return size

    def keep(self, stream: Stream, file_name: str) -> Log | None:
        """End a stream to which nobody writes any more: link it as `logs/<file_name>`, or keep it for the next attempt
        if it is empty. Raises OSError with the log's path when the disk refuses."""
        size = stream.size()
        if size == 0:
            stream.punched = 0
            self._blank.append(stream)
            return None
        path = os.path.join(self._dir, file_name)
        try:
            kept = min(size, self.cap_bytes)
            if size > kept:
                self._close_gap(stream, size)
            digest = hashlib.sha256()
            for offset in range(0, kept, _BLOCK):
                digest.update(os.pread(stream.fd, min(_BLOCK, kept - offset), offset))
            self._link(stream, file_name)
        except OSError as error:
            self.discard(stream)
            raise OSError(error.errno, error.strerror, path) from error
        os.close(stream.fd)
        return Log(f"logs/{file_name}", digest.hexdigest(), kept, size - kept)

    def discard(self, stream: Stream) -> None:
        """Close a stream and forget what is in it."""
        if stream.name is not None:
            os.unlink(stream.name, dir_fd=self._dir_fd)
        os.close(stream.fd)

    def close(self) -> None:
        for stream in self._blank:
            self.discard(stream)
        self._blank.clear()
        os.close(self._dir_fd)

    def _link(self, stream: Stream, file_name: str) -> None:
        for again in (True, False):
            try:
                if stream.name is None:
                    # with a directory's descriptor Python calls linkat(…, AT_SYMLINK_FOLLOW), without it link()
                    os.link(f"/proc/self/fd/{stream.fd}", file_name, dst_dir_fd=self._dir_fd)
                else:
                    os.rename(stream.name, file_name, src_dir_fd=self._dir_fd, dst_dir_fd=self._dir_fd)
                return
            except FileExistsError:
                # left by an attempt of the same number that a crash kept out of the journal
                if not again:
                    raise
                os.unlink(file_name, dir_fd=self._dir_fd)

    def _close_gap(self, stream: Stream, size: int) -> None:
        """Move the tail up to the head, giving back each block that was moved, so that head and tail are the file."""
        fd = stream.fd
        # an appending descriptor ignores the offset of pwrite
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_APPEND)
        target, source = self._head, size - (self.cap_bytes - self._head)
        while block := os.pread(fd, _BLOCK, source):
            view = memoryview(block)
            while view:
                written = os.pwrite(fd, view, target)
                view, target = view[written:], target + written
            source += len(block)
            if source - len(block) >= target:
                try:
                    linux.punch_hole(fd, source - len(block), len(block))
                except (OSError, AttributeError):
                    continue
        os.ftruncate(fd, target)

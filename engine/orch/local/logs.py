"""What a step writes goes straight to files: named once something is in them, bounded while it is written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from orch.local import linux
from orch.model.attempt import Log

_BLOCK = 1 << 20
_ALIGNMENT = 1 << 16  # a multiple of every file system's block
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


@dataclass(slots=True)
class Stream:
    """One open log. `name` is its temporary name, if it has one; `linked` says that it lies under its own. Bytes from
    the head's end to `punched` have been given back to the disk."""

    fd: int
    name: str | None = None
    linked: bool = False
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
        name = self._temporary()
        return Stream(os.open(os.path.join(self._dir, name), os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), name)

    def _temporary(self) -> str:
        self._count += 1
        return f".{os.getpid()}.{self._count}.tmp"

    def tend(self, stream: Stream, file_name: str) -> int:
        """Trim a stream that is being written, and let what is in it be seen, and survive this process, as
        `logs/<file_name>`; its size so far, in bytes."""
        size = self.trim(stream)
        if size and not stream.linked:
            with contextlib.suppress(OSError):  # tried again, and told of, in the end
                self._link(stream, file_name)
        return size

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
        """End a stream to which nobody writes any more: what is kept of it is `logs/<file_name>`. An empty one has no
        file, and is kept for the next attempt. Raises OSError with the log's path when the disk refuses."""
        size = stream.size()
        if size == 0:
            stream.punched = 0
            if stream.linked:  # the step emptied its own log; a file that has lost its name cannot get another
                os.unlink(file_name, dir_fd=self._dir_fd)
                os.close(stream.fd)
            else:
                self._blank.append(stream)
            return None
        kept = min(size, self.cap_bytes)
        try:
            if size > kept:
                stream = self._without_middle(stream, size)
            digest = hashlib.sha256()
            for block in _blocks(stream.fd, 0, kept):
                digest.update(block)
            if not stream.linked:
                self._link(stream, file_name)
        except OSError as error:
            self.discard(stream)
            raise self.refused(error, file_name) from error
        os.close(stream.fd)
        return Log(f"logs/{file_name}", digest.hexdigest(), kept, size - kept)

    def refused(self, error: OSError, file_name: str) -> OSError:
        """The same error, with the log's path."""
        return OSError(error.errno, error.strerror, os.path.join(self._dir, file_name))

    def leave(self, stream: Stream, file_name: str) -> None:
        """Close a stream of an attempt that nobody collects; what is in it stays as `logs/<file_name>`."""
        self.tend(stream, file_name)
        self.discard(stream)

    def discard(self, stream: Stream) -> None:
        """Close a stream and forget what is in it, unless it is linked."""
        if stream.name is not None:
            os.unlink(stream.name, dir_fd=self._dir_fd)
        os.close(stream.fd)

    def close(self) -> None:
        for stream in self._blank:
            self.discard(stream)
        self._blank.clear()
        os.close(self._dir_fd)

    def _link(self, stream: Stream, file_name: str) -> None:
        """Give a stream its name, in place of what lies there: the log with its middle, or what was left by an attempt
        of the same number that a crash kept out of the journal."""
        if stream.name is None:
            try:
                self._name(stream, file_name)
            except FileExistsError:
                temporary = self._temporary()
                self._name(stream, temporary)
                stream.name = temporary
        if stream.name is not None:
            os.rename(stream.name, file_name, src_dir_fd=self._dir_fd, dst_dir_fd=self._dir_fd)
            stream.name = None
        stream.linked = True

    def _name(self, stream: Stream, name: str) -> None:
        # with a directory's descriptor Python calls linkat(…, AT_SYMLINK_FOLLOW), without it link()
        os.link(f"/proc/self/fd/{stream.fd}", name, dst_dir_fd=self._dir_fd)

    def _without_middle(self, stream: Stream, size: int) -> Stream:
        """A new stream of head and tail, for the one that is closed. It is a copy, so that who reads the log, or finds
        it after a crash, never sees one that is half moved."""
        short = self._open()
        try:
            for start, end in ((0, self._head), (size - (self.cap_bytes - self._head), size)):
                for block in _blocks(stream.fd, start, end):
                    view = memoryview(block)
                    while view:
                        view = view[os.write(short.fd, view) :]
        except OSError:
            self.discard(short)
            raise
        self.discard(stream)
        return short


def _blocks(fd: int, start: int, end: int) -> Iterator[bytes]:
    for offset in range(start, end, _BLOCK):
        yield os.pread(fd, min(_BLOCK, end - offset), offset)

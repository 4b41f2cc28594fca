"""The journal on disk: an append-only chain of records, written by one owner and read by anyone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orch.model.codec import UnknownEvent, digest, encode
from orch.model.events import Event
from orch.problems.problem import Exit, OrchError, Problem
from orch.store.atomic import read_file, sync_folder
from orch.store.records import BadRecord, Chain, bad_line

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_fdatasync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class JournalRead(NamedTuple):
    """What a reader finds: the events, the sha256 (hex) of the last record, the bytes of a torn last line, and the
    number of whole lines."""

    events: list[Event]
    head: str
    torn_bytes: int
    lines: int


class FileJournal:
    """The owner's journal. After a failed or short write, or a failed sync, it is poisoned: what the file holds is no
    longer known here, and every later call raises OSError. `head` and `seq` are those of the last record."""

    def __init__(
        self,
        path: str,
        fd: int,
        chain: Chain,
        durable: bool,
        *,
        write: Callable[[int, bytes], int] = os.write,
        sync: Callable[[int], None] = _fdatasync,
    ) -> None:
        self._path = path
        self._fd = fd
        self._durable = durable
        self._unsynced = False
        self._folder_unsynced = durable and not chain.seq
        self._poison: OSError | None = None
        self._write = write
        self._sync = sync
        self.head = chain.head
        self.seq = chain.seq

    @classmethod
    def create(cls, path: str, plan_digest: str, *, durability: str = "full") -> FileJournal:
        """The empty journal of a new run. Raises FileExistsError where there is one."""
        fd = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        return cls(path, fd, Chain(plan_digest), durability == "full")

    @classmethod
    def open(
        cls, path: str, plan_digest: str, *, durability: str, noted: str | None = None
    ) -> tuple[FileJournal, list[Event], int]:
        """The journal to go on with, created where there is none; its events; how many bytes of a torn last line were
        cut off. Only for the holder of the lock. `noted` is a head that it once had. Raises OrchError (7 for a bad line
        and where it has lost its end, 6 for a newer version's)."""
        fd = os.open(path, _FLAGS | os.O_CREAT, 0o600)
        try:
            with open(fd, "rb", buffering=0, closefd=False) as file:
                data = file.readall()
            found, chain = _parse(path, data, plan_digest)
            if noted is not None and noted != chain.head and f'"{noted}"'.encode() not in data:
                raise _shortened(path)
            if found.torn_bytes:
                os.ftruncate(fd, len(data) - found.torn_bytes)
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd, chain, durability == "full"), found.events, found.torn_bytes

    def append(self, events: Sequence[Event]) -> None:
        """Write these events with one system call."""
        if self._poison is not None:
            raise self._poison
        seq, head = self.seq, self.head
        lines = []
        for event in events:
            seq += 1
            line = encode(event, seq, head)
            head = digest(line)
            lines.append(line)
        data = b"".join(lines)
        try:
            written = self._write(self._fd, data)
        except OSError as error:
            raise self._poisoned(error.errno, error.strerror) from error
        if written != len(data):
            raise self._poisoned(None, f"only {written} of {len(data)} bytes could be written")
        self.seq, self.head = seq, head
        self._unsynced = True

    def sync(self) -> None:
        """Make what was appended durable, where the plan asks for it and something was appended."""
        if self._poison is not None:
            raise self._poison
        if not (self._durable and self._unsynced):
            return
        try:
            self._sync(self._fd)
            if self._folder_unsynced:
                sync_folder(os.path.dirname(self._path))
        except OSError as error:
            raise self._poisoned(error.errno, error.strerror) from error
        self._unsynced = self._folder_unsynced = False

    def close(self) -> None:
        """Give the descriptor back; nothing is written."""
        os.close(self._fd)

    def _poisoned(self, code: int | None, text: str | None) -> OSError:
        self._poison = OSError(5 if code is None else code, text or "the journal could not be written", self._path)
        return self._poison


def read(path: str, plan_digest: str) -> JournalRead:
    """Read as an observer: nothing is taken or written, a torn last line is left alone, the owner may be writing.
    No journal is an empty one. Raises OrchError as `FileJournal.open`."""
    try:
        data = read_file(path)
    except FileNotFoundError:
        data = b""
    return _parse(path, data, plan_digest)[0]


class Tail:
    """Follows a journal that is being written: each `poll` gives the events since the last."""

    def __init__(self, path: str, plan_digest: str) -> None:
        self._path = path
        self._chain = Chain(plan_digest)
        self._offset = 0

    def poll(self) -> list[Event]:
        """The events since the last call. Raises OrchError as `read`."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        with open(fd, "rb", buffering=0) as file:
            if os.fstat(fd).st_size <= self._offset:
                return []
            file.seek(self._offset)
            data = file.readall()
        events = _accept(self._path, data, self._chain)
        self._offset += data.rfind(b"\n") + 1
        return events


def _parse(path: str, data: bytes, plan_digest: str) -> tuple[JournalRead, Chain]:
    chain = Chain(plan_digest)
    events = _accept(path, data, chain)
    torn = len(data) - (data.rfind(b"\n") + 1)
    return JournalRead(events, chain.head, torn, chain.seq), chain


def _shortened(path: str) -> OrchError:
    message = f"{path}: records that the run's manifest has seen are gone: what they say was done would be done again"
    hint = "put the journal back from a copy; or begin anew: orch apply"
    return OrchError(Problem("O614", message, hint=hint), Exit.CORRUPT)


def _accept(path: str, data: bytes, chain: Chain) -> list[Event]:
    events = []
    lines = data.split(b"\n")
    lines.pop()
    for line in lines:
        try:
            events.append(chain.accept(line))
        except (BadRecord, UnknownEvent) as error:
            raise bad_line(path, chain.seq + 1, error) from error
    return events

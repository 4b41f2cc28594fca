"""What others ask of the owner of a run: one line each, appended by anyone, drained by the owner."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence

from orch.model.times import to_iso
from orch.ports import Request
from orch.store.rundir import RunDir

LONGEST_BYTES = 4096
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def ask(
    run: RunDir, verb: str, actor: str, detail: Mapping[str, str], *, now_ms: int, random: Callable[[int], bytes]
) -> str:
    """Ask the owner for something; the id under which the journal will hold the answer. Raises ValueError for more
    than 4 KiB, OSError with the path where the line could not be written whole."""
    record = {"at": to_iso(now_ms), "verb": verb, "actor": actor, "detail": dict(detail), "nonce": random(8).hex()}
    record["id"] = identity = _identity(record)
    line = _encode(record).encode() + b"\n"
    path = _path(run)
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # another's line that is half there is not a torn one
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            line = b"\n" + line  # somebody's line was torn: ours must not end it
        if len(line) > LONGEST_BYTES:
            raise ValueError(f"a request of {len(line)} bytes: the limit is {LONGEST_BYTES}")
        if os.write(fd, line) != len(line):
            raise OSError(5, "the request could not be written whole", path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(fd)
    return identity


class Inbox:
    """The requests, for the owner. After a restart all are read again; the journal knows the ids of the old ones.
    A line that is torn, changed or foreign is passed over."""

    def __init__(self, run: RunDir) -> None:
        self._path = _path(run)
        self._offset = 0

    def changed(self) -> bool:
        """Is there something new? One system call."""
        try:
            return os.stat(self._path, follow_symlinks=False).st_size != self._offset
        except FileNotFoundError:
            return False

    def drain(self) -> Sequence[Request]:
        """The requests since the last call, whole lines only."""
        if not self.changed():
            return ()
        fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            if os.fstat(fd).st_size < self._offset:
                self._offset = 0  # it became shorter: all of it is read again
            file.seek(self._offset)
            data = file.readall()
        lines = data.split(b"\n")
        self._offset += len(data) - len(lines.pop())
        return [request for line in lines if (request := parse(line)) is not None]


def parse(line: bytes) -> Request | None:
    """A line as a request; None for one that is torn, changed or foreign."""
    try:
        record = json.loads(line)
        identity = record.pop("id")
        request = Request(identity, record["verb"], record["actor"], record["detail"])
        texts = [identity, request.verb, request.actor, *request.detail, *request.detail.values()]
        whole = len(line) < LONGEST_BYTES and identity == _identity(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return request if whole and all(type(text) is str for text in texts) else None


def _identity(record: Mapping[str, object]) -> str:
    """The id follows from what is asked and a random number, so that a changed line is known as such."""
    return hashlib.sha256(_encode(record).encode()).hexdigest()[:16]


def _path(run: RunDir) -> str:
    return f"{run.path}/requests.ndjson"

"""One owner a run: a lock that dies with its process, so that there is no stale lock and no unlock command."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from orch.problems.problem import Exit, OrchError, Problem
from orch.store.owner import Owner, read_owner
from orch.store.rundir import RunDir

_FLOCK = "hhqqi4x"
_BUSY = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK)
_held: set[int] = set()
_TRIES, _PAUSE_SECONDS = 200, 0.01


def _forget_in_child() -> None:
    """A forked child shares the open file, and with it the lock, which would outlive its owner."""
    for fd in _held:
        os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


class Lock:
    """The ownership of a run, or a place of a group, until `release` or the end of the process. Forked children lose it
    at once; take it after the last fork that does not go through Python's `os.fork`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        _held.add(fd)

    @classmethod
    def acquire(cls, run: RunDir) -> Lock:
        """Own the run, or raise OrchError (6) that names the owner and how to watch it."""
        before = read_owner(run)
        lock = cls.attempt(_path(run))
        if lock is None:
            _wait_for_name(run, before)
            raise taken(run)
        return lock

    @classmethod
    def attempt(cls, path: str) -> Lock | None:
        """Take the lock on this file, which is made where there is none; None where somebody holds it."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _take(fd)
        except OSError as error:
            os.close(fd)
            if error.errno in _BUSY:
                return None
            raise OSError(error.errno, error.strerror, path) from error
        return cls(fd)

    def write(self, data: bytes) -> None:
        """Say in the file who holds it, for those who find it taken."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, data, 0)

    def release(self) -> None:
        """Give the run up; a second time does nothing."""
        if self._fd in _held:
            _held.remove(self._fd)
            os.close(self._fd)


def is_held(run: RunDir) -> bool:
    """Does a process of this host own the run? Nothing is taken. Who it is, says `owner.read_owner`."""
    return is_locked(_path(run))


def is_locked(path: str) -> bool:
    """Does a process of this host hold the lock on this file? Nothing is taken."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _is_taken(fd)
    finally:
        os.close(fd)


def _path(run: RunDir) -> str:
    return f"{run.path}/lock"


def _wait_for_name(run: RunDir, before: Owner | None) -> None:
    """Who takes a lock says who it is a moment later; until then the file names its predecessor."""
    for _ in range(_TRIES):
        if read_owner(run) != before:
            return
        time.sleep(_PAUSE_SECONDS)


def taken(run: RunDir) -> OrchError:
    """The refusal to work on a run that somebody else owns."""
    owner = read_owner(run)
    who = f"process {owner.pid} on {owner.host} (epoch {owner.epoch})" if owner else "another process"
    problem = Problem("O601", f"run {run.run_id} is owned by {who}", hint=f"orch poll {run.run_id} --watch")
    return OrchError(problem, Exit.CONFLICT)


if hasattr(fcntl, "F_OFD_SETLK"):

    def _take(fd: int) -> None:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))

    def _is_taken(fd: int) -> bool:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        found: int = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_OFD_GETLK, asked))[0]
        return found != fcntl.F_UNLCK

else:  # macOS

    def _take(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _is_taken(fd: int) -> bool:
        # there is no way to ask without taking it for a moment; shared, so that observers do not see each other
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                raise
            return True
        return False

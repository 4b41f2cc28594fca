"""The folder of the project: what its file system can do, how much room there is, and whether its clock is ours."""

from __future__ import annotations

import errno
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orch.diagnose.check import Check
from orch.store.lock import Lock, is_held
from orch.store.rundir import RunDir

ENOUGH_BYTES = 1 << 30
LEAST_BYTES = 64 << 20
ENOUGH_FILES, LEAST_FILES = 10_000, 1_000
SKEW_SECONDS = 5
_OLDEST = 1_735_689_600  # 2025: before that, no orch
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs")


def check_disk(root: str) -> list[Check]:
    """Everything about the project's folder. One temporary folder is made in it and removed."""
    runs = os.path.join(root, ".runs")
    place = runs if os.path.isdir(runs) else root
    checks: list[Check] = []
    try:
        checks.append(_room(place))
        with _scratch(place) as folder:
            return [*checks, _files(folder), _locks(folder), _clock(folder)]
    except OSError as error:
        told = f"{place}: {error.strerror}"
        return [
            *checks,
            Check("project folder", "fail", f"nothing can be written in {told}", _unwritable(place, error)),
        ]


@contextmanager
def _scratch(place: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix=".orch-doctor-", dir=place) as folder:
        yield folder


def _unwritable(place: str, error: OSError) -> str:
    quoted = shlex.quote(place)
    if error.errno == errno.EROFS:
        return f"its file system is mounted to be read only (findmnt -T {quoted}): work in a copy elsewhere"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"make room: df -h {quoted}; df -i {quoted}"
    return f"runs are kept below the project, and you must own the folder: ls -ld {quoted}; id"


def _room(place: str) -> Check:
    status = os.statvfs(place)
    free, files = status.f_bavail * status.f_frsize, status.f_favail if status.f_files else ENOUGH_FILES
    told = f"{free / (1 << 30):,.1f} GiB free" if free >= ENOUGH_BYTES else f"{free // (1 << 20)} MiB free"
    if files < ENOUGH_FILES:
        told += f", room for {files:,} files"
    scarce = free < ENOUGH_BYTES or files < ENOUGH_FILES
    least = free < LEAST_BYTES or files < LEAST_FILES
    quoted = shlex.quote(place)
    help_ = (
        f"make room: a run stops when the disk is full. What is large: du -xsh {quoted}/* | sort -h" if scarce else ""
    )
    return Check("disk", "fail" if least else "warn" if scarce else "ok", told, help_)


def _files(folder: str) -> Check:
    kind = _kind(folder)
    if kind in _REMOTE:
        help_ = "locks and power cuts are only understood on local disks: keep the project on one"
        return Check("file system", "warn", f"{kind}, over a network", help_)
    flag = getattr(os, "O_TMPFILE", None)
    name = kind or "local"
    if flag is None:
        return Check(
            "file system", "warn", f"{name}, no unnamed files here", "quiet steps leave empty log files for a moment"
        )
    try:
        os.close(os.open(folder, flag | os.O_RDWR, 0o600))
    except OSError:
        return Check(
            "file system", "warn", f"{name}, without O_TMPFILE", "steps start a little slower; nothing else changes"
        )
    return Check("file system", "ok", f"{name}, unnamed files work")


def _locks(folder: str) -> Check:
    run = RunDir(folder, "-", "doctor")
    lock = Lock.acquire(run)
    try:
        seen = _in_child(lambda: is_held(run))
    finally:
        lock.release()
    if not seen or is_held(run):
        help_ = "two owners of one run could not be told apart: keep the project on a local disk"
        return Check("locks", "fail", "a lock is not seen by another process", help_)
    return Check("locks", "ok", "seen by other processes, free when their owner ends")


def _clock(folder: str) -> Check:
    now = time.time()
    path = os.path.join(folder, "clock")
    with open(path, "wb"):
        skew = os.stat(path).st_mtime - now
    if now < _OLDEST:
        told = time.strftime("%Y-%m-%d", time.gmtime(now))
        return Check("clock", "fail", f"says {told}", "set it: freshness gates and decisions depend on the day")
    if abs(skew) > SKEW_SECONDS:
        return Check("clock", "warn", f"the file system's clock is {skew:+.0f} s off", "synchronise the two")
    return Check("clock", "ok", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))


def _in_child(question: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = 0 if question() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _kind(folder: str) -> str | None:
    """The type of the file system, from the mount that is nearest above."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return None
    real = os.path.realpath(folder)
    above = [
        (place, kind) for _, place, kind, *_ in mounts if real == place or real.startswith(place.rstrip("/") + "/")
    ]
    return max(above, key=lambda mount: len(mount[0]))[1] if above else None

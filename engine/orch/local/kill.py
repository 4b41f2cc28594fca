"""Finding and ending processes: descendants, and adopted orphans, told from those of other attempts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from orch.local.identity import stat_fields

_EXITING = 0x4  # PF_EXITING, kernel flag of a process that is on its way out
_ENVIRONMENT_END = 48  # of the fields from the third on; 0 while there is none
_GIVE_UP_SECONDS = 5.0  # a process that sleeps uninterruptibly in the kernel cannot be ended by anybody


class Marks(NamedTuple):
    """How a process of an attempt is known: its session, the two variables of its environment (as `NAME=value`), or
    that it holds one of the attempt's logs (device and inode) open."""

    session: int
    variables: tuple[bytes, bytes]
    logs: tuple[tuple[int, int], ...]


def children(pid: int) -> list[int]:
    """The children of a process, of all its threads. Empty when it is gone."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return found if _has_children_file() else children_by_scan(pid)
    except ProcessLookupError:
        return found
    return found


def family(roots: Iterable[int]) -> dict[int, int]:
    """The processes and all their descendants, each with the parent it was found under (0 for a root)."""
    found = dict.fromkeys(roots, 0)
    queue = list(found)
    for pid in queue:
        for child in children(pid):
            if child not in found:
                found[child] = pid
                queue.append(child)
    return found


def belongs(pid: int, marks: Marks) -> bool | None:
    """Is this orphan the attempt's? None while that cannot be seen: in the middle of an exec it has no environment yet,
    and on its way out no longer; its children are yet to be adopted then."""
    fields = stat_fields(pid)
    if fields and int(fields[3]) == marks.session and not is_exiting(fields):
        return True
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            variables: list[bytes] | None = file.read().split(b"\0")
    except OSError:
        variables = None
    if variables is not None and all(word in variables for word in marks.variables):
        return True
    if _holds(pid, marks.logs):
        return True
    # only now: it may have begun to exit, or to exec, while it was looked at
    fields = stat_fields(pid)
    unsure = is_exiting(fields) or (variables is not None and fields[_ENVIRONMENT_END] == b"0")
    return None if fields and unsure else False


def is_exiting(fields: list[bytes]) -> bool:
    """Do the fields of a process's stat say that it is gone or on its way out?"""
    return not fields or bool(int(fields[6]) & _EXITING)


def send(processes: dict[int, int], number: int) -> None:
    """Signal each of a `family`. A descendant is signalled by a descriptor, after a look whether the pid still means
    a child of one of them: a pid that was freed since may be a stranger's by now."""
    own = os.getpid()
    for pid, parent in processes.items():
        try:
            if parent == 0:
                os.kill(pid, number)  # the engine's own child: nobody else can reap it
                continue
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            fields = stat_fields(pid)
            if fields and (int(fields[1]) in processes or int(fields[1]) == own):
                signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            continue
        finally:
            os.close(fd)


def reap(pid: int) -> bool:
    """Take the exit status of a child that has ended. False while it lives."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def living(read: Callable[[], list[int]], spare: Collection[int] = ()) -> list[int]:
    """Which of this process's children, as `read` lists them, live, but those spared. The others are reaped, and the
    list is read again after that: one of them may have left its own children to this process since."""
    while True:
        listed = [pid for pid in read() if pid not in spare]
        left = [pid for pid in listed if not reap(pid)]
        if len(left) == len(listed):
            return left


def end_descendants() -> int:
    """Kill every descendant of this process, in rounds until none is left; how many they were. For the end of an
    engine: exit statuses are thrown away."""
    own = os.getpid()
    killed: set[int] = set()
    pause = Pause()
    while roots := living(lambda: children(own)):
        if own == 1:
            os.kill(-1, signal.SIGKILL)  # at once, and so faster than anything that forks
        found = family(roots)
        killed.update(found)
        send(found, signal.SIGKILL)
        if not pause():
            break
    return len(killed)


class Pause:
    """Sleeps between two rounds, 0.2 ms at first and 10 ms at most; false when it is time to give up."""

    def __init__(self) -> None:
        self._until = time.monotonic() + _GIVE_UP_SECONDS
        self._seconds = 0.0002

    def __call__(self) -> bool:
        time.sleep(self._seconds)
        self._seconds = min(self._seconds * 2, 0.01)
        return time.monotonic() < self._until


def _holds(pid: int, files: tuple[tuple[int, int], ...]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            status = os.stat(f"{folder}/{name}")
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in files:
            return True
    return False


def _has_children_file() -> bool:
    own = os.getpid()
    return os.path.exists(f"/proc/{own}/task/{own}/children")


def children_by_scan(parent: int) -> list[int]:
    """The same where the kernel was built without the list: every process is asked for its parent."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and (fields := stat_fields(int(name))) and int(fields[1]) == parent:
            found.append(int(name))
    return found

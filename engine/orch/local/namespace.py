"""A pid namespace with its own /proc: when its first process dies, the kernel kills the others."""

from __future__ import annotations

import os
from collections.abc import Callable

from orch.local import linux


def prepare() -> None:
    """The next child of this process becomes pid 1 of a new pid namespace, and later ones join it. Without privileges
    this process moves into a user namespace of its own, from which there is no way back: so it is tried out in a
    child first. Raises OSError."""
    try:
        linux.unshare(linux.CLONE_NEWPID)
    except PermissionError:
        _in_child(_rehearse)
        _unshare_as_user()


def undo(former: int) -> None:
    """Later children are made in the former namespace again, given by a descriptor. Raises OSError where a user
    namespace was needed."""
    linux.enter_namespace(former, linux.CLONE_NEWPID)


def enter() -> int:
    """In the first child: mount its /proc. Returns the pid by which this process is known outside."""
    outer = int(os.readlink("/proc/self"))
    linux.mount_own_proc()
    return outer


def why(error: OSError) -> str:
    """What was refused, and with which words."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


def _rehearse() -> None:
    _unshare_as_user()
    _in_child(enter)


def _unshare_as_user() -> None:
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWPID)
    # groups cannot be mapped before this process has given up changing them
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def _in_child(action: Callable[[], object]) -> None:
    """Do it in a forked child; its OSError is raised here."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            action()
            code = 0
        except OSError as error:
            os.write(write, f"{error.errno} {why(error)}".encode())
            code = 1
        finally:
            os._exit(code)
    os.close(write)
    with open(read, encoding="utf-8") as file:
        text = file.read()
    os.waitpid(pid, 0)
    if text:
        number, _, message = text.partition(" ")
        raise OSError(int(number), message)

"""The system calls that Python 3.11 has no name for; ctypes is loaded on the first use."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
_MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
_MS_REC_SLAVE = 0x4000 | 0x80000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 1, 36, 37
_FALLOC_KEEP_SIZE_PUNCH_HOLE = 1 | 2


@cache
def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> None:
    if result != 0:
        import ctypes

        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def _prctl(option: int, value: Any) -> None:
    from ctypes import c_ulong

    _checked(_libc().prctl(option, value, c_ulong(0), c_ulong(0), c_ulong(0)), "prctl")


def die_with_parent(signal_number: int) -> None:
    """This process gets the signal when the thread that forked it ends. It may have ended already: ask afterwards."""
    from ctypes import c_ulong

    _prctl(_PR_SET_PDEATHSIG, c_ulong(signal_number))


def adopt_orphans(adopt: bool = True) -> None:
    """Orphaned descendants become children of this process instead of init's."""
    from ctypes import c_ulong

    _prctl(_PR_SET_CHILD_SUBREAPER, c_ulong(int(adopt)))


def adopts_orphans() -> bool:
    if os.getpid() == 1:
        return True
    from ctypes import byref, c_int

    flag = c_int(0)
    _prctl(_PR_GET_CHILD_SUBREAPER, byref(flag))
    return flag.value == 1


def unshare(flags: int) -> None:
    _checked(_libc().unshare(flags), "unshare")


def enter_namespace(fd: int, kind: int) -> None:
    _checked(_libc().setns(fd, kind), "setns")


def mount_own_proc() -> None:
    """A /proc of this process's own pid namespace, seen only by it and its children."""
    unshare(CLONE_NEWNS)
    _checked(_libc().mount(b"none", b"/", None, _MS_REC_SLAVE, None), "mount /")
    _checked(_libc().mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC, None), "mount /proc")


def punch_hole(fd: int, start: int, length: int) -> None:
    """Give the blocks of a range back to the disk; the file's size stays, the range reads as zeros."""
    from ctypes import c_int, c_int64

    libc = _libc()
    call = libc.fallocate64 if hasattr(libc, "fallocate64") else libc.fallocate
    _checked(call(c_int(fd), c_int(_FALLOC_KEEP_SIZE_PUNCH_HOLE), c_int64(start), c_int64(length)), "fallocate")

"""Which process a pid means: the same one as (boot, pid, start time), or another that got its number."""

from __future__ import annotations

import os
from functools import cache


@cache
def boot_id() -> str:
    """The kernel's random id of this boot; empty where the system has none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def stat_fields(pid: int) -> list[bytes]:
    """The fields of /proc/<pid>/stat from the third on: state, ppid, pgrp, session, … The second, the program's name,
    may hold blanks and brackets and is left out. Empty when there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        text = os.read(fd, 4096)
    except ProcessLookupError:
        return []
    finally:
        os.close(fd)
    return text[text.rindex(b")") + 2 :].split()


def start_time(pid: int) -> int | None:
    """Clock ticks between the boot and the start of the process; None when there is no such process."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def is_alive(boot: str, pid: int, started: int) -> bool:
    """Is the process that was `pid` in that boot and started then still there, and not merely waiting to be reaped?"""
    fields = stat_fields(pid) if boot == boot_id() else []
    return bool(fields) and int(fields[19]) == started and fields[0] not in (b"Z", b"X")

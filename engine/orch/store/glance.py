"""What a run came to, from the two ends of its journal: for lists of many runs. Nothing is verified."""

from __future__ import annotations

import os
from typing import NamedTuple

from orch.model.codec import decode
from orch.model.events import Closed, Event, Opened

_BLOCK = 4096


class Glance(NamedTuple):
    """`status` is what the run closed with, and None where its last record is no `closed`: it has an owner, or died.
    Times are milliseconds since 1970."""

    started_at: int | None
    updated_at: int | None
    status: str | None
    reason: str | None
    summary: str | None


def glance(journal_path: str) -> Glance:
    """Look at the first and the last whole record; what cannot be read is None."""
    try:
        fd = os.open(journal_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return Glance(None, None, None, None, None)
    try:
        first, last = _first(fd), _last(fd)
    finally:
        os.close(fd)
    started = first.at if isinstance(first, Opened) else None
    if isinstance(last, Closed):
        return Glance(started, last.at, last.status, last.reason, last.summary)
    return Glance(started, last.at if last else None, None, None, None)


def _first(fd: int) -> Event | None:
    data, size = b"", _BLOCK
    while b"\n" not in data:
        block = os.pread(fd, size, len(data))
        if not block:
            return None
        data += block
        size *= 4
    return _event(data[: data.index(b"\n")])


def _last(fd: int) -> Event | None:
    start = end = os.fstat(fd).st_size
    data, size = b"", _BLOCK
    while start > 0:
        step = min(size, start)
        start -= step
        data = os.pread(fd, step, start) + data
        stop = data.rfind(b"\n")
        begin = data.rfind(b"\n", 0, stop) if stop > 0 else -1
        if stop >= 0 and (begin >= 0 or start == 0):
            return _event(data[begin + 1 : stop])
        size = min(size * 4, end)
    return None


def _event(line: bytes) -> Event | None:
    try:
        return decode(line)[2]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None

"""What a run came to, from the two ends of its journal: for lists of many runs. Nothing is verified."""

import json
import os
import re
from typing import NamedTuple

from orch.model.times import from_iso

_BLOCK = 8192  # holds the whole journal of a small run
# as `model.codec` begins every record; a list of many runs has no time to read them as JSON
_HEAD = re.compile(rb'\{"seq":\d+,"prev":"([0-9a-f]{64})","at":"([^"]*)","type":"(\w+)"')


class Glance(NamedTuple):
    """`status` is what the run closed with, and None where its last record is no `closed`: it has an owner, or died.
    Times are milliseconds since 1970; `plan` is the digest of the plan that the first record names."""

    started_at: int | None = None
    updated_at: int | None = None
    status: str | None = None
    reason: str | None = None
    summary: str | None = None
    plan: str | None = None


def glance(journal_path: str) -> Glance:
    """Look at the first and the last whole record; what cannot be read is None."""
    try:
        fd = os.open(journal_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Glance()
    try:
        start = os.pread(fd, _BLOCK, 0)
        line = _last_of(start) if len(start) < _BLOCK else _last(fd)
    except OSError:  # a folder, a pipe
        return Glance()
    finally:
        os.close(fd)
    try:
        return _told(start, line)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Glance()


def _told(start: bytes, line: bytes) -> Glance:
    first, last = _HEAD.match(start), _HEAD.match(line)
    began = plan = None
    if line and first is not None and first[3] == b"opened":
        plan, began = first[1].decode(), from_iso(first[2].decode())
    if last is None:
        return Glance(began, plan=plan)
    ended = from_iso(last[2].decode())
    if last[3] != b"closed":
        return Glance(began, ended, plan=plan)
    closed = json.loads(line.decode())
    return Glance(began, ended, closed["status"], closed["reason"], closed["summary"], plan)


def _last(fd: int) -> bytes:
    start = end = os.fstat(fd).st_size
    data, size = b"", _BLOCK
    while start > 0:
        step = min(size, start)
        start -= step
        data = os.pread(fd, step, start) + data
        line = _last_of(data, whole=start == 0)
        if line:
            return line
        size = min(size * 4, end)
    return b""


def _last_of(data: bytes, *, whole: bool = True) -> bytes:
    """The last line that has its end, and, unless `data` is the whole file, its beginning; else nothing."""
    stop = data.rfind(b"\n")
    begin = data.rfind(b"\n", 0, stop) if stop > 0 else -1
    return data[begin + 1 : stop] if begin >= 0 or (whole and stop > 0) else b""

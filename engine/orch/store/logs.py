"""Logs as they were written: what is there of a stream, and how much of it is not."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from orch.model.attempt import LOG_CAP_BYTES, LOG_HEAD_BYTES
from orch.model.names import file_stem
from orch.store.atomic import read_file

_BLOCK = 1 << 16


def cut_bytes(logs: Mapping[str, Mapping[str, Any]] | None) -> int:
    """How many bytes the recorded logs of an attempt lack, both streams together."""
    return sum(log["truncated_bytes"] for log in (logs or {}).values())


def started(journal: str) -> dict[str, str]:
    """The names of all attempts, as their logs have them, each with the step's address, in the order of their starts. A
    journal that is damaged is no reason to show no log: what cannot be read is passed over."""
    found: dict[str, str] = {}
    with suppress(OSError):
        for line in read_file(journal).split(b"\n"):
            if b'"type":"started"' in line:
                with suppress(ValueError, KeyError, TypeError):
                    record = json.loads(line)
                    found[f"{file_stem(record['address'])}.{record['attempt']}"] = record["address"]
    return found


def pieces(
    fd: int, position: int, cut: int, *, head: int = LOG_HEAD_BYTES, cap: int = LOG_CAP_BYTES
) -> Iterator[bytes | int]:
    """The log from `position` on: its bytes, and for each stretch that is missing its length. Positions are those of
    the stream as it was written. `cut` is what the record says that the middle lacks; 0 for a log without a record,
    whose middle is a hole in the file. Raises OSError."""
    size = os.fstat(fd).st_size + cut
    while position < size:
        if cut and head <= position < head + cut:
            yield head + cut - position
            position = head + cut
            continue
        end = head if cut and position < head else size
        if not cut and size > cap:
            gap, end = _hole(fd, position, size)
            if gap:
                yield gap
                position += gap
                continue
        block = os.pread(fd, min(_BLOCK, end - position), position - (cut if position >= head else 0))
        if not block:
            return
        yield block
        position += len(block)


def _hole(fd: int, position: int, size: int) -> tuple[int, int]:
    """The length of the hole at a position, and where the data at it or behind it ends."""
    try:
        start = os.lseek(fd, position, os.SEEK_DATA)
        end = os.lseek(fd, start, os.SEEK_HOLE)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole from here on
            return size - position, size
        return 0, size
    if start > position:  # of a block that was given back in part the bytes are zeroed
        block = os.pread(fd, _BLOCK, start)
        start += len(block) - len(block.lstrip(b"\0"))
    return start - position, end

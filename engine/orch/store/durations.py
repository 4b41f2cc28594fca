"""How long the steps of a run took, from its journal at a glance: nothing is verified, nothing else is read."""

from __future__ import annotations

import json
import os
import re

from orch.model.times import from_iso

MOST_BYTES = 32 << 20  # of a journal that is larger nothing is known
# as `model.codec` writes these two records
_RECORD = re.compile(
    rb'^\{"seq":\d+,"prev":"[0-9a-f]{64}","at":"([^"]*)","type":"(started|finished)","address":("(?:[^"\\]|\\.)*"),'
    rb'"attempt":\d+(?:,"final":true,"status":"(succeeded)")?',
    re.MULTILINE,
)


def durations(journal_path: str) -> dict[str, int]:
    """Milliseconds of the attempt that succeeded, by address; empty where the journal cannot be read."""
    try:
        fd = os.open(journal_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            data = file.read() if os.fstat(fd).st_size <= MOST_BYTES else b""
    except OSError:
        return {}
    began: dict[bytes, bytes] = {}
    took: dict[str, int] = {}
    try:
        for at, kind, address, succeeded in _RECORD.findall(data):
            if kind == b"started":
                began[address] = at
            elif succeeded and address in began:
                took[json.loads(address)] = max(0, from_iso(at.decode()) - from_iso(began[address].decode()))
    except ValueError:
        return {}
    return took

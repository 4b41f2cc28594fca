"""How long the steps of a run took, from its journal at a glance: nothing is verified, nothing else is read."""

from __future__ import annotations

import json
import os
import re

from orch.model.times import from_iso

MOST_BYTES = 32 << 20  # of a journal that is larger nothing is known
# as `model.codec` writes these records; a patch that waits to be merged is an end of work, too
_RECORD = re.compile(
    rb'^\{"seq":\d+,"prev":"[0-9a-f]{64}","at":"([^"]*)","type":"(started|expanded|finished)",'
    rb'"address":("(?:[^"\\]|\\.)*")'
    rb'(?:,"attempt":\d+,"final":(?:true,"status":"(succeeded)"|false,"status":"waiting","reason":"(unmerged)"))?',
    re.MULTILINE,
)
_OPENED = b'","type":"opened",'


def durations(journal_path: str) -> dict[str, int]:
    """Milliseconds of the attempt that succeeded, by address; empty where the journal cannot be read. What opens others
    took from its first iteration or child to its end; nothing is said of it where an owner followed another: it may
    have waited for that one."""
    try:
        fd = os.open(journal_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            data = file.read() if os.fstat(fd).st_size <= MOST_BYTES else b""
    except OSError:
        return {}
    began: dict[bytes, bytes] = {}
    took: dict[str, int] = {}
    try:
        alone = data.count(_OPENED) == 1
        for at, kind, address, succeeded, unmerged in _RECORD.findall(data):
            if kind == b"started":
                began[address] = at
            elif kind == b"expanded":
                if alone:
                    began.setdefault(address, at)
            elif (succeeded or unmerged) and address in began:
                took[json.loads(address)] = max(0, from_iso(at.decode()) - from_iso(began[address].decode()))
    except ValueError:
        return {}
    return took

"""What a failing Go test printed → its message, and where it failed."""

from __future__ import annotations

import re
from collections.abc import Collection

from orch.store.reports.frames import NOWHERE, Place

_LOGGED = re.compile(r"^\s+([^\s:]{1,1000}\.go):(\d{1,9}): ?")
_FRAME = re.compile(r"^\t(\S{1,1000}\.go):(\d{1,9})(?: \+0x[0-9a-f]+)?$")
_OF_GO = re.compile(r"/src/(?:testing|runtime|internal|reflect|sync|os|log)/")
_TALK = ("=== ", "--- ", "PASS", "FAIL", "ok  \t", "exit status ", "coverage: ", "?   \t")


def go_failure(output: Collection[str]) -> tuple[str, Place]:
    """A panic; else what was logged, with file and line before each message; else all that was printed."""
    message, place = _panic(output)
    if not message:
        message, place = _logged(output)
    return message or "\n".join(line for line in output if not line.lstrip().startswith(_TALK)), place


def _panic(output: Collection[str]) -> tuple[str, Place]:
    """The message of a panic, and the first frame that is not Go's own."""
    message = next((line for line in output if line.startswith(("panic: ", "fatal error: "))), "")
    if message:
        for line in output:
            found = _FRAME.match(line)
            if found and not _OF_GO.search(found[1]):
                return message, Place(found[1], int(found[2]))
    return message, NOWHERE


def _logged(output: Collection[str]) -> tuple[str, Place]:
    """The place is the last one: a test that ends at a failure may have logged before it. A message goes on over lines
    that are further in."""
    told: list[str] = []
    place = NOWHERE
    for line in output:
        if found := _LOGGED.match(line):
            place = Place(found[1], int(found[2]))
            told.append(line.strip())
        elif told and line.startswith("        "):
            told.append(line.rstrip())
    return "\n".join(told), place

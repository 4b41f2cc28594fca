"""Where a failure is, from the stack traces that test tools print."""

from __future__ import annotations

import re
from typing import NamedTuple

_JS_FRAMES = (  # a path may hold spaces where it is plain where it begins: in brackets, or at the root
    re.compile(r"^.*\(((?:file://|node:)?(?:[A-Za-z]:)?[^():]+):(\d{1,9}):\d{1,9}\)[,{ ]*$"),
    re.compile(r"^\s*(?:at |❯ )?(?:async )?((?:file://|[A-Za-z]:)?/[^():]+):(\d{1,9}):\d{1,9}[,{ ]*$"),
    re.compile(r"^\s*(?:(?:at |❯ )?.*[(\s])?((?:file://|node:)?(?:[A-Za-z]:)?[^\s():]+):(\d{1,9}):\d{1,9}\)?[,{ ]*$"),
)
_JS_STACK = re.compile(r"^\s*(?:at|❯) .*(?::\d+|<anonymous>|index \d+)\)?[,{ ]*$")
_JAVA_FRAME = re.compile(r"^\s*at (?:[^\s/]+/)?([\w.$<>]+)\(([\w$-]+\.(?:java|kt|groovy|scala)):(\d{1,9})\)")
_JAVA_OWN = re.compile(
    r"^(?:java|javax|jdk|sun|kotlin|scala|groovy|org\.(?:junit|opentest4j|hamcrest|assertj|testng))\b"
)
_PYTHON_FRAME = re.compile(r"^(\S[^:\n]*):(\d{1,9}): ")
_PYTHON_NATIVE = re.compile(r'^\s*File "([^"]+)", line (\d{1,9})')
_PYTHON_LIBRARY = re.compile(r"(?:^|/)site-packages/|/lib/python\d|^<")
_LONGEST = 500  # characters of a line that are looked at: the patterns need more time for more


class Place(NamedTuple):
    """A file, as the trace names it, and a line that counts from 1."""

    file: str | None = None
    line: int | None = None


NOWHERE = Place()


def js_place(text: str) -> Place:
    """The first frame that is neither of a dependency nor of node itself; of the cause, where node tells one."""
    _, _, cause = text.partition("\n  cause: ")
    for part in (cause, text):
        for line in part.splitlines():
            found = next(filter(None, (pattern.match(line[:_LONGEST]) for pattern in _JS_FRAMES)), None)
            if found and not found[1].startswith("node:") and "node_modules/" not in found[1]:
                return Place(found[1], int(found[2]))
    return NOWHERE


def is_js_frame(line: str) -> bool:
    """Is this line of a stack trace rather than of a message?"""
    return _JS_STACK.match(line[:_LONGEST]) is not None


def java_place(text: str, classname: str) -> Place:
    """The first frame in the test's class; else the first that is of no library for tests."""
    other = NOWHERE
    for line in text.splitlines():
        if found := _JAVA_FRAME.match(line[:_LONGEST]):
            if classname and found[1].startswith(f"{classname}."):
                return Place(found[2], int(found[3]))
            if other is NOWHERE and not _JAVA_OWN.match(found[1]):
                other = Place(found[2], int(found[3]))
    return other


def python_place(text: str) -> Place:
    """The last frame inside the project, whose paths are relative; else the last of no library; else the last."""
    best, rank = NOWHERE, -1
    for line in text.splitlines():
        if found := _PYTHON_FRAME.match(line[:_LONGEST]) or _PYTHON_NATIVE.match(line[:_LONGEST]):
            is_library = _PYTHON_LIBRARY.search(found[1]) is not None
            its_rank = 0 if is_library else 1 if found[1].startswith(("/", "..")) else 2
            if its_rank >= rank:
                best, rank = Place(found[1], int(found[2])), its_rank
    return best

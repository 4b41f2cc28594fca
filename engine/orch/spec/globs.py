"""Patterns of paths: `*` and `?` within a name, `**` for folders; nothing else is special. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache


def is_pattern(text: str) -> bool:
    """Whether the text is more than the name of one file."""
    return "*" in text or "?" in text


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """Matches whole paths. `docs/**/*.md` includes `docs/a.md`; `docs/**` is everything below `docs`; names that
    begin with a dot are names like any other, so that nothing hides from its approval."""
    pieces = []
    parts = pattern.removeprefix("./").split("/")
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            pieces.append("(?:[^/]+/)*[^/]+" if last else "(?:[^/]+/)*")
        else:
            name = "".join(
                "[^/]*" if c == "*" else "[^/]" if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", part)
            )
            pieces.append(name if last else name + "/")
    return re.compile("".join(pieces), re.DOTALL)


def may_meet(one: str, other: str) -> bool:
    """Could the same path be meant by both? True where it cannot be told."""
    first, second = (pattern.removeprefix("./").split("/") for pattern in (one, other))
    return _meet(first, second, "**", lambda a, b: _meet(a, b, "*", lambda x, y: x == y or "?" in (x, y)))


def _meet(a: Sequence[str], b: Sequence[str], star: str, same: Callable[[str, str], bool]) -> bool:
    """Is there a sequence that both mean, where `star` stands for any number of members?"""
    seen, pending = {(0, 0)}, [(0, 0)]
    while pending:
        i, j = pending.pop()
        if i == len(a) and j == len(b):
            return True
        steps = []
        if i < len(a) and a[i] == star:
            steps += [(i + 1, j), (i, j + 1)]
        if j < len(b) and b[j] == star:
            steps += [(i, j + 1), (i + 1, j)]
        if not steps and i < len(a) and j < len(b) and same(a[i], b[j]):
            steps = [(i + 1, j + 1)]
        new = {(x, y) for x, y in steps if x <= len(a) and y <= len(b)} - seen
        seen |= new
        pending += new
    return False


def fixed_folder(pattern: str) -> str:
    """The leading folders without a wildcard, or the plain name itself: where a walk begins; may be empty."""
    pattern = pattern.removeprefix("./")
    if not is_pattern(pattern):
        return pattern
    parts: list[str] = []
    for part in pattern.split("/")[:-1]:
        if is_pattern(part):
            break
        parts.append(part)
    return "/".join(parts)

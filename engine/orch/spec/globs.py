"""Patterns of paths: `*` and `?` within a name, `**` for folders; nothing else is special. Pure."""

from __future__ import annotations

import re
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

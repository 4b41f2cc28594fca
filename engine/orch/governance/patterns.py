"""The paths that a subject's pattern means: `*` and `?` within a name, `**` for folders; nothing else is special."""

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


def matches(path: str, pattern: str) -> bool:
    """Whether the pattern, or the plain name, means this path; never one in `.runs`, `.git` or a decisions folder."""
    if not is_pattern(pattern):
        return path == pattern.removeprefix("./")
    return not is_hidden(path) and compiled(pattern).fullmatch(path) is not None


def is_hidden(path: str) -> bool:
    """Places that no pattern looks into: what runs leave, git's own files, and the decisions about the subject."""
    parts = path.split("/")
    return (
        parts[0] == ".runs" or ".git" in parts or (len(parts) > 2 and parts[0] == "tasks" and parts[2] == "decisions")
    )


def fixed_folder(pattern: str) -> str:
    """The leading folders without a wildcard, or the plain name itself: where git and the walk begin; may be empty."""
    pattern = pattern.removeprefix("./")
    if not is_pattern(pattern):
        return pattern
    parts: list[str] = []
    for part in pattern.split("/")[:-1]:
        if is_pattern(part):
            break
        parts.append(part)
    return "/".join(parts)

"""Which paths a subject's pattern means: none in places that leave no trace in a review."""

from __future__ import annotations

from orch.spec.globs import compiled, is_pattern


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

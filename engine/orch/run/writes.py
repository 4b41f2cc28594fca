"""Which changed files were not to be changed? Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from orch.spec.globs import compiled

Rules = tuple[tuple[str, ...] | None, tuple[str, ...]]
"""What a step may change (patterns; None is anything), and what it may not."""


def violations(files: Collection[str], steps: Sequence[Rules]) -> Mapping[str, str]:
    """The files that none of these steps may have changed, each with why: what one of them protects is nobody's, and
    what one of them may write was perhaps written by it. Files of nobody are judged by nobody."""
    protected = dict.fromkeys(pattern for _, patterns in steps for pattern in patterns)
    open_to_all = not steps or any(writes is None for writes, _ in steps)
    writable = dict.fromkeys(pattern for writes, _ in steps for pattern in writes or ())
    wrong = {}
    for file in files:
        if (pattern := _matching(file, protected)) is not None:
            wrong[file] = f"`{pattern}` is protected"
        elif not open_to_all and _matching(file, writable) is None:
            wrong[file] = f"not in `writes`: {', '.join(writable)}" if writable else "nothing was to be changed"
    return wrong


def _matching(file: str, patterns: Collection[str]) -> str | None:
    return next((pattern for pattern in patterns if compiled(pattern).fullmatch(file)), None)

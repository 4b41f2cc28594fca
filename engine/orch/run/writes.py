"""Which changed files were not to be changed? Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from orch.spec.globs import compiled, fixed_folder

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
        if (pattern := _matching(file, protected) or _instead(file, protected)) is not None:
            wrong[file] = f"`{pattern}` is protected"
        elif not open_to_all and _matching(file, writable) is None:
            wrong[file] = f"not in `writes`: {', '.join(writable)}" if writable else "nothing was to be changed"
    return wrong


def _matching(file: str, patterns: Collection[str]) -> str | None:
    return next((pattern for pattern in patterns if compiled(pattern).fullmatch(file)), None)


def _instead(file: str, patterns: Collection[str]) -> str | None:
    """The pattern in the place of whose folder the file is: what lies there is no longer where it is looked for."""
    return next((pattern for pattern in patterns if f"{_folder(pattern)}/".startswith(f"{file}/")), None)


def _folder(pattern: str) -> str:
    folder = fixed_folder(pattern)
    return folder if folder else "/"

"""The files of a project as they are now, for those who look at them when a plan is made."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

from orch.spec.globs import compiled, fixed_folder, is_pattern
from orch.spec.repository import IGNORED

MAX_TEXT_BYTES = 1 << 20
MAX_ENTRIES = 100_000


class Checkout:
    """The tree below a root. Links to folders are not followed, folders that stacks and tools make are not entered."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._found: dict[str, list[str]] = {}

    def is_file(self, path: str) -> bool:
        """Is there a regular file of this path?"""
        return os.path.isfile(os.path.join(self._root, path))

    def matching(self, pattern: str) -> Sequence[str]:
        """The paths that the pattern means, sorted; at most a hundred thousand entries are looked at."""
        if pattern not in self._found:
            self._found[pattern] = self._find(pattern.removeprefix("./"))
        return self._found[pattern]

    def _find(self, pattern: str) -> list[str]:
        if not is_pattern(pattern):
            return [pattern] if self.is_file(pattern) else []
        start, whole = fixed_folder(pattern), compiled(pattern)
        rest = pattern[len(start) :].lstrip("/")
        deep = "/" in rest or "**" in rest
        return sorted(path for path in self._walk(start, deep=deep) if whole.fullmatch(path))

    def text(self, path: str) -> str | None:
        """The text of a regular file of at most a MiB; None where it cannot be read."""
        try:
            with open(os.path.join(self._root, path), "rb", opener=_without_waiting) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                data = file.read(MAX_TEXT_BYTES + 1)
        except OSError:
            return None
        return data.decode("utf-8", "replace") if len(data) <= MAX_TEXT_BYTES else None

    def _walk(self, start: str, *, deep: bool) -> Iterator[str]:
        folders, seen = [start], 0
        while folders and seen < MAX_ENTRIES:
            folder = folders.pop()
            try:
                with os.scandir(os.path.join(self._root, folder)) as entries:
                    found = list(entries)
            except OSError:
                continue
            seen += len(found)
            for entry in found:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if deep and entry.name not in IGNORED:
                        folders.append(path)
                elif entry.is_file():
                    yield path


def _without_waiting(path: str, flags: int) -> int:
    """For `open`: a pipe has no writer that would be waited for."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)

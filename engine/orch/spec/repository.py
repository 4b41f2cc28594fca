"""What can be asked of a repository when a plan is made, and the answers of one that is only written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from orch.spec.globs import compiled


class Repository(Protocol):
    """A tree of files; paths are relative to its root, with `/`."""

    def is_file(self, path: str) -> bool:
        """Is there a regular file of this path?"""
        ...

    def matching(self, pattern: str) -> Sequence[str]:
        """The paths that a pattern means, sorted; not those that stacks and tools make, such as node_modules."""
        ...

    def text(self, path: str) -> str | None:
        """The text of a file; None where it cannot be read, or is longer than a file that people write."""
        ...


IGNORED = frozenset(
    (".git", ".hg", ".orch", ".runs", ".venv", "venv", ".tox", ".nox", "__pycache__", "node_modules", "target", "dist")
)
"""Folders in which nobody keeps sources."""


class WrittenDown:
    """A repository given as paths and texts."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def is_file(self, path: str) -> bool:
        """Is it among the paths?"""
        return path in self._files

    def matching(self, pattern: str) -> Sequence[str]:
        """The paths that the pattern means."""
        return meant(pattern, self._files)

    def text(self, path: str) -> str | None:
        """The text that was given."""
        return self._files.get(path)


def meant(pattern: str, paths: Iterable[str]) -> list[str]:
    """Those of the paths that the pattern means and that lie in no ignored folder."""
    whole = compiled(pattern)
    return sorted(path for path in paths if whole.fullmatch(path) and IGNORED.isdisjoint(path.split("/")[:-1]))

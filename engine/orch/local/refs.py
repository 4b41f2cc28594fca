"""The refs of one run, which only its owner writes."""

from __future__ import annotations

import os
from contextlib import suppress

from orch.local.repository import Repository


class Refs:
    """`common` is the folder that git keeps for the repository."""

    def __init__(self, repository: Repository, common: str) -> None:
        self._repository, self._common = repository, common

    def commit_of(self, ref: str) -> str:
        """The id of the commit that it stands on. Raises GitTrouble where there is none."""
        return self._git("rev-parse", "--verify", ref)

    def set(self, ref: str, commit: str, before: str | None = None) -> None:
        """Have it stand on the commit; where `before` is given, only if it stood there (empty: was not there)."""
        self._unlock(ref)
        self._git("update-ref", ref, commit, *([before] if before is not None else []))

    def remove(self, ref: str) -> None:
        """Have it no more."""
        self._unlock(ref)
        self._git("update-ref", "-d", ref)

    def remove_below(self, prefix: str) -> None:
        """Have none below a prefix any more, at once."""
        refs = self._git("for-each-ref", "--format=%(refname)", prefix).split()
        for ref in refs:
            self._unlock(ref)
        deletes = os.fsencode("".join(f"delete {ref}\n" for ref in refs))
        self._repository.raw(self._repository.tree, "update-ref", "--stdin", given=deletes)

    def _unlock(self, ref: str) -> None:
        """A lock on a ref that nobody else writes is what a git that was killed has left."""
        with suppress(FileNotFoundError):
            os.unlink(f"{self._common}/{ref}.lock")

    def _git(self, *arguments: str) -> str:
        return self._repository.git(self._repository.tree, *arguments)

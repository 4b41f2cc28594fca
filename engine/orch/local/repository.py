"""A repository as the engine asks and adds to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress

from orch.local.git import GitTrouble, alone, configured, run_git

SLOW_SECONDS = 600.0
MADE = (".runs", ".orch")  # what runs leave at a project's root
_ESCAPE = "\\"
_NOBODY = ("orch", "orch@localhost")


def but(pattern: str, *magic: str) -> str:
    """The pathspec that leaves out what is of this shape. It begins with a backslash: `git add` takes an ignored folder
    for one that it was asked to add, if it is named plainly, even to leave it out."""
    return f":({','.join(('exclude', *magic, 'glob'))}){pattern if pattern[0] == _ESCAPE else _ESCAPE + pattern}"


class Repository:
    """A repository as the engine writes to it; `tree` is any of its trees. What is written is `durable`, or may be gone
    after a power cut."""

    def __init__(self, tree: str, environment: Mapping[str, str], *, durable: bool = True) -> None:
        self.tree = tree
        self._environment = environment
        own = configured(tree, environment, "core.excludesfile", "user.name", "user.email")
        ignored = own.get("core.excludesfile", "")
        if ignored.startswith("~/"):
            ignored = environment.get("HOME", "~") + ignored[1:]
        self.ignored = ignored or f"{environment.get('HOME', '')}/.config/git/ignore"
        self._settings = [] if durable else ["-c", "core.fsync=none"]
        self._settings += ["-c", f"core.excludesFile={ignored}"] if ignored else []
        self.project = (":/", *(but(f"{name}/**") for name in MADE))
        self._who = own.get("user.name", _NOBODY[0]), own.get("user.email", _NOBODY[1])

    def git(self, tree: str, *arguments: str, **more: str) -> str:
        """What git prints, without the newline at its end."""
        return os.fsdecode(self.raw(tree, *arguments, given=b"", **more)).rstrip("\n")

    def raw(self, tree: str, *arguments: str, given: bytes = b"", **more: str) -> bytes:
        """What git prints, as it is. Raises GitTrouble."""
        environment = alone(self._environment, **more)
        return run_git(tree, [*self._settings, *arguments], environment, given, seconds=SLOW_SECONDS)

    def resolve(self, name: str) -> str | None:
        """The id of the commit of that name."""
        try:
            return self.git(self.tree, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        except GitTrouble:
            return None

    def dirt(self, apart: str) -> list[str]:
        """The files of the checkout that differ from HEAD; ignored ones do not count, nor what runs leave, nor what
        matches `apart`, from the project's root on."""
        left_out = (*self.project, but(apart))
        out = self.raw(
            self.tree, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *left_out
        )
        return [os.fsdecode(entry[3:]) for entry in out.split(b"\0") if entry]

    def folder(self, tree: str) -> str:
        """Where git keeps what it knows of the tree."""
        return self.git(tree, "rev-parse", "--absolute-git-dir")

    def entries(self, common: str, tree: str) -> list[str]:
        """The folders below the repository's own one where git knows of that tree."""
        found = []
        with suppress(FileNotFoundError):
            for entry in os.scandir(f"{common}/worktrees"):
                with (
                    suppress(OSError),
                    open(f"{entry.path}/gitdir", encoding="utf-8", errors="surrogateescape") as file,
                ):
                    found += [entry.path] if file.read().rstrip("\n") == f"{tree}/.git" else []
        return found

    def snapshot(self, tree: str, own: str, index: str, apart: str) -> str:
        """The id of all that the tree holds there and is not ignored; what matches `apart` is as in HEAD. `index`
        becomes an index of it. The tree's `own` stays as it is; the copy has its time, too: with another one git would
        miss changes."""
        with suppress(FileNotFoundError):
            shutil.copy2(own, index)
        with suppress(FileNotFoundError):
            os.unlink(f"{index}.lock")
        self.git(tree, "add", "--all", "--", *self.project, but(apart), GIT_INDEX_FILE=index)
        self.git(tree, "reset", "--quiet", "--", f":(glob){apart}", GIT_INDEX_FILE=index)
        return self.git(tree, "write-tree", GIT_INDEX_FILE=index)

    def commit(self, content: str, parent: str, message: str, at_ms: int) -> str:
        """The id of a new commit, which no branch holds yet."""
        name, mail = self._who
        date = f"{at_ms // 1000} +0000"
        who = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", name), ("EMAIL", mail), ("DATE", date))
        }
        return self.git(self.tree, "commit-tree", content, "-p", parent, "-m", message, **who)

"""A git folder of the engine's own: trees are read, written and compared through it with the settings that the
repository had when the run began, whatever nodes have written into the folders that git keeps for the repository and
for the trees."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress

from orch.local.repository import Repository
from orch.local.settings import Settings

_SETTINGS = (
    *("-c", "core.excludesFile=/dev/null"),
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "core.bare=false"),
    *("-c", "core.checkStat=default"),
    *("-c", "core.trustctime=true"),
    *("-c", "core.sparseCheckout=false"),
    *("-c", "core.splitIndex=false"),
    *("-c", "core.untrackedCache=false"),
)


class Sealed:
    """`folder` is made afresh for each use, from what was read when the run began, and is `held` for its next owners.
    `common` is the repository's own folder; `paths` is what of a tree is looked at."""

    def __init__(self, folder: str, common: str, repository: Repository, paths: Sequence[str], held: Settings) -> None:
        self.folder, self._common, self._repository, self._paths = folder, common, repository, paths
        self._held = held
        self._indexes = f"{folder}-indexes"
        self._seen: dict[str, bytes] = {}

    def git(self, tree: str, *arguments: str, **more: str) -> str:
        """What git prints, without the newline at its end."""
        return os.fsdecode(self.raw(tree, *arguments, given=b"", **more)).rstrip("\n")

    def raw(self, tree: str, *arguments: str, given: bytes = b"", **more: str) -> bytes:
        """What git prints, as it is. Commits are known by their ids only. Raises GitTrouble."""
        self._lay_out()
        objects = f"{self._common}/objects"
        own = {"GIT_DIR": self.folder, "GIT_WORK_TREE": tree, "GIT_OBJECT_DIRECTORY": objects}
        return self._repository.raw(tree, *_SETTINGS, *arguments, given=given, **own, **more)

    def content(self, tree: str, name: str, begun: str) -> str:
        """The id of all that the tree holds and is not ignored; what is not looked at is as in that commit."""
        index = self.index(name)
        self.git(tree, "read-tree", "--reset", begun, GIT_INDEX_FILE=index)
        self.git(tree, "add", "--all", "--", *self._paths, GIT_INDEX_FILE=index)
        content = self.git(tree, "write-tree", GIT_INDEX_FILE=index)
        self._seen[name] = _digest(index)
        return content

    def bring(self, tree: str, name: str, begun: str, commit: str) -> None:
        """Make the files of the tree, which began at one commit, those of another one."""
        index = self.index(name)
        self.git(tree, "read-tree", "--reset", begun, GIT_INDEX_FILE=index)
        self.git(tree, "read-tree", "--reset", "-u", commit, GIT_INDEX_FILE=index)
        self._seen[name] = _digest(index)

    def with_entries(self, tree: str, entries: bytes) -> str:
        """The id of the content of the index of the run's own tree with these entries, as `git update-index` reads
        them."""
        index = self.index("")
        self.raw(tree, "update-index", "-z", "--index-info", given=entries, GIT_INDEX_FILE=index)
        content = self.git(tree, "write-tree", GIT_INDEX_FILE=index)
        self._seen[""] = _digest(index)
        return content

    def clean(self, tree: str, name: str) -> None:
        """Remove what is neither in the index of the tree nor ignored."""
        self.git(tree, "clean", "--quiet", "-ffd", "--", *self._paths, GIT_INDEX_FILE=self.index(name))

    def publish(self, name: str, folder: str) -> None:
        """Let the tree itself, whose git folder this is, have the index."""
        shutil.copy2(self.index(name), f"{folder}/orch-index")
        os.replace(f"{folder}/orch-index", f"{folder}/index")

    def forget(self, name: str) -> None:
        """That tree is another one from now on, or gone."""
        self._seen.pop(name, None)
        with suppress(FileNotFoundError):
            os.unlink(f"{self._indexes}/{name or 'run'}")

    def index(self, name: str) -> str:
        """The path of the index of that tree. It is empty, or as it was left here: then git compares only the files
        with another time, size or inode, and no node can set the time of the last change of an inode."""
        os.makedirs(self._indexes, mode=0o700, exist_ok=True)
        index = f"{self._indexes}/{name or 'run'}"
        with suppress(FileNotFoundError):
            os.unlink(f"{index}.lock")
        if name not in self._seen or _digest(index) != self._seen[name]:
            with suppress(FileNotFoundError):
                os.unlink(index)
        return index

    def _lay_out(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in ("refs", "info"):
            os.makedirs(f"{self.folder}/{folder}", mode=0o700)
        if os.path.isdir(f"{self._common}/lfs"):  # where its filter keeps what it takes out of files
            os.symlink(f"{self._common}/lfs", f"{self.folder}/lfs")
        for file, text in {**self._held, "HEAD": "ref: refs/heads/none\n"}.items():
            with open(f"{self.folder}/{file}", "w", encoding="utf-8", errors="surrogateescape") as out:
                out.write(text)


def _digest(path: str) -> bytes:
    return hashlib.sha256(_bytes(path)).digest()


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""

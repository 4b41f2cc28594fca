"""A git folder of the engine's own: trees are read through it with the settings that the repository had when the run
began, whatever nodes have written into the folders that git keeps for the repository and for the trees."""

from __future__ import annotations

import os
import shutil

_CONFIG = ("config", "config.worktree", "info/attributes", "info/exclude")
SETTINGS = (
    *("-c", "core.excludesFile=/dev/null"),
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "core.bare=false"),
    *("-c", "core.sparseCheckout=false"),
    *("-c", "core.splitIndex=false"),
    *("-c", "core.untrackedCache=false"),
)


class Sealed:
    """`folder` is made afresh for each use, from what is held here; it is there for the next owner, who begins with
    it. `ignored` is the user's own list of ignored files."""

    def __init__(self, folder: str, common: str, ignored: str) -> None:
        self._folder, self._common = folder, common
        self.index = f"{folder}/index"
        known = os.path.exists(f"{folder}/whole")
        self._held = {name: _bytes(f"{folder if known else common}/{name}") for name in _CONFIG}
        if not known:
            self._held["info/exclude"] = _bytes(ignored) + b"\n" + self._held["info/exclude"]

    def fresh(self, tree: str) -> dict[str, str]:
        """The variables for a git that sees the tree so, with an index that is empty."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for folder in ("refs", "info"):
            os.makedirs(f"{self._folder}/{folder}", mode=0o700)
        if os.path.isdir(f"{self._common}/lfs"):  # where its filter keeps what it takes out of files
            os.symlink(f"{self._common}/lfs", f"{self._folder}/lfs")
        for name, data in {**self._held, "HEAD": b"ref: refs/heads/none\n", "whole": b""}.items():
            with open(f"{self._folder}/{name}", "wb") as file:
                file.write(data)
        return {
            "GIT_DIR": self._folder,
            "GIT_WORK_TREE": tree,
            "GIT_INDEX_FILE": self.index,
            "GIT_OBJECT_DIRECTORY": f"{self._common}/objects",
        }


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""

"""Files that are there and that git does not look at, because a list of ignored files says so that is not the one of
the commit that the tree began at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress

from orch.local.git import GitTrouble
from orch.local.sealed import Sealed
from orch.model.names import lies_within

_LIST = b"/.gitignore"


def hidden(sealed: Sealed, tree: str, name: str, commit: str, where: Sequence[str]) -> list[str]:
    """Their paths in the tree; `where` are pathspecs. Raises GitTrouble."""
    found = _ignored(sealed, tree, name, where, "--directory")
    if not found:
        return []
    rules = f"{sealed.folder}-rules"
    shutil.rmtree(rules, ignore_errors=True)
    _lay_out(sealed, tree, commit, rules)
    left = _not_ignored(sealed, rules, found)
    folders = [path for path in left if path.endswith(b"/")]
    within = [f":(top,literal){os.fsdecode(path)}" for path in folders]
    inside = _ignored(sealed, tree, name, within) if within else []
    files = {*left, *(_not_ignored(sealed, rules, inside) if inside else ())} - {*folders}
    shutil.rmtree(rules, ignore_errors=True)
    return sorted(map(os.fsdecode, files))


def remove(tree: str, files: Iterable[str]) -> None:
    """Remove these files of a tree, and nothing that is elsewhere."""
    for file in files:
        if lies_within(os.path.realpath(tree), os.path.realpath(os.path.dirname(f"{tree}/{file}"))):
            with suppress(OSError):
                os.unlink(f"{tree}/{file}")


def _ignored(sealed: Sealed, tree: str, name: str, where: Sequence[str], *options: str) -> list[bytes]:
    words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", *options, "--", *where)
    return sealed.raw(tree, *words, GIT_INDEX_FILE=sealed.index(name)).split(b"\0")[:-1]


def _lay_out(sealed: Sealed, tree: str, commit: str, rules: str) -> None:
    """The lists of ignored files of the commit, and nothing else."""
    os.makedirs(rules, mode=0o700)
    for line in sealed.raw(tree, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        entry, _, path = line.partition(b"\t")
        if (b"/" + path).endswith(_LIST) and entry.startswith(b"100"):
            place = os.path.join(os.fsencode(rules), path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                file.write(sealed.raw(tree, "cat-file", "blob", os.fsdecode(entry.split(b" ")[2])))


def _not_ignored(sealed: Sealed, rules: str, paths: Iterable[bytes]) -> list[bytes]:
    """Those that the laid out lists do not name."""
    for path in paths:
        if path.endswith(b"/"):  # git tells a folder by looking
            os.makedirs(os.path.join(os.fsencode(rules), path), exist_ok=True)
    given = b"".join(path + b"\0" for path in paths)
    try:
        said = sealed.raw(rules, "check-ignore", "-z", "--no-index", "--stdin", given=given)
    except GitTrouble as error:
        if error.code != 1:  # none is ignored
            raise
        said = error.out
    ignored = set(said.split(b"\0"))
    return [path for path in paths if path not in ignored]

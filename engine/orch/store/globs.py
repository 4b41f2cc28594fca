"""Which files of a tree does a glob mean? Walked with as few calls as the pattern allows; links are not followed."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator

NEVER = frozenset((".git", ".runs"))
"""What no glob means, wherever it lies: what git and orch keep there changes with every run."""
_MAGIC = re.compile(r"[*?\[]")

Found = tuple[str, os.stat_result]


def matches(root: str, glob: str) -> Iterable[Found]:
    """Every file (a link is one, too) that the glob means, relative to `root`, with its own status. A pattern without
    a wildcard that names a folder means all that is in it. Raises OSError where a folder cannot be read."""
    if is_pattern(glob):
        return _within(root, "", glob.split("/"))
    parts = glob.split("/")
    if "." in parts:
        parts = [part for part in parts if part != "."]
        glob = "/".join(parts)
    return _named(root, glob) if NEVER.isdisjoint(parts) else ()


def is_pattern(glob: str) -> bool:
    """Does it hold a wildcard?"""
    return _MAGIC.search(glob) is not None


def _within(root: str, folder: str, parts: list[str]) -> Iterator[Found]:
    for place, part in enumerate(parts):
        if part in NEVER:
            return
        rest = parts[place + 1 :]
        if part == "**":
            yield from _deep(root, folder, rest)
            return
        if is_pattern(part):
            yield from _wild(root, folder, part, rest)
            return
        if part != ".":
            folder = f"{folder}{part}/"
    yield from _named(root, folder[:-1])


def _named(root: str, path: str) -> Iterable[Found]:
    """What a path means: itself, or all that is in it."""
    try:
        found = os.lstat(f"{root}/{path}")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    if stat.S_ISDIR(found.st_mode):
        return _deep(root, f"{path}/" if path else "", ["*"])
    return ((path, found),)


def _wild(root: str, folder: str, pattern: str, rest: list[str]) -> Iterator[Found]:
    """The entries of a folder that a pattern with a wildcard means, or what is in them."""
    fits = _fits(pattern)
    for entry in _entries(root, folder):
        if not fits(entry.name):
            continue
        if not rest:
            if not entry.is_dir(follow_symlinks=False):
                yield folder + entry.name, entry.stat(follow_symlinks=False)
        elif _is_entered(entry):
            yield from _within(root, f"{folder}{entry.name}/", rest)


def _deep(root: str, folder: str, rest: list[str]) -> Iterator[Found]:
    """`rest` in this folder and in all below it; nothing twice."""
    while rest and rest[0] == "**":
        rest = rest[1:]
    rest = rest or ["*"]
    if len(rest) > 1:  # found at several depths, perhaps
        seen: set[str] = set()
        for below in _folders(root, folder):
            for path, found in _within(root, below, rest):
                if path not in seen:
                    seen.add(path)
                    yield path, found
        return
    fits = _fits(rest[0])
    agenda = [folder]
    while agenda:
        here = agenda.pop()
        for entry in _entries(root, here):
            if _is_entered(entry):
                agenda.append(f"{here}{entry.name}/")
            elif fits(entry.name) and not entry.is_dir(follow_symlinks=False):
                yield here + entry.name, entry.stat(follow_symlinks=False)


def _folders(root: str, folder: str) -> Iterator[str]:
    agenda = [folder]
    while agenda:
        here = agenda.pop()
        yield here
        agenda += [f"{here}{entry.name}/" for entry in _entries(root, here) if _is_entered(entry)]


def _is_entered(entry: os.DirEntry[str]) -> bool:
    """Does a wildcard go into it? Folders with a dot hold what tools keep for themselves, and are meant by name."""
    return not entry.name.startswith(".") and entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False)


def _entries(root: str, folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(f"{root}/{folder}") as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _fits(pattern: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(pattern)).match if pattern != "*" else lambda name: True

"""Open a file of the project without ever leaving it: no symbolic link is followed, no `..` climbed."""

from __future__ import annotations

import os
import stat
from hashlib import sha1, sha256
from typing import NamedTuple

from orch.gates.facts import Trouble

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Refused(Exception):
    """The file cannot be had; `trouble` says why."""

    def __init__(self, kind: str, about: str) -> None:
        super().__init__(kind, about)
        self.trouble = Trouble(kind=kind, about=about)


class Digests(NamedTuple):
    """What a file is: its mode as git writes it, the sha256 of its bytes, and the ids git gives them (sha1, sha256)."""

    mode: str
    sha256: str
    blobs: tuple[str, str]


def printable(path: str) -> str:
    """The path as a record, a terminal and a digest can hold it: bytes that are no text, and characters that hide, as
    escapes. Such a name is never that of a file which a subject or a decision may have."""
    return path if path.isprintable() else ascii(path)[1:-1]


def parts_of(path: str) -> list[str]:
    """The components of a relative path. Raises `Refused` where it is empty, absolute, climbs, lies in `.git` or
    `.runs`, or cannot stand in a record."""
    if not path.isprintable() or "\\" in path:
        raise Refused("bad-name", ascii(path))
    parts = path.removeprefix("./").split("/")
    if any(part in ("", ".", "..") for part in parts) or parts[0] == ".runs" or ".git" in parts:
        raise Refused("outside", path or "an empty path")
    return parts


def open_inside(root: str, path: str) -> int:
    """A descriptor of the regular file at `path` below `root`. The caller closes it. Raises `Refused`."""
    parts = parts_of(path)
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("unreadable", path) from error
    try:
        for at, part in enumerate(parts[:-1]):
            below = _open_at(part, _FOLDER, folder, "/".join(parts[: at + 1]), path)
            os.close(folder)
            folder = below
        file = _open_at(parts[-1], _FILE, folder, path, path)
    finally:
        os.close(folder)
    mode = os.fstat(file).st_mode
    if stat.S_ISREG(mode):
        return file
    os.close(file)
    raise Refused("folder" if stat.S_ISDIR(mode) else "not-regular", path)


def _open_at(name: str, flags: int, folder: int, so_far: str, path: str) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError as error:
        raise Refused("missing", path) from error
    except OSError as error:
        try:
            if stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode):
                raise Refused("symlink", so_far) from error
        except OSError:
            pass
        raise Refused("missing" if isinstance(error, NotADirectoryError) else "unreadable", path) from error


def read_inside(root: str, path: str, limit_bytes: int) -> bytes:
    """The bytes of the file; `Refused` also where it is longer than the limit."""
    with open(open_inside(root, path), "rb") as file:
        try:
            data = file.read(limit_bytes + 1)
        except OSError as error:
            raise Refused("unreadable", path) from error
    if len(data) > limit_bytes:
        raise Refused("bad-file", f"{path} is longer than {limit_bytes} bytes")
    return data


def digests_inside(root: str, path: str) -> Digests:
    """Mode and digests of the file, from one reading of it."""
    with open(open_inside(root, path), "rb") as file:
        status = os.fstat(file.fileno())
        head = b"blob %d\0" % status.st_size
        plain, old, new = sha256(), sha1(head, usedforsecurity=False), sha256(head)
        try:
            while block := file.read(1 << 20):
                for digest in (plain, old, new):
                    digest.update(block)
        except OSError as error:
            raise Refused("unreadable", path) from error
    mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
    return Digests(mode, plain.hexdigest(), (old.hexdigest(), new.hexdigest()))

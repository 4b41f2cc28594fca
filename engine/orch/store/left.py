"""What commands leave in folders that are theirs to write: anything may lie there under any name."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO


def remove(path: str) -> None:
    """Remove a file, a link or a whole folder; nothing where there is none. A link is not followed, and a folder that
    was closed to its owner is opened. Raises OSError where it cannot be removed."""
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
    except FileNotFoundError:
        return
    try:
        os.rmdir(path)
        return
    except OSError:
        from shutil import rmtree

        os.chmod(path, 0o700)
    for folder, subfolders, _ in os.walk(path):
        for name in subfolders:
            if not os.path.islink(f"{folder}/{name}"):
                os.chmod(f"{folder}/{name}", 0o700)
    rmtree(path)


def open_regular(path: str) -> BinaryIO:
    """A regular file, opened for reading. Raises ValueError for anything else, such as a link or a pipe, or OSError."""
    if os.path.islink(path):
        raise ValueError("not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("not a regular file")
    return os.fdopen(descriptor, "rb")


def read_regular(path: str, limit: int) -> bytes:
    """The bytes of a regular file, at most `limit`. Raises OSError or ValueError."""
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"over {limit // 1024} KiB")
    return data

"""Removes what commands have left, whatever they made of it."""

from __future__ import annotations

import os
import stat


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

"""Compiled plans, kept between commands: a miss costs time and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import stat
import sys
from typing import Any

from orch.store.atomic import read_file, write_file

_MAGIC = f"orch-plan 1 {sys.implementation.cache_tag} {marshal.version}\n".encode()
_DIGEST_BYTES = 32
MOST_ENTRIES = 64
MOST_BYTES = 512 * 1024 * 1024


def load(folder: str, key: str) -> Any | None:
    """The value kept under `key` (hex), or None: where there is none, where it is damaged, and where the folder is not
    only ours, since what comes out is run."""
    try:
        if not _is_ours(folder):
            return None
        data = read_file(f"{folder}/{key}")
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST_BYTES
    payload = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != _digest(key, payload):
        return None
    try:
        return marshal.loads(payload)
    except (ValueError, EOFError, TypeError):
        return None


def save(folder: str, key: str, value: Any) -> None:
    """Keep a value of plain lists, tuples, dicts, texts and numbers. Nothing happens where it cannot be written."""
    payload = marshal.dumps(value)
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if _is_ours(folder):
            write_file(f"{folder}/{key}", _MAGIC + _digest(key, payload) + payload, unique=True)
            _prune(folder)


def _digest(key: str, payload: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(key.encode() + b"\n", digest_size=_DIGEST_BYTES)
    digest.update(payload)
    return digest.digest()


def _is_ours(folder: str) -> bool:
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _prune(folder: str) -> None:
    """Keep the newest; saving is rare enough to look every time."""
    with os.scandir(folder) as entries:
        files = [(entry.stat(follow_symlinks=False), entry.path) for entry in entries]
    files.sort(key=lambda file: file[0].st_mtime_ns, reverse=True)
    total = 0
    for number, (found, path) in enumerate(files, 1):
        total += found.st_size
        if number > 1 and (number > MOST_ENTRIES or total > MOST_BYTES):
            with contextlib.suppress(OSError):
                os.unlink(path)

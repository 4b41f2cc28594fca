"""Files that are there whole or not at all: written beside and renamed."""

from __future__ import annotations

import os
from _thread import get_ident

BESIDE = ".new"
"""The ending of a file that is not finished; what a crash leaves of it is removed by the next owner."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def write_file(path: str, data: bytes, *, mode: int = 0o600, durable: bool = False, unique: bool = False) -> None:
    """Put `data` at `path`, replacing what is there. Not synced unless `durable`, and then the caller still has to
    sync the folder. For one writer at a time, unless `unique`. Raises OSError with the path."""
    beside = f"{path}.{os.getpid()}.{get_ident()}{BESIDE}" if unique else path + BESIDE
    try:
        fd = os.open(beside, _CREATE, mode)
        try:
            write_all(fd, data)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    os.rename(beside, path)


def write_all(fd: int, data: bytes) -> None:
    """Write all of it; raises OSError, without a path, where the system takes no more."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)[written:]
        while view:
            view = view[os.write(fd, view) :]


def sync_folder(path: str) -> None:
    """Make the names in a folder durable. Raises OSError with the path."""
    _sync(path, os.O_DIRECTORY)


def sync_file(path: str) -> None:
    """Make the bytes of a file durable. Raises OSError with the path."""
    _sync(path, os.O_NOFOLLOW)


def _sync(path: str, how: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | how)
    try:
        os.fsync(fd)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(fd)


def sync_everything(folder: str) -> bool:
    """Make all durable that was written to the file system of a folder, at once; false where the system has no call for
    that, and nothing was done. Raises OSError with the path."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        return False
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if libc.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), folder)
    finally:
        os.close(fd)
    return True


def read_file(path: str) -> bytes:
    """The bytes of a regular file that is not a symbolic link. Raises OSError with the path."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as file:
        return file.readall()

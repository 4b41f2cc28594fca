"""The content store of a run: files named by the sha256 of what is in them, read-only, each kept once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from orch.model.names import lies_within
from orch.store.atomic import BESIDE, sync_everything, sync_file, sync_folder, write_all

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

_BLOCK = 1 << 20
FEW = 16
"""Files: up to so many are synced one by one, and not with whatever else waits to be written in their file system."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotKeepable(Exception):
    """A file that cannot be kept as it is, through its own fault; the text says why, without its path."""


class HoldsSecret(NotKeepable):
    """A file in which a secret stands; `secret` is its name."""

    def __init__(self, secret: str) -> None:
        super().__init__(f"holds the secret {secret}")
        self.secret = secret


class Cas:
    """The store below `<run>/cas`. With `durable` a file is on the disk before its name is given. One writer."""

    def __init__(self, run_path: str, *, durable: bool) -> None:
        self._root = os.path.join(run_path, "cas", "sha256")
        self._beside = os.path.join(run_path, "cas", "incoming" + BESIDE)
        self._durable = durable
        folder = os.path.dirname(self._root)
        self._unsynced = {self._root: None, folder: None, run_path: None}  # names in them; once an owner is enough

    def path_of(self, sha256: str) -> str:
        """Where the bytes with this digest (hex) lie, or would lie."""
        return os.path.join(self._root, sha256[:2], sha256)

    def put_bytes(self, data: bytes) -> str:
        """Keep these bytes; their sha256 (hex). Raises OSError with a path."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self._has(sha256, len(data)):
            fd = self._incoming()
            try:
                write_all(fd, data)
            except OSError as error:
                os.close(fd)
                raise OSError(error.errno, error.strerror, self.path_of(sha256)) from error
            self._keep(fd, sha256)
        return sha256

    def put_together(self, several: Iterable[bytes]) -> list[str]:
        """Keep each of these bytes; their sha256 (hex). Many are synced at once, before any gets its name. Nothing is
        kept where the iterable raises."""
        found: list[str] = []
        waiting: dict[str, str] = {}
        try:
            for data in several:
                sha256 = hashlib.sha256(data).hexdigest()
                found.append(sha256)
                if sha256 not in waiting and not self._has(sha256, len(data)):
                    waiting[sha256] = f"{self._beside.removesuffix(BESIDE)}.{len(waiting)}{BESIDE}"
                    self._write(waiting[sha256], data)
            folders = self._name(waiting) if waiting else set()
        except BaseException:
            for path in waiting.values():
                with suppress(FileNotFoundError):
                    os.unlink(path)
            raise
        if self._durable and waiting and not (len(waiting) > FEW and sync_everything(self._root)):
            self._sync_names(folders)
        return found

    def _write(self, path: str, data: bytes) -> None:
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        fd = os.open(path, _CREATE, 0o600)
        try:
            write_all(fd, data)
            os.fchmod(fd, 0o444)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
        finally:
            os.close(fd)

    def _name(self, waiting: Mapping[str, str]) -> set[str]:
        """Sync what lies beside, and give it its names; the folders that hold them."""
        if self._durable and not (len(waiting) > FEW and sync_everything(self._root)):
            for path in waiting.values():
                sync_file(path)
        for sha256, path in waiting.items():
            self._rename(path, self.path_of(sha256))
        return {os.path.dirname(self.path_of(sha256)) for sha256 in waiting}

    def _rename(self, beside: str, path: str) -> None:
        try:
            os.rename(beside, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            os.rename(beside, path)
            self._unsynced[self._root] = None

    def _sync_names(self, folders: Iterable[str]) -> None:
        for above in (*folders, *self._unsynced):
            sync_folder(above)
        self._unsynced.clear()

    def put_file(self, path: str, root: str, mask: Mask | None = None) -> tuple[str, int]:
        """Keep a copy of a regular file: its sha256 (hex) and size in bytes. Raises NotKeepable where it is missing, no
        regular file, not below `root` (a real path), or changes while it is read, HoldsSecret where the mask finds
        something in it; OSError where the store cannot take it."""
        try:
            source = os.open(path, _READ)
        except OSError as error:
            raise NotKeepable(_why_not(path, error)) from error
        try:
            real = _path_of_open(source)  # of the file that is read, whatever its path leads to by now
            if not lies_within(root, real):
                raise NotKeepable(f"leads out of the project, to {real}")
            before = os.fstat(source)
            if not stat.S_ISREG(before.st_mode):
                raise NotKeepable("is not a regular file")
            if mask is not None:  # before a byte of it is in the store
                _look_through(source, mask)
            fd = self._incoming()
            try:
                sha256, size = _copy(source, fd, self._root)
                after = os.fstat(source)
                if size != before.st_size or (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns):
                    raise NotKeepable("changed while it was read")
            except BaseException:
                os.close(fd)
                raise
        finally:
            os.close(source)
        if self._has(sha256, size):
            os.close(fd)
            os.unlink(self._beside)
        else:
            self._keep(fd, sha256)
        return sha256, size

    def _has(self, sha256: str, size: int) -> bool:
        try:
            found = os.lstat(self.path_of(sha256))
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def _incoming(self) -> int:
        try:
            return os.open(self._beside, _CREATE, 0o600)
        except FileNotFoundError:
            os.makedirs(self._root, mode=0o700, exist_ok=True)
            return os.open(self._beside, _CREATE, 0o600)

    def _keep(self, fd: int, sha256: str) -> None:
        path = self.path_of(sha256)
        try:
            os.fchmod(fd, 0o444)
            if self._durable:
                os.fsync(fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
        finally:
            os.close(fd)
        self._rename(self._beside, path)
        if self._durable:
            self._sync_names([os.path.dirname(path)])


def _look_through(source: int, mask: Mask) -> None:
    kept = b""
    while True:
        try:
            block = os.read(source, _BLOCK)
        except OSError as error:
            raise NotKeepable(f"cannot be read: {error.strerror}") from error
        found, undecided = mask.look(kept + block)
        if found:
            raise HoldsSecret(found[0].name)
        if not block:
            os.lseek(source, 0, os.SEEK_SET)
            return
        kept = (kept + block)[undecided:]


def _copy(source: int, target: int, where: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while True:
        try:
            block = os.read(source, _BLOCK)
        except OSError as error:
            raise NotKeepable(f"cannot be read: {error.strerror}") from error
        if not block:
            return digest.hexdigest(), size
        digest.update(block)
        size += len(block)
        try:
            write_all(target, block)
        except OSError as error:
            raise OSError(error.errno, error.strerror, where) from error


def _path_of_open(fd: int) -> str:
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{fd}")


def _why_not(path: str, error: OSError) -> str:
    if os.path.islink(path):
        return "is a symbolic link"
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    return f"cannot be read: {error.strerror}"

"""A disk whose power fails: ext4 in a file, of which a copy holds what has reached the disk."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile

from orch.local import linux

_LIBC = ctypes.CDLL(None, use_errno=True)
_MEBIBYTES = 16
_COMMIT_SECONDS = 300
"""How long ext4 may keep to itself what nobody syncs: longer than a trial, so that only syncs count."""


def why_not() -> str | None:
    """Why no disk can be made here; None where one can. From here on the mounts of this process are its own: they go
    when it does, however it ends, and their loop devices with them."""
    if os.geteuid() != 0:
        return "only root may mount a disk"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is missing"
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        try:
            linux.unshare(linux.CLONE_NEWNS)
            _run("mount", "--make-rprivate", "/")
            disk = Disk(folder)
            os.mkdir(place := os.path.join(folder, "place"))
            disk.insert(place)
            disk.remove()
        except (OSError, subprocess.CalledProcessError) as error:
            said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
            return f"no ext4 on a loop device: {said}"
    return None


class Disk:
    """One disk at a time, in files of a folder. `insert` a fresh one where a folder is, let its power `fail`, `remove`
    it."""

    def __init__(self, folder: str) -> None:
        self._blank, self._image = os.path.join(folder, "blank.img"), os.path.join(folder, "disk.img")
        self._place: str | None = None
        with open(self._blank, "wb") as file:
            file.truncate(_MEBIBYTES << 20)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._blank)

    def insert(self, place: str) -> None:
        shutil.copyfile(self._blank, self._image)
        self._mount(place)

    def flush(self) -> None:
        """What is there now is on the disk: what people have, and not what orch has just written."""
        fd = os.open(str(self._place), os.O_RDONLY)
        try:
            if _LIBC.syncfs(fd):
                raise OSError(ctypes.get_errno(), "syncfs")
        finally:
            os.close(fd)

    def fail(self) -> None:
        """What no sync has brought to the disk is gone, and the power is back."""
        place = str(self._place)
        shutil.copyfile(self._image, f"{self._image}.kept")
        self.remove()
        os.rename(f"{self._image}.kept", self._image)
        self._mount(place)

    def remove(self) -> None:
        if self._place is not None:
            _run("umount", self._place)
            self._place = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._image)

    def _mount(self, place: str) -> None:
        _run("mount", "-o", f"loop,commit={_COMMIT_SECONDS}", self._image, place)
        self._place = place


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)

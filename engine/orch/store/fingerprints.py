"""The digests of what steps read from the disk. A file is read again only where its status says that it changed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress

from orch.model.caching import ABSENT, digest_of
from orch.store.atomic import read_file, write_file
from orch.store.globs import Found, is_pattern, matches

FORMAT_VERSION = 1
RACY_NS = 2_000_000_000
"""A file that was written this shortly before it was read may be written again with the same times: the coarsest file
systems count in two seconds. Its digest is not kept."""
MOST_FILES = 500_000
_BLOCK = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Known = dict[str, list[object]]
"""path → size, mtime and ctime in nanoseconds, inode, sha256."""


class Unreadable(Exception):
    """What a step says it reads cannot be read; the text says what."""


def hash_file(path: str) -> str:
    """The sha256 (hex) of a regular file. Raises OSError."""
    with open(os.open(path, _READ), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "not a regular file", path)
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Fingerprints:
    """Of one tree. What was looked at is believed until `forget`. `index` is the file that keeps digests between runs;
    `now_ns` the time of day, by the clock that the file system writes into its files; `read` gives a file's sha256."""

    def __init__(
        self, root: str, index: str, now_ns: Callable[[], int], read: Callable[[str], str] = hash_file
    ) -> None:
        self._root, self._index, self._now_ns, self._read = root, index, now_ns, read
        self._known: Known | None = None
        self._used: Known = {}
        self._changed = False
        self.forget()

    def forget(self) -> None:
        """Look at everything again: what is in the tree may be different now."""
        self._globs: dict[str, dict[str, str]] = {}
        self._tools: dict[tuple[str, str, str], str] = {}
        self._environments: dict[str, str] = {}

    def files(self, glob: str) -> dict[str, str]:
        """The files that a glob means, with their digests, in order. Raises Unreadable."""
        found = self._globs.get(glob)
        if found is None:
            try:
                found = {_text(path): self._file(path, status) for path, status in self._matches(glob)}
            except OSError as error:
                raise Unreadable(f"{self._shown(error)} cannot be read: {error.strerror}") from error
            self._globs[glob] = found
        return found

    def tool(self, name: str, path: str, cwd: str) -> str:
        """Where a program is, its size and its time; it is not run."""
        known = self._tools.get((name, path, cwd))
        if known is None:
            known = self._tools[(name, path, cwd)] = self._program(name, path, cwd)
        return known

    def environment(self, folder: str) -> str:
        """What an adapter has installed: the names in the folder, and the sizes and times of the files right in it. A
        tool that installs writes one there."""
        known = self._environments.get(folder)
        if known is None:
            known = self._environments[folder] = _top(f"{self._root}/{folder}")
        return known

    def content(self, path: str) -> str | None:
        """The sha256 of a file, given with its whole path; None where there is no such file."""
        try:
            return self._sha256(path, os.lstat(path))
        except OSError:
            return None

    def save(self) -> None:
        """Keep the digests for the next run. Nothing happens where that cannot be written."""
        if not self._changed:
            return
        files = self._used
        if self._known is not None and len(self._known) <= min(2 * len(files) + 10_000, MOST_FILES):
            files = self._known | files
        data = json.dumps({"format_version": FORMAT_VERSION, "files": files}, separators=(",", ":"))
        with suppress(OSError):
            write_file(self._index, data.encode(), unique=True)
            self._changed = False

    def _matches(self, glob: str) -> list[Found]:
        found = sorted(matches(self._root, glob))
        if len(found) == 1 and stat.S_ISLNK(found[0][1].st_mode) and not is_pattern(glob):
            path, _ = found[0]
            if path == os.path.normpath(glob) and os.path.isdir(f"{self._root}/{path}"):
                raise Unreadable(f"`{glob}` is a link to a folder: write `{path}/**`")  # nothing in it would count
        return found

    def _file(self, path: str, found: os.stat_result) -> str:
        whole, kind = f"{self._root}/{path}", stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFREG:
            return f"{found.st_mode & 0o777:03o} {self._sha256(whole, found)}"
        if kind == stat.S_IFLNK:
            return f"link {digest_of([_text(os.readlink(whole)), self._target(whole)])}"
        return f"special {kind:o}"

    def _target(self, link: str) -> str:
        """What a link leads to, where that is a file: it is read through the link."""
        real = os.path.realpath(link)
        try:
            found = os.lstat(real)
        except OSError:
            return ABSENT
        return self._sha256(real, found) if stat.S_ISREG(found.st_mode) else "no file"

    def _sha256(self, path: str, found: os.stat_result) -> str:
        if not stat.S_ISREG(found.st_mode):
            raise OSError(None, "not a regular file", path)
        name = _text(path.removeprefix(f"{self._root}/"))
        status = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
        if self._known is None:
            self._known = self._load()
        known = self._used.get(name) or self._known.get(name)
        if isinstance(known, list) and known[:4] == status and len(known) == 5:
            self._used[name] = known
            return str(known[4])
        now = self._now_ns()
        sha256 = self._read(path)
        if max(found.st_mtime_ns, found.st_ctime_ns) + RACY_NS < now:
            self._used[name] = [*status, sha256]
            self._changed = True
        return sha256

    def _load(self) -> Known:
        try:
            kept = json.loads(read_file(self._index))
            files = kept["files"] if kept["format_version"] == FORMAT_VERSION else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}
        return files if isinstance(files, dict) else {}

    def _program(self, name: str, path: str, cwd: str) -> str:
        places = [os.path.join(self._root, cwd)] if "/" in name else path.split(os.pathsep)
        for place in places:
            file = os.path.join(self._root, cwd, place, name)
            if os.access(file, os.X_OK) and os.path.isfile(file):
                found, real = os.stat(file), os.path.realpath(file)
                return digest_of([_text(real), found.st_size, found.st_mtime_ns])
        return ABSENT

    def _shown(self, error: OSError) -> str:
        return _text(str(error.filename).removeprefix(f"{self._root}/")) if error.filename else "a file"


def _top(folder: str) -> str:
    try:
        with os.scandir(folder) as entries:
            found = {_text(entry.name): _mark(entry) for entry in entries}
    except OSError:
        return ABSENT
    return digest_of({name: mark for name, mark in found.items() if mark is not None})


def _mark(entry: os.DirEntry[str]) -> list[int] | None:
    if entry.is_dir(follow_symlinks=False):
        return None if entry.name.startswith(".") else []  # `.cache` and the like are written by whoever works there
    found = entry.stat(follow_symlinks=False)
    return [found.st_size, found.st_mtime_ns]


def _text(name: str) -> str:
    """A name that is not UTF-8 as a text that can stand in a record."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")

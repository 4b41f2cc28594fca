"""Faults at the n-th call by which the engine's own process changes something: hand-written doubles of os functions."""

from __future__ import annotations

import builtins
import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

KILLED = 137
FAULTS = ("kill", "torn", "short", "eio", "enospc", "full", "sync")
"""kill: gone before the call; torn: half of a write is done, or the whole of another call, and the process is gone;
short: a write takes half; eio, enospc: the call fails once; full: no space from here on; sync: a sync fails once."""

_CREATING = ("open", "write", "pwrite", "sendfile", "mkdir", "link")
_WRITING = ("write", "pwrite", "sendfile")
_BITES = {
    "short": _WRITING,
    "enospc": _CREATING,
    "full": _CREATING,
    "sync": ("fsync", "fdatasync"),
}
_TMPFILE = getattr(os, "O_TMPFILE", 0)


_BUILTIN = type(os.write)


class Fault(NamedTuple):
    """`kind` happens at the call number `at` (from 1) of those where it makes sense and whose operation and path the
    pattern `match` is found in."""

    kind: str
    at: int
    match: str = ""


def bites(kind: str, call: str) -> bool:
    """Does a fault of this kind make sense at a call?"""
    return call.partition(" ")[0] in _BITES.get(kind, (call.partition(" ")[0],))


class Injector:
    """Replaces the functions, in `os` and wherever a loaded module of the engine has kept one; what is replaced stays
    replaced. Once it is armed, in a process that is about to be one session of the engine, it counts calls, tells `say`
    of each, and does what the fault says."""

    def __init__(self) -> None:
        self._armed = False
        doubles: dict[Any, Any] = {}
        for name in ("rename", "replace", "link", "symlink", "unlink", "remove", "rmdir", "mkdir", "chmod"):
            doubles[getattr(os, name)] = self._by_path(name)
        for name in ("write", "pwrite", "fsync", "fdatasync", "ftruncate", "fchmod", "posix_fallocate", "sendfile"):
            doubles[getattr(os, name)] = self._by_descriptor(name)
        self._real_open, self._built_in = os.open, builtins.open
        doubles[os.open] = self._open
        modules = [module for name, module in sys.modules.items() if name == "os" or name.split(".")[0] == "orch"]
        for module in modules:
            for name, value in list(vars(module).items()):
                if value.__class__ is _BUILTIN and value in doubles:
                    setattr(module, name, doubles[value])
                for function in _functions(value):
                    _replace_defaults(function, doubles)
        builtins.open = self._open_file

    def arm(self, fault: Fault | None, root: str, say: Callable[[str], None]) -> None:
        """From here on calls are counted. Paths are told relative to `root`."""
        self._armed, self._count = True, 0
        self._fault, self._root, self._say = fault, root, say
        self._match = re.compile(fault.match if fault else "")

    def _open(self, path: Any, flags: int, *args: Any, **named: Any) -> Any:
        if flags & (os.O_CREAT | os.O_TRUNC) or flags & _TMPFILE == _TMPFILE != 0:
            return self._call("open", path, lambda: self._real_open(path, flags, *args, **named))
        return self._real_open(path, flags, *args, **named)

    def _open_file(self, file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        if not isinstance(file, int) and set(mode) & set("wxa+"):
            return self._call("open", file, lambda: self._built_in(file, mode, *args, **named))
        return self._built_in(file, mode, *args, **named)

    def _by_path(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def double(*args: Any, **named: Any) -> Any:
            target = args[1] if name in ("rename", "replace", "link", "symlink") else args[0]
            return self._call(name, target, lambda: real(*args, **named))

        return double

    def _by_descriptor(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def double(fd: int, *args: Any) -> Any:
            if not self._armed:
                return real(fd, *args)
            if not stat.S_ISREG(os.fstat(fd).st_mode) and name not in ("fsync", "fdatasync"):
                return real(fd, *args)
            half = None
            if name in ("write", "pwrite"):
                data = bytes(args[0])
                if len(data) > 1:
                    half = partial(real, fd, data[: len(data) // 2], *args[1:])
            elif name == "sendfile" and args[2] > 1:
                half = partial(real, fd, args[0], args[1], max(1, os.fstat(args[0]).st_size // 2))
            return self._call(name, os.readlink(f"/proc/self/fd/{fd}"), lambda: real(fd, *args), half, about_fd=True)

        return double

    def _call(
        self,
        name: str,
        path: Any,
        real: Callable[[], Any],
        half: Callable[[], int] | None = None,
        *,
        about_fd: bool = False,
    ) -> Any:
        if not self._armed:
            return real()
        shown = os.path.relpath(os.fsdecode(path), self._root) if os.path.isabs(os.fsdecode(path)) else str(path)
        call = f"{name} {shown}"
        fault = self._fault
        if not self._match.search(call) or (fault is not None and not bites(fault.kind, call)):
            return real()
        self._count += 1
        self._say(f"call {call}")
        if fault is None or self._count < fault.at or (self._count > fault.at and fault.kind != "full"):
            return real()
        self._say(f"hit {call}")
        place = () if about_fd else (os.fsdecode(path),)
        if fault.kind == "kill":
            os._exit(KILLED)
        if fault.kind == "torn":
            (half or real)()
            os._exit(KILLED)
        if fault.kind == "short":
            return half() if half else real()
        code = errno.EIO if fault.kind in ("eio", "sync") else errno.ENOSPC
        raise OSError(code, os.strerror(code), *place)


def _functions(value: Any) -> Iterator[FunctionType]:
    """A function, or those of a class; what else a module holds has none."""
    members = vars(value).values() if isinstance(value, type) else (value,)
    for member in tuple(members):
        function = getattr(member, "__func__", member)
        if isinstance(function, FunctionType):
            yield function


def _replace_defaults(function: FunctionType, doubles: dict[Any, Any]) -> None:
    """A call kept as the default of a parameter."""
    named = function.__kwdefaults__ or {}
    for name, value in named.items():
        if value.__class__ is _BUILTIN and value in doubles:
            named[name] = doubles[value]
    defaults = function.__defaults__ or ()
    if any(value.__class__ is _BUILTIN and value in doubles for value in defaults):
        function.__defaults__ = tuple(
            doubles.get(value, value) if value.__class__ is _BUILTIN else value for value in defaults
        )

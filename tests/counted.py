"""Runs `orch` with the words given and tells what it cost: system calls, turns of the loop, modules.

A script, because the engine forks: counts lie in memory that forks share. Prints one JSON object; what orch itself says
goes to stderr.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
from collections.abc import Callable
from typing import Any

NAMES = ("creates", "renames", "folders", "syncs", "writes", "looks", "turns", "idle", "journals")
LOOKS = ("open", "close", "read", "pread", "stat", "lstat", "fstat", "scandir")
_shared = mmap.mmap(-1, 8 * len(NAMES))


def add(name: str, number: int = 1) -> None:
    """Count, in whichever process."""
    at = 8 * NAMES.index(name)
    struct.pack_into("q", _shared, at, struct.unpack_from("q", _shared, at)[0] + number)


def audit(event: str, details: tuple[Any, ...]) -> None:
    """What the interpreter tells of calls that make a name."""
    if event == "open" and details[2] & os.O_CREAT and details[0] != os.devnull:
        add("creates")
    elif event == "open" and str(details[0]).endswith("/journal.ndjson"):
        add("journals")
    elif event == "os.rename":
        add("renames")
    elif event == "os.mkdir":
        add("folders")


def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, counted."""

    def counted(*words: Any, **named: Any) -> Any:
        add(name)
        return call(*words, **named)

    return counted


def _count_idle_waits() -> None:
    """A wait in which nothing ended: requests are looked for, whatever the machine is busy with."""
    from orch.local.executor import LocalExecutor, Running

    wait = LocalExecutor.wait

    def counted(executor: LocalExecutor, timeout_seconds: float | None) -> list[Running]:
        ended = wait(executor, timeout_seconds)
        add("idle", not ended)
        return ended

    LocalExecutor.wait = counted  # type: ignore[method-assign]


def main(argv: list[str]) -> None:
    """Run, then tell."""
    bare = set(sys.modules)
    told = os.dup(1)
    os.dup2(2, 1)
    os.fsync, os.fdatasync = counting("syncs", os.fsync), counting("syncs", os.fdatasync)
    os.write = counting("writes", os.write)
    for name in LOOKS:
        setattr(os, name, counting("looks", getattr(os, name)))
    sys.addaudithook(audit)
    if argv[0] == "apply":
        from orch.run.loop import Loop

        Loop.turns = property(lambda loop: 0, lambda loop, turns: add("turns", bool(turns)))  # type: ignore[assignment]
        _count_idle_waits()
    from orch.cli.main import run

    code = run(argv)
    modules = sorted(set(sys.modules) - bare)
    numbers = {name: struct.unpack_from("q", _shared, 8 * i)[0] for i, name in enumerate(NAMES)}
    with open(told, "w", encoding="utf-8") as out:
        json.dump({"code": code, "modules": modules, **numbers}, out)


if __name__ == "__main__":
    main(sys.argv[1:])

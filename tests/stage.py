"""Plays the steps of a fixture: `orch` in-process with a clock that stands still, the rest by sh.

A script, because the engine forks and no thread may be in its way: reads `{folder, steps}` on stdin and writes
`[{code, out, err}]` to stdout. Each command is carried out in a fork, so that modules are imported once.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orch
from orch.app.context import Context

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE_MS = 60_000
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class Step(NamedTuple):
    """A line of steps.txt: a command with the exit code that it must have, or `at TIME`, which sets the clock."""

    line: str
    command: str
    code: int

    @property
    def at(self) -> datetime | None:
        """The time that is set, where the line sets one."""
        return datetime.fromisoformat(self.command[3:]) if self.command.startswith("at ") else None


class StandingClock:
    """It does not move while a command runs, so that records hold the same times on every machine."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Always the same."""
        return self._now_ms

    def steady(self) -> float:
        """Always the same."""
        return self._now_ms / 1000


def read_steps(path: Path) -> list[Step]:
    """The steps of a fixture: `COMMAND  # exit N`; 0 where no exit code is said."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        command, _, code = line.partition("  # exit ")
        found.append(Step(line, command, int(code or 0)))
    return found


def play(folder: str, steps: Sequence[Step]) -> list[dict[str, str | int]]:
    """Carry out every step, whatever the exit codes."""
    _import_all()
    done: list[dict[str, str | int]] = []
    now_ms = int(BEGIN.timestamp() * 1000)
    for number, step in enumerate(steps):
        if step.at is not None:
            now_ms = int(step.at.timestamp() * 1000)
            done.append({"code": 0, "out": "", "err": ""})
            continue
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = _carry_out(step.command, folder, number, now_ms, out.fileno(), err.fileno())
            done.append({"code": code, "out": _all(out.fileno()), "err": _all(err.fileno())})
        now_ms += MINUTE_MS
    return done


def _import_all() -> None:
    for module in pkgutil.walk_packages(orch.__path__, "orch."):
        if module.name != "orch.__main__":
            importlib.import_module(module.name)


def _carry_out(command: str, folder: str, number: int, now_ms: int, out: int, err: int) -> int:
    words = shlex.split(command)
    first = next(i for i, word in enumerate(words) if not _ASSIGNMENT.match(word))
    if words[first] != "orch":
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
        )
        return done.returncode
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 99
    try:
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
            os.dup2(source, target)
        os.chdir(folder)
        os.environ.update(word.split("=", 1) for word in words[:first])  # type: ignore[arg-type]  # two parts each
        code = _orch(words[first + 1 :], folder, number, now_ms)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _orch(argv: list[str], folder: str, number: int, now_ms: int) -> int:
    from orch.cli.main import run

    def random(count: int) -> bytes:
        return number.to_bytes(count, "big")

    return run(argv, Context(folder, dict(os.environ), cores=1, clock=StandingClock(now_ms), random=random))


def _all(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    with open(os.dup(fd), "rb") as file:
        return file.read().decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(play(asked["folder"], [Step(*step) for step in asked["steps"]]), sys.stdout)

"""Runs a command of the project's beside a run: bounded in time, in a session of its own, which ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO

_LOOK_SECONDS = 0.2
_LAST_BYTES = 512


def run_hook(
    argv: Sequence[str],
    given: bytes,
    *,
    cwd: str,
    env: Mapping[str, str],
    seconds: float,
    stop: Callable[[], bool],
) -> str | None:
    """Run it with `given` on stdin; what went wrong, as the rest of a sentence, or None. It is ended after so many
    seconds, or when `stop` says so. Nothing is raised."""
    try:
        with TemporaryFile() as stdin, TemporaryFile() as said:
            stdin.write(given)
            stdin.seek(0)
            process = subprocess.Popen(
                argv, cwd=cwd, env=dict(env), stdin=stdin, stdout=said, stderr=said, start_new_session=True
            )
            trouble = _wait(process, seconds, stop)
            return None if trouble is None else trouble + _last_line(said)
    except (OSError, ValueError) as error:
        return f"cannot be run: {getattr(error, 'strerror', None) or error}"


def _wait(process: subprocess.Popen[bytes], seconds: float, stop: Callable[[], bool]) -> str | None:
    try:
        for _ in range(round(seconds / _LOOK_SECONDS)):
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_LOOK_SECONDS)
                return None if code == 0 else f"ended with exit code {code}" if code > 0 else f"ended by signal {-code}"
            if stop():
                return "was stopped: this process was interrupted"
        return f"was stopped after {seconds:g} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_line(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _LAST_BYTES))
    lines = said.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""

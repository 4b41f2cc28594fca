"""What the process was given: folder, environment, clock, randomness. Everything below takes them as arguments."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from orch.ports import Clock
from orch.problems.problem import Exit, OrchError, Problem


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000

    def steady(self) -> float:
        """Seconds since boot, sleep included where the system can tell."""
        return time.clock_gettime(_STEADY)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Context(NamedTuple):
    """Where and as whom a command runs. `cores` bounds the jobs where nothing else says."""

    cwd: str
    env: Mapping[str, str]
    cores: int
    clock: Clock = SystemClock()
    random: Callable[[int], bytes] = os.urandom

    @property
    def cache_dir(self) -> str | None:
        """Where compiled plans are kept; None without a home: the project is no place for them."""
        home = self.env.get("HOME")
        base = self.env.get("XDG_CACHE_HOME") or (os.path.join(home, ".cache") if home else "")
        return os.path.join(base, "orch") if os.path.isabs(base) else None

    @property
    def state_dir(self) -> str | None:
        """Where the trees of runs are; None without a home."""
        home = self.env.get("HOME")
        base = self.env.get("XDG_STATE_HOME") or (os.path.join(home, ".local", "state") if home else "")
        return os.path.join(base, "orch") if os.path.isabs(base) else None


def of_process() -> Context:
    """The context of this process. Raises OrchError where its working folder has been deleted."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        cwd = os.getcwd()
    except FileNotFoundError as error:
        hint = "cd to a folder that exists, then try again"
        name = os.environ.get("PWD", "the working folder")
        raise OrchError(Problem("O287", f"{name} does not exist any more", hint=hint), Exit.IO) from error
    return Context(cwd=cwd, env=dict(os.environ), cores=cores)

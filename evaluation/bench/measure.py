"""Runs workloads over several tools in turn and takes medians. A tool that is missing or too slow is a row, too."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tools  # noqa: F401  registers the generators
from job import TOOLS, Job, write

Row = dict[str, Any]
"""`what, n, tool` and either `absent` (why) or `runs, bad, wall, wall_min, wall_max, cpu` (s), `rss_mb, note`."""

SHAPE = {"noop": "layered", "plan": "layered", "version": "wide", "help": "wide", "tiny": "wide"}
SLOW_SECONDS = 10.0
"""A tool whose first run takes longer is measured once."""


@dataclass(frozen=True)
class Sample:
    """One process with all that it waited for: seconds, and megabytes of the largest single process."""

    wall: float
    cpu: float
    rss_mb: float
    code: int
    late: bool


@dataclass
class Entrant:
    """A tool in one workload."""

    tool: str
    job: Job
    argv: list[str]
    samples: list[Sample] = field(default_factory=list)

    @property
    def good(self) -> list[Sample]:
        return [sample for sample in self.samples if not sample.code and not sample.late]


def sizes(what: str, sizes_run: list[int], sizes_plan: list[int]) -> list[int]:
    """The sizes at which a workload is measured."""
    kind = what.removesuffix("-cached")
    return [1] if kind in ("version", "help", "tiny") else sizes_plan if kind == "plan" else sizes_run


def workload(what: str, size: int, names: list[str], reps: int, budget: float, work: Path) -> Iterator[Row]:
    """Measure one workload over all tools: one repetition of each, then the next, so that drift hits all alike."""
    entrants = []
    for name in names:
        entrant = _enter(what, size, name, work)
        if isinstance(entrant, Entrant):
            entrants.append(entrant)
        elif entrant is not None:
            yield entrant
    for entrant in entrants:
        _warm(what, entrant, budget)
    for _ in range(reps):
        for entrant in entrants:
            if any(sample.late or sample.wall > SLOW_SECONDS for sample in entrant.samples):
                continue
            _prepare(what, entrant.job)
            entrant.samples.append(once(entrant.argv, entrant.job, budget))
    for entrant in entrants:
        yield _row(what, size, entrant)
        shutil.rmtree(entrant.job.cwd, ignore_errors=True)


def once(argv: list[str], job: Job, budget: float) -> Sample:
    """Run to the end, or kill the group that this call started after `budget` seconds."""
    late = False
    with open(os.path.join(job.cwd, ".bench.log"), "wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=job.cwd,
            env={**os.environ, **job.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

        def on_alarm(*_: object) -> None:
            nonlocal late
            late = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        signal.signal(signal.SIGALRM, on_alarm)
        signal.setitimer(signal.ITIMER_REAL, budget)
        _, status, usage = os.wait4(process.pid, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode, late)


def _enter(what: str, size: int, name: str, work: Path) -> Entrant | Row | None:
    kind = what.removesuffix("-cached")
    shape = SHAPE.get(kind, kind)
    if shape not in TOOLS[name][1]:
        return None
    root = work / f"{name}-{what}-{size}"
    job = write(name, shape, size, root, stamp=kind == "noop")
    argv = {"plan": job.plan, "version": job.version, "help": job.help}.get(kind, job.run)
    if argv and not job.absent:
        return Entrant(name, job, argv)
    shutil.rmtree(root, ignore_errors=True)
    return {"what": what, "n": size, "tool": name, "absent": job.absent} if argv else None


def _warm(what: str, entrant: Entrant, budget: float) -> None:
    """One run that does not count where start-up matters: the page cache, and what a tool itself keeps."""
    if what.removesuffix("-cached") in ("version", "help", "tiny", "plan", "noop"):
        once(entrant.argv, entrant.job, budget)


def _prepare(what: str, job: Job) -> None:
    """Cold runs forget results; `plan` and `tiny` also what a tool keeps for itself, their `-cached` twins do not."""
    if what != "noop":
        _remove(job, job.clean)
    if what in ("plan", "tiny"):
        _remove(job, job.cache)


def _remove(job: Job, patterns: list[str]) -> None:
    for pattern in patterns:
        for path in Path(job.cwd).glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _row(what: str, size: int, entrant: Entrant) -> Row:
    good = entrant.good
    row: Row = {"what": what, "n": size, "tool": entrant.tool, "runs": len(entrant.samples), "note": entrant.job.note}
    row["bad"] = len(entrant.samples) - len(good)
    if not good:
        last = entrant.samples[-1]
        tail = Path(entrant.job.cwd, ".bench.log").read_text(errors="replace")[-300:]
        row["absent"] = f"over {last.wall:.0f} s" if last.late else f"exit code {last.code}"
        print(f"{entrant.tool}, {what}, {size}: {row['absent']}\n{tail}", file=sys.stderr)
        return row
    walls = [sample.wall for sample in good]
    row |= {"wall": statistics.median(walls), "wall_min": min(walls), "wall_max": max(walls)}
    row |= {"cpu": statistics.median(s.cpu for s in good), "rss_mb": statistics.median(s.rss_mb for s in good)}
    print(f"{what} {size:,}: {entrant.tool} {row['wall']:.3f} s", file=sys.stderr, flush=True)
    return row

"""What a tool is asked to do: the shapes of the graph, and the commands that run, plan and identify it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PEERS = Path(os.environ.get("PERF_BASE", Path(__file__).resolve().parents[2] / ".peers"))
SHAPES = ("wide", "chain", "layered")
ENV = {"CI": "true", "DO_NOT_TRACK": "1", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}

Graph = list[list[int]]
"""Node i → the nodes that it needs."""


@dataclass
class Job:
    """Commands are argv, started in `cwd`; an empty one is not measured. `plan` is a dry run or a listing. `clean` are
    globs below `cwd` that are removed before each cold run, `cache` those that are emptied where a cache must be empty.
    `absent` says why the tool cannot be measured here."""

    run: list[str]
    plan: list[str] | None = None
    version: list[str] | None = None
    help: list[str] | None = None
    clean: list[str] = field(default_factory=list)
    cache: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    note: str = ""
    cwd: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Workload:
    """The same graph for every tool: node i runs `true` in a shell, two at a time. With `stamp` it writes out/i."""

    shape: str
    size: int
    graph: Graph
    root: Path
    stamp: bool


Generator = Callable[[Workload], Job]
TOOLS: dict[str, tuple[Generator, tuple[str, ...]]] = {}


def tool(name: str, shapes: tuple[str, ...] = SHAPES) -> Callable[[Generator], Generator]:
    """Register a generator: a function that writes a tool's files for a workload."""

    def register(function: Generator) -> Generator:
        TOOLS[name] = (function, shapes)
        return function

    return register


def graph(shape: str, size: int) -> Graph:
    """wide: no needs. chain: each the one before. layered: squares, each node needs two of the layer above."""
    if shape == "wide":
        return [[] for _ in range(size)]
    if shape == "chain":
        return [[i - 1] if i else [] for i in range(size)]
    side = max(2, int(size**0.5))
    return [[] if i < side else [i - side, ((i - side) // side) * side + (i - side + 1) % side] for i in range(size)]


def write(name: str, shape: str, size: int, root: Path, stamp: bool = False) -> Job:
    """Write the workload below `root`, which is made anew."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    if stamp:
        (root / "out").mkdir()
    job = TOOLS[name][0](Workload(shape, size, graph(shape, size), root, stamp))
    job.cwd = str(root)
    job.env = {**ENV, **job.env}
    if job.run and not job.absent and shutil.which(job.run[0]) is None:
        job.absent = f"{Path(job.run[0]).name} is not installed"
    return job

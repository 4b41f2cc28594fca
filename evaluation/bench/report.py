"""Rows → docs/benchmarks.md: where it ran, every table with ratios, and the figures to reach."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from figures import FIGURES, NOT_YET, Figure, value, verdict
from measure import Row

TITLES = {
    "wide": "Wide: no node needs another",
    "chain": "Chain: each node needs the one before",
    "layered": "Layered: each node needs two of the layer above",
    "noop": "Rerun with everything up to date",
    "plan": "Plan (layered), caches empty before each repetition",
    "plan-cached": "Plan (layered), caches kept",
    "tiny": "One node, caches empty before each repetition",
    "tiny-cached": "One node, caches kept",
    "version": "`--version`",
    "help": "`--help`",
}


def page(rows: list[Row], disk_rows: list[Row], work: Path, disk: Path | None, versions: dict[str, str]) -> str:
    """The whole page."""
    out = [
        "# Benchmarks",
        "Written by `make bench` (see `evaluation/bench/README.md`). Ratios in one interleaved run: seconds of",
        "different pages do not compare. Every tool gets the same graph: a node runs `true` in a shell, two at once.",
        "",
        f"- machine: {_machine()}",
        f"- file system: {filesystem(work)}" + (f"; second run: {filesystem(disk)}" if disk else ""),
        f"- versions: {', '.join(f'{name} {text}' for name, text in versions.items())}",
        "",
        "## Figures to reach",
        "`pass` and `goal` are those of the design; own CPU is the run's less that of the same shells started from C.",
        "",
        "| work | measure | pass | goal | measured | verdict |",
        "| --- | --- | --: | --: | --: | --- |",
        *(_figure(figure, rows) for figure in FIGURES),
        *(f"| {work_} | | | | {why} | - |" for work_, why in NOT_YET),
    ]
    for what in dict.fromkeys(row["what"] for row in rows):
        out += ["", f"## {TITLES[what]}", *table([row for row in rows if row["what"] == what])]
    if disk_rows:
        out += ["", "## On a disk, `durability: full`", "Without a goal: here each turn of the loop pays for a sync."]
        for what in dict.fromkeys(row["what"] for row in disk_rows):
            out += ["", f"### {TITLES[what]}", *table([row for row in disk_rows if row["what"] == what])]
    return "\n".join(out) + "\n"


def table(rows: list[Row]) -> list[str]:
    """One workload: a line for each size and tool, the fastest first, absent ones last."""
    lines = [
        "",
        "| n | tool | wall s (min–max) | CPU s | MB | × make | × doit | × make, CPU | remarks |",
        "| --: | --- | --- | --: | --: | --: | --: | --: | --- |",
    ]
    for row in sorted(rows, key=lambda row: (row["n"], row.get("wall", 1e9), row["tool"])):
        if "wall" not in row:
            lines.append(f"| {row['n']:,} | {row['tool']} | absent: {row['absent']} | | | | | | |")
            continue
        same = {other["tool"]: other for other in rows if other["n"] == row["n"] and "wall" in other}
        compared = (("make", "wall"), ("doit", "wall"), ("make", "cpu"))
        ratios = [_ratio(row, same.get(name), field) for name, field in compared]
        spread = f"{row['wall']:.3f} ({row['wall_min']:.3f}–{row['wall_max']:.3f})"
        remarks = [row["note"]] if row["note"] else []
        remarks += [f"{row['bad']} of {row['runs']} failed"] if row["bad"] else ["one run"] if row["runs"] == 1 else []
        cells = [f"{row['n']:,}", row["tool"], spread, f"{row['cpu']:.3f}", f"{row['rss_mb']:.0f}", *ratios]
        lines.append(f"| {' | '.join(cells)} | {'; '.join(remarks)} |")
    return lines


def filesystem(path: Path) -> str:
    """The type of the file system that holds a path, by the longest mount point above it."""
    best = ("", "unknown")
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return "unknown"
    for line in mounts:
        _, point, kind, *_ = line.split()
        if len(point) > len(best[0]) and path.resolve().is_relative_to(point):
            best = (point, kind)
    return best[1]


def first_line(argv: list[str]) -> str:
    """What a tool says of its version, without its name."""
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    line = (done.stdout or done.stderr).strip().splitlines()[:1]
    return line[0].split()[-1] if line else "?"


def _figure(figure: Figure, rows: list[Row]) -> str:
    measured = value(figure, rows)
    measure = {"own_ms": "ms", "rss_mb": "MB"}.get(figure.field) or f"× {figure.against}"
    limits = ["" if limit is None else f"≤ {limit:g}" for limit in (figure.passing, figure.goal)]
    shown = measured if isinstance(measured, str) else f"{measured:.2f}"
    return f"| {figure.work} | {measure} | {limits[0]} | {limits[1]} | {shown} | {verdict(figure, measured)} |"


def _ratio(row: Row, other: Row | None, field: str) -> str:
    return f"{row[field] / other[field]:.2f}" if other and other[field] else ""


def _machine() -> str:
    model = ""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = f"{platform.system()} {platform.release()}"
    cores = f"{os.cpu_count()} × {model or platform.machine()}"
    return f"{cores}, {memory:.0f} GiB, {kernel}, Python {platform.python_version()}"

"""The figures that the design asks for, judged by the rows of one run."""

from __future__ import annotations

from dataclasses import dataclass

from measure import Row


@dataclass(frozen=True)
class Figure:
    """`field` of orch's row in a workload, divided by the same of `against` where that is set; smaller is better.
    `passing` None: there is a goal only."""

    work: str
    what: str
    n: int
    against: str
    passing: float | None
    goal: float | None
    field: str = "wall"


FIGURES = (
    Figure("1,000 wide, cold", "wide", 1000, "make", 2.0, 1.5),
    Figure("1,000 wide, cold", "wide", 1000, "doit", 0.85, 0.6),
    Figure("1,000 layered, cold", "layered", 1000, "make", 2.0, 1.5),
    Figure("1,000 layered, cold", "layered", 1000, "doit", 0.85, 0.6),
    Figure("1,000 in a chain", "chain", 1000, "make", 1.8, 1.3),
    Figure("10,000 wide", "wide", 10_000, "make", 1.7, 1.4),
    Figure("10,000 wide, own CPU a node", "wide", 10_000, "", 0.45, 0.3, "own_ms"),
    Figure("10,000 wide, memory", "wide", 10_000, "", None, 150, "rss_mb"),
    Figure("no-op rerun, all cached, 10,000", "noop", 10_000, "make", 6, 3),
    Figure("no-op rerun, all cached, 10,000", "noop", 10_000, "doit", 0.2, 0.1),
    Figure("plan 10,000, empty cache", "plan", 10_000, "doit", 1.5, 1.0),
    Figure("plan 10,000, cached", "plan-cached", 10_000, "make", 2.0, 1.3),
    Figure("plan 100,000, empty cache", "plan", 100_000, "doit", 0.8, 0.6),
    Figure("plan 100,000, memory", "plan", 100_000, "", 400, None, "rss_mb"),
    Figure("plan 100,000, cached", "plan-cached", 100_000, "make", 1.0, 0.6),
    Figure("`--help`", "help", 1, "python", 8, 5),
    Figure("`--version`", "version", 1, "python", 8, 5),
    Figure("smallest pipeline, empty cache", "tiny", 1, "doit", 1.5, 1.2),
    Figure("smallest pipeline, cached", "tiny-cached", 1, "doit", 1.0, 0.7),
)

NOT_YET = (("500 specs guarded; 100,000 metrics summed", "the verbs are not yet there"),)


def value(figure: Figure, rows: list[Row]) -> float | str:
    """The measured figure, or why there is none."""
    found = {row["tool"]: row for row in rows if row["what"] == figure.what and row["n"] == figure.n}
    needed = {"orch", figure.against or "orch", *(["floor-c"] if figure.field == "own_ms" else [])}
    for name in sorted(needed):
        if name not in found or "wall" not in found[name]:
            return f"not measured: no {name}" if found else "not measured"
    mine = found["orch"]
    if figure.field == "own_ms":
        return float((mine["cpu"] - found["floor-c"]["cpu"]) / figure.n * 1000)
    if not figure.against:
        return float(mine[figure.field])
    return float(mine[figure.field] / found[figure.against][figure.field])


def verdict(figure: Figure, measured: float | str) -> str:
    """`goal`, `pass`, `missed`, or `-` where nothing was measured."""
    if isinstance(measured, str):
        return "-"
    if figure.goal is not None and measured <= figure.goal:
        return "goal"
    if figure.passing is None:
        return "goal missed"
    return "pass" if measured <= figure.passing else "**missed**"

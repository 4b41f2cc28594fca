"""The benchmark gives every tool the same graph, names who is absent, and judges by the run itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def bench(folder: Path, *options: str) -> tuple[str, list[dict[str, object]]]:
    """The page and the rows of one run of one repetition, with no peers installed but those of the system."""
    page, rows = folder / "page.md", folder / "rows.json"
    argv = [sys.executable, str(ROOT / "evaluation/bench/bench.py"), "--reps", "1", "--work", str(folder), *options]
    done = subprocess.run(
        [*argv, "--report", str(page), "--json", str(rows)],
        env={**os.environ, "PERF_BASE": str(folder / "none")},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return page.read_text(encoding="utf-8"), json.loads(rows.read_text())["rows"]


def test_every_workload_runs_orch_and_an_absent_tool_is_named(tmp_path: Path) -> None:
    whats = "version,help,tiny,tiny-cached,plan,plan-cached,wide,chain,layered"
    page, rows = bench(tmp_path, "--what", whats, "--tools", "make,ninja,orch", "--n", "9")
    assert {row["what"] for row in rows if row["tool"] == "orch" and "wall" in row} == set(whats.split(","))
    assert page.count("| ninja | absent: ninja is not installed |") == len(whats.split(",")) - 1  # it has no --help


def test_a_rerun_with_nothing_to_do_is_measured(tmp_path: Path) -> None:
    page, rows = bench(tmp_path, "--what", "noop", "--tools", "make,orch", "--n", "9")
    assert {row["tool"] for row in rows if "wall" in row} == {"make", "orch"}
    assert "| no-op rerun, all cached, 10,000 | × make | ≤ 6 | ≤ 3 | not measured" in page


def test_a_figure_is_judged_only_where_both_sides_were_measured(tmp_path: Path) -> None:
    page, _ = bench(tmp_path, "--what", "version", "--tools", "python,orch")
    verdicts = {
        line.split("|")[1].strip(): line.split("|")[6].strip()
        for line in page.splitlines()
        if "×" in line and "≤" in line
    }
    assert verdicts["`--version`"] in {"goal", "pass", "**missed**"}
    assert verdicts["10,000 wide"] == "-"

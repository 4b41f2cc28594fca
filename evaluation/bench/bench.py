"""Compares orch with its peers on generated workloads, and writes the page with tables, ratios and verdicts.

python bench.py --what wide,plan --tools make,doit,orch --n 1000 --reps 5 [--report FILE.md] [--json FILE] [--disk DIR]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from job import TOOLS, write
from measure import Row, sizes, workload
from report import first_line, page

RUNS = ["wide", "chain", "layered"]
WHATS = (*RUNS, "noop", "plan", "plan-cached", "tiny", "tiny-cached", "version", "help")


def main() -> None:
    """Parse, measure, write."""
    options = _options()
    unknown = [what for what in options.what if what not in WHATS] + [t for t in options.tools if t not in TOOLS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; workloads: {', '.join(WHATS)}; tools: {', '.join(TOOLS)}")
    shm = Path("/dev/shm")
    work = Path(tempfile.mkdtemp(prefix="orch-bench-", dir=options.work or (shm if shm.is_dir() else None)))
    disk = Path(tempfile.mkdtemp(prefix="orch-bench-", dir=options.disk)) if options.disk else None
    try:
        rows = _measure(options, options.what, work)
        disk_rows = _measure(options, [what for what in options.what if what in RUNS], disk) if disk else []
        text = page(rows, disk_rows, work, disk, _versions(options.tools, work))
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if disk:
            shutil.rmtree(disk, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps({"argv": sys.argv[1:], "rows": rows, "disk": disk_rows}, indent=1))
    if options.report:
        Path(options.report).write_text(text)
    else:
        sys.stdout.write(text)


def _measure(options: argparse.Namespace, whats: list[str], work: Path) -> list[Row]:
    rows: list[Row] = []
    for what in whats:
        for size in sizes(what, options.n, options.plan_n):
            slow = {row["tool"] for row in rows if row["what"] == what and row.get("absent", "").startswith("over")}
            rows += [{"what": what, "n": size, "tool": name, "absent": "over at a smaller size"} for name in slow]
            names = [name for name in options.tools if name not in slow]
            rows += workload(what, size, names, options.reps, options.budget, work)
    return rows


def _versions(names: list[str], work: Path) -> dict[str, str]:
    found = {}
    for name in names:
        job = write(name, "wide", 1, work / "version")
        if not job.absent and job.version and name != "python":
            found[name] = first_line(job.version)
    return found


def _options() -> argparse.Namespace:
    def words(text: str) -> list[str]:
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", type=words, default=RUNS, help="workloads, with commas")
    parser.add_argument("--tools", type=words, default=list(TOOLS), help="default: all; absent ones are named")
    parser.add_argument("--n", type=numbers, default=[1000], help="sizes of the runs")
    parser.add_argument("--plan-n", type=numbers, help="sizes of the plans (default: those of --n)")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--budget", type=float, default=60, help="seconds until a run is ended and its tool dropped")
    parser.add_argument("--work", help="where to work (default: /dev/shm, else the temporary folder)")
    parser.add_argument("--disk", help="measure the runs a second time below this folder")
    parser.add_argument("--report", help="write the page here instead of to stdout")
    parser.add_argument("--json", help="write all rows here")
    options = parser.parse_args()
    options.plan_n = options.plan_n or options.n
    return options


if __name__ == "__main__":
    main()

"""Lists of runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from orch.model.times import to_iso
from orch.render.lengths import duration, minute
from orch.render.problems_text import visible
from orch.render.style import Style

FORMAT_VERSION = 1
_WIDEST = 24


class Row(Protocol):
    """A run in a list. Times are milliseconds; `elapsed_ms` is from the first record to the last, waits included."""

    @property
    def run_id(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def pipeline(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def started_ms(self) -> int | None: ...
    @property
    def elapsed_ms(self) -> int | None: ...


def runs_text(rows: Sequence[Row], style: Style) -> str:
    """One line a run; empty where there is none."""
    if not rows:
        return ""
    cells = list(map(_cells, rows))
    head = ("RUN", "TASK", "PIPELINE", "STATE", "STARTED (UTC)", "ELAPSED", "SUMMARY")
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)][:-1]
    line = "  ".join([*(f"{{:{width}}}" for width in widths), "{}"]).format
    lines = [style.paint(line(*head), "dim")]
    for row, (run, task, name, state, *rest) in zip(rows, cells, strict=True):
        lines.append(line(run, task, name, style.status(row.status, f"{state:{widths[3]}}"), *rest).rstrip())
    return style.ascii("\n".join(map(style.cut, lines)))


def runs_json(rows: Sequence[Row], *, more: bool) -> str:
    """`{format_version, more, runs: [{run_id, task_id, pipeline, status, reason, summary, started_at,
    elapsed_seconds}]}`; what is not known is null. `more` says that there are older ones."""
    document = {"format_version": FORMAT_VERSION, "more": more, "runs": [_document(row) for row in rows]}
    return json.dumps(document, ensure_ascii=False)


def _cells(row: Row) -> tuple[str, ...]:
    took = "-" if row.elapsed_ms is None else duration(row.elapsed_ms)
    name = visible(row.pipeline)
    name = name if len(name) <= _WIDEST else name[: _WIDEST - 1] + "…"
    state = f"{row.status} ({row.reason})" if row.status == "queued" or row.reason == "hung" else row.status
    return row.run_id, row.task, name, state, minute(row.started_ms), took, visible(row.summary)


def _document(row: Row) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "task_id": row.task,
        "pipeline": row.pipeline,
        "status": row.status,
        "reason": row.reason or None,
        "summary": row.summary or None,
        "started_at": None if row.started_ms is None else to_iso(row.started_ms),
        "elapsed_seconds": None if row.elapsed_ms is None else row.elapsed_ms / 1000,
    }

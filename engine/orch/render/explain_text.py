"""An explanation for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orch.render.problems_text import visible
from orch.render.style import Style
from orch.review.explanation import Compared, Explanation

FORMAT_VERSION = 1
_ROWS = 40
_HEAD = ("what it reads", "then", "now")


def explanation_text(told: Explanation, style: Style) -> str:
    """The state, why it is so, what would change it, and what to type."""
    reason = f" ({told.reason})" if told.reason not in (None, "ok") else ""
    lines = [f"{style.icon(told.status)} {style.paint(told.address, 'bold')}  {style.status(told.status)}{reason}"]
    lines += [f"  {visible(line)}" for line in told.because]
    lines += _compared(told.compared)
    if told.log:
        lines += ["", f"  the end of its log{f', {told.root}' if told.root else ''}:"]
        lines += [f"  {'│' if style.unicode else '|'} {visible(line)}" for line in told.log]
    if told.would_change:
        lines += ["", "  what would change it:", *(f"  - {visible(line)}" for line in told.would_change)]
    if told.next:
        lines += ["", *(f"  {'next' if not number else '':6}{visible(line)}" for number, line in enumerate(told.next))]
    return style.ascii("\n".join(lines))


def _compared(rows: Sequence[Compared]) -> list[str]:
    """What a result was made from, in three columns; of many the first."""
    if not rows:
        return []
    shown = [(visible(row.name), _short(row.was), _short(row.now)) for row in rows[:_ROWS]]
    widths = [max(len(cells[column]) for cells in [*shown, _HEAD]) for column in (0, 1)]
    lines = [f"  {name:{widths[0]}}  {was:{widths[1]}}  {now}".rstrip() for name, was, now in [_HEAD, *shown]]
    return ["", *lines, *([f"  and {len(rows) - _ROWS:,} more"] if len(rows) > _ROWS else [])]


def _short(digest: str | None) -> str:
    return "-" if digest is None else visible(" ".join(word[:12] for word in digest.split(" ")))


def explanation_json(run_id: str, told: Explanation) -> str:
    """One object; what is not known is absent."""
    document = {"format_version": FORMAT_VERSION, "run_id": run_id, **told._asdict()}
    for name in ("because", "would_change", "next", "log"):
        document[name] = list(document[name])
    document["compared"] = [row._asdict() for row in told.compared]
    return json.dumps({key: value for key, value in document.items() if value is not None}, ensure_ascii=False)

"""The timeline of a report: a bar for each attempt, on an axis of the time at which the run was at work."""

from __future__ import annotations

from html import escape

from orch.render.lengths import duration
from orch.render.problems_text import visible
from orch.render.report_words import chosen, told_of
from orch.review.timeline import Attempted, Timeline

MAX_BARS = 60
_WIDTH = 1000
_THINNEST = 3


def timeline_html(timeline: Timeline) -> str:
    """A table with a row for each step, the longest and the failed ones of many; empty where nothing has run."""
    rows: dict[str, list[Attempted]] = {}
    for attempt in timeline.attempts:
        rows.setdefault(attempt.address, []).append(attempt)
    if not rows:
        return ""
    listed = chosen(rows, MAX_BARS)
    lines = [
        '<div class="scroll bars"><table><thead><tr><th scope="col">Step</th>'
        f'<th scope="col">0 to {duration(timeline.length_ms)} of work</th><th scope="col" class="num">Took</th></tr>'
        "</thead><tbody>"
    ]
    pauses = "".join(
        f'<line x1="{_at(pause.at_ms, timeline)}" x2="{_at(pause.at_ms, timeline)}" y1="0" y2="16"/>'
        for pause in timeline.pauses
    )
    for address, attempts in rows.items():
        if address in listed:
            took = duration(sum(one.end_ms - one.begin_ms for one in attempts))
            bars = "".join(_bar(one, timeline) for one in attempts)
            told = escape(visible("; ".join(map(told_of, attempts[-5:]))))
            picture = f'viewBox="0 0 {_WIDTH} 16" preserveAspectRatio="none" role="img" aria-label="{told}"'
            lines.append(
                f'<tr><th scope="row" class="mono">{escape(visible(address))}</th>'
                f'<td class="bar"><svg {picture}>{pauses}{bars}</svg></td><td class="num">{took}</td></tr>'
            )
    lines.append("</tbody></table></div>")
    lines += [
        f"<p>After {duration(pause.at_ms)} of work nobody was at work for {duration(pause.idle_ms)}.</p>"
        for pause in timeline.pauses[:10]
    ]
    if len(listed) < len(rows):
        lines.append(f"<p>{len(rows) - len(listed):,} shorter steps are not drawn.</p>")
    return "\n".join(lines) + "\n"


def _bar(one: Attempted, timeline: Timeline) -> str:
    begin = min(_at(one.begin_ms, timeline), _WIDTH - _THINNEST)
    width = max(_at(one.end_ms, timeline) - begin, _THINNEST)
    return (
        f'<rect class="s-{escape(one.status)}" x="{begin}" y="2" width="{width}" height="12">'
        f"<title>{escape(visible(told_of(one)))}</title></rect>"
    )


def _at(at_ms: int, timeline: Timeline) -> int:
    return round(at_ms / timeline.length_ms * _WIDTH) if timeline.length_ms else 0

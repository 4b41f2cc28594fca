"""A report as one HTML file: no script, no other file, and everything that a run says is escaped."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from orch.model.times import to_iso
from orch.render.findings_text import counts_text
from orch.render.lengths import counted, duration
from orch.render.plan_text import gate_words
from orch.render.problems_text import visible
from orch.render.report_graph import ORDER, Pictured
from orch.render.report_style import style_sheet
from orch.render.report_words import (
    FOLD_FROM,
    bytes_text,
    gate_state,
    headline,
    icon,
    parts,
    record_facts,
    run_facts,
    verify_command,
)
from orch.render.timeline_html import timeline_html
from orch.review.explanation import Explanation
from orch.review.gates_seen import GateSeen
from orch.review.report import Phase, Report, Row

_DEPTHS = ("", ' class="below"', ' class="below deeper"')


def report_html(report: Report) -> str:
    """The whole file."""
    style = style_sheet()
    allowed = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    title = headline(report)
    sections = [section for section in _sections(report) if section[2]]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{text(title)}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        "<header>",
        f"<h1>{text(report.past.plan.head['pipeline']['name'])}: {status(report.status)}</h1>",
        f"<p>{text(report.summary)}</p>",
        _facts(run_facts(report)),
        '<nav aria-label="Sections"><ul>',
        *(f'<li><a href="#{name}">{text(shown)}</a></li>' for name, shown, _ in sections),
        "</ul></nav>",
        "</header>",
        "<main>",
        *(
            f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{text(shown)}</h2>\n{body}</section>'
            for name, shown, body in sections
        ),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def text(value: object) -> str:
    """Text of the run, in one line: nothing in it is markup, and what would be obeyed or hidden can be seen."""
    return escape(visible(str(value)))


def block(lines: Iterable[str]) -> str:
    """Several lines, the same way."""
    return "\n".join(text(line) for line in lines)


def prose(line: str) -> str:
    """A sentence of ours, whose `code` is shown as such."""
    parts = text(line).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def status(word: str, reason: str | None = None) -> str:
    """Sign and word, in the colour of the word."""
    more = f' <span class="muted">({text(reason)})</span>' if reason not in (None, "ok") else ""
    return f'<span class="status s-{escape(word)}">{icon(word)} {escape(word)}</span>{more}'


def _sections(report: Report) -> list[tuple[str, str, str]]:
    """Name, title and content; those without content are left out."""
    failed = [one for one in report.troubles if one.status in ("failed", "cancelled")]
    waits = [one for one in report.troubles if one.status not in ("failed", "cancelled")]
    more = ""
    if report.more_troubles:
        command = f"orch runs errors {report.past.run.run_id}"
        more = f"<p>{report.more_troubles:,} more are not told here: <code>{text(command)}</code></p>"
    return [
        ("failures", "What failed", _troubles(failed) + (more if failed else "")),
        ("waiting", "What waits", _troubles(waits) + (more if waits and not failed else "")),
        ("gates", "Gates", "".join(map(_gate, report.gates))),
        ("graph", "Graph", _graph(report)),
        ("steps", "Steps", _steps(report)),
        ("timeline", "Timeline", timeline_html(report.timeline)),
        ("artifacts", "Artifacts", _artifacts(report)),
        ("values", "Inputs and outputs", _values(report)),
        ("record", "Record", _record(report)),
    ]


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    return f'<dl class="facts">{"".join(f"<dt>{text(name)}</dt><dd>{prose(value)}</dd>" for name, value in rows)}</dl>'


def _troubles(told: Sequence[Explanation]) -> str:
    return "".join(_trouble(one, first=not number) for number, one in enumerate(told))


def _trouble(told: Explanation, *, first: bool) -> str:
    lines = [
        f'<article class="s-{escape(told.status)}">',
        f'<h3><span class="mono">{text(told.address)}</span> {status(told.status, told.reason)}</h3>',
        _why(told.because),
    ]
    if told.log:
        lines.append(f"<p>The end of its log:</p><pre>{block(told.log)}</pre>")
    ways = _why(told.would_change) if told.would_change else ""
    if told.next:
        ways += f'<pre class="next">{block(told.next)}</pre>'
    if ways and first:
        lines.append(f"<p>What would change it:</p>{ways}")
    elif ways:
        lines.append(f"<details><summary>what would change it</summary>{ways}</details>")
    return "\n".join([*lines, "</article>\n"])


def _why(lines: Sequence[str]) -> str:
    return f'<ul class="why">{"".join(map(_item, lines))}</ul>'


def _item(line: str) -> str:
    told = line.lstrip(" ")
    depth = min((len(line) - len(told)) // 2, 2)
    return f"<li{_DEPTHS[depth]}>{prose(told)}</li>"


def _gate(gate: GateSeen) -> str:
    rows = [("asks for", gate_words(gate.gate))]
    if gate.gate.get("description"):
        rows.insert(0, ("is about", gate.gate["description"]))
    if gate.sentence:
        rows.append(("state", gate.sentence))
    if gate.subject:
        rows.append(("subject", f"`{gate.subject}`"))
    if gate.looked_ms:
        rows.append(("looked at", _time(gate.looked_ms)))
    lines = [
        f'<h3><span class="mono">{text(gate.address)}</span> {status(gate_state(gate), gate.reason)}</h3>',
        _facts(rows),
    ]
    if gate.decisions:
        cells = [
            [
                f'<th scope="row">{text(one.by)}</th>',
                f"<td>{text(one.role)}</td>",
                f"<td>{text(one.decision)}</td>",
                f"<td>{text(one.date)}</td>",
                f"<td>{text(one.comment)}</td>",
                f'<td class="digest">{text(one.subject)}</td>',
                f"<td>{text(one.effects)}</td>",
            ]
            for one in gate.decisions
        ]
        head = ("Who", "Role", "Decision", "When", "Comment", "About", "Effect")
        lines.append(_table(head, cells, "Decisions, as they were seen"))
    if gate.files:
        names = [f"{sha[:12]}  {path}" for _, sha, path in gate.files]
        more = [f"and {gate.more_files:,} more"] if gate.more_files else []
        files = counted(len(gate.files) + gate.more_files, "file")
        lines.append(f"<details><summary>{files} in the subject</summary><pre>{block([*names, *more])}</pre></details>")
    return "\n".join(lines) + "\n"


def _graph(report: Report) -> str:
    pictured = Pictured(report.past.plan, report.past.state)
    note = ""
    if pictured.folded_to:
        note = f"<p>Each {pictured.folded_to} is one box: the graph has {len(report.past.plan.steps):,} steps.</p>"
    name = report.past.plan.head["pipeline"]["name"]
    svg = pictured.svg(visible(f"Graph of {name}: {report.summary}"))
    return f'{note}<div class="scroll picture" tabindex="0" role="region" aria-label="Graph">{svg}</div>\n'


def _steps(report: Report) -> str:
    fold = len(report.past.plan.steps) >= FOLD_FROM
    tests = counts_text(report.tests)
    told = f"<p>Tests: {text(tests)}</p>" if tests else ""
    return told + "".join(_phase(phase, fold=fold) for phase in report.phases)


def _phase(phase: Phase, *, fold: bool) -> str:
    words = [status.word for status in ORDER]
    counts = ", ".join(f"{phase.counts[word]:,} {word}" for word in words if phase.counts.get(word))
    lines = [f'<h3>{text(phase.name)} <span class="muted">{text(counts)}</span></h3>']
    if phase.description:
        lines.append(f"<p>{text(phase.description)}</p>")
    for title, rows in parts(phase.rows, fold=fold):
        if rows:
            table = _rows(rows)
            lines.append(f"<details><summary>{text(title)}</summary>{table}</details>" if title else table)
    left = ", ".join(f"{count:,} {word}" for word, count in phase.left_out.items() if count)
    if left:
        lines.append(f"<p>Not listed: {text(left)}.</p>")
    return "\n".join(lines) + "\n"


def _rows(rows: Sequence[Row]) -> str:
    head = ("Step", "Status", "#Took", "#Attempts", "What is said")
    return _table(head, [_row(row) for row in rows])


def _row(row: Row) -> list[str]:
    tests = counts_text(row.tests)
    told = "<br>".join(prose(part) for part in (row.sentence, tests, *row.changed) if part)
    if row.log:
        told += f"<details><summary>the end of its log</summary><pre>{block(row.log)}</pre></details>"
    return [
        f'<th scope="row" class="mono">{text(row.address)}</th>',
        f"<td>{status(row.status, row.reason)}</td>",
        f'<td class="num">{"" if row.took_ms is None else duration(row.took_ms)}</td>',
        f'<td class="num">{row.attempts or ""}</td>',
        f"<td>{told}</td>",
    ]


def _artifacts(report: Report) -> str:
    if not report.artifacts:
        return ""
    cells = [
        [
            f'<th scope="row" class="mono">{text(one.address)}</th>',
            f"<td>{text(one.name)}</td>",
            f'<td class="mono">{text(one.path)}</td>',
            f'<td class="num">{bytes_text(one.bytes)}</td>',
            f'<td class="digest">{text(one.sha256)}</td>',
        ]
        for one in report.artifacts
    ]
    more = f"<p>{report.more_artifacts:,} more are not listed.</p>" if report.more_artifacts else ""
    return _table(("Step", "Name", "Path", "#Size", "sha256"), cells) + more


def _values(report: Report) -> str:
    plan, closed = report.past.plan, report.past.ledger.closed
    parts = []
    if plan.inputs:
        parts.append("<h3>Inputs</h3>" + _json_table(plan.inputs))
    if closed is not None and closed.outputs:
        told = {name: one.get("value", one.get("because")) for name, one in closed.outputs.items()}
        parts.append("<h3>Outputs</h3>" + _json_table(told))
    return "".join(parts)


def _json_table(values: Mapping[str, Any]) -> str:
    cells = [
        [f'<th scope="row">{text(name)}</th>', f'<td class="mono">{text(json.dumps(value, ensure_ascii=False))}</td>']
        for name, value in values.items()
    ]
    return _table(("Name", "Value"), cells)


def _record(report: Report) -> str:
    told = "Without a head that was kept elsewhere a check shows accidents, not a forger who rewrites everything."
    command = f'<pre class="next">{text(verify_command(report))}</pre>'
    return f'{_facts(record_facts(report))}{command}<p class="muted">{told}</p>'


def _head(name: str) -> str:
    """`#` marks a column of numbers."""
    numbers = ' class="num"' if name.startswith("#") else ""
    return f'<th scope="col"{numbers}>{text(name.removeprefix("#"))}</th>'


def _table(head: Sequence[str], cells: Sequence[Sequence[str]], caption: str = "") -> str:
    first = "".join(map(_head, head))
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    above = f"<caption>{text(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{above}<thead><tr>{first}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n'
    )


def _time(at_ms: int) -> str:
    return to_iso(at_ms)[:19].replace("T", " ") + " UTC"

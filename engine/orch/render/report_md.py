"""A report as Markdown: headings, tables, fenced logs; nothing that a run says is taken as markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from orch.render.findings_text import counts_text
from orch.render.lengths import counted, duration
from orch.render.plan_text import gate_words
from orch.render.problems_text import visible
from orch.render.report_graph import ORDER, Pictured
from orch.render.report_words import (
    FOLD_FROM,
    bytes_text,
    chosen,
    gate_state,
    icon,
    parts,
    record_facts,
    run_facts,
    told_of,
    verify_command,
)
from orch.review.explanation import Explanation
from orch.review.gates_seen import GateSeen
from orch.review.report import Phase, Report
from orch.review.timeline import Attempted

MAX_PICTURED = 60
_BARS = 40
_CELLS = 24
_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$])|^([-+#=])")
_NUMBER = re.compile(r"^(\d+)([.)])(?=\s|$)")


def report_md(report: Report) -> str:
    """The whole file."""
    name = report.past.plan.head["pipeline"]["name"]
    lines = [f"# {text(name)}: {status(report.status)}", "", text(report.summary), "", *_facts(run_facts(report))]
    failed = [one for one in report.troubles if one.status in ("failed", "cancelled")]
    waits = [one for one in report.troubles if one.status not in ("failed", "cancelled")]
    more = []
    if report.more_troubles:
        command = code(f"orch runs errors {report.past.run.run_id}")
        more = ["", f"{report.more_troubles:,} more are not told here: {command}"]
    for title, body in (
        ("What failed", [*_joined(_trouble(one) for one in failed), *(more if failed else [])]),
        ("What waits", [*_joined(_trouble(one) for one in waits), *(more if waits and not failed else [])]),
        ("Gates", _joined(map(_gate, report.gates))),
        ("Graph", _graph(report)),
        ("Steps", _steps(report)),
        ("Timeline", _timeline(report)),
        ("Artifacts", _artifacts(report)),
        ("Inputs and outputs", _values(report)),
        ("Record", [*_facts(record_facts(report)), "", *fenced([verify_command(report)], "sh")]),
    ):
        if body:
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines).rstrip("\n") + "\n"


def text(value: object) -> str:
    """Text of the run in one line, in which no character is markup."""
    return _NUMBER.sub(r"\1\\\2", _MARKUP.sub(lambda found: "\\" + found[0], visible(str(value))))


def code(value: object) -> str:
    """The same in a code span, also in a cell of a table."""
    shown = visible(str(value)).replace("|", "\\|")
    ticks = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fenced(lines: Iterable[str], language: str = "text") -> list[str]:
    """Lines in a fence that is longer than any in them."""
    shown = [visible(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *shown, fence]


def status(word: str, reason: str | None = None) -> str:
    """Sign and word."""
    return f"{icon(word)} {word}" + (f" ({text(reason)})" if reason not in (None, "ok") else "")


def _joined(parts: Iterable[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines else part
    return lines


def _facts(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"- {text(name)}: {_prose(value)}" for name, value in rows]


def _prose(line: str) -> str:
    """A sentence of ours, whose `code` stays code."""
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return text(line)
    return "".join(code(part) if number % 2 and part else text(part) for number, part in enumerate(parts))


def _trouble(told: Explanation) -> list[str]:
    lines = [f"### {code(told.address)} {status(told.status, told.reason)}", "", *_why(told.because)]
    if told.log:
        lines += ["", "The end of its log:", "", *fenced(told.log)]
    if told.would_change:
        lines += ["", "What would change it:", "", *_why(told.would_change)]
    if told.next:
        lines += ["", "Next:", "", *fenced(told.next, "sh")]
    return lines


def _why(lines: Sequence[str]) -> list[str]:
    """A list, whose indented lines are lists in it: none is deeper than the one above by more than one."""
    found, deepest = [], 0
    for line in lines:
        told = line.lstrip(" ")
        depth = min((len(line) - len(told)) // 2, deepest)
        found.append(f"{'  ' * depth}- {_prose(told)}")
        deepest = depth + 1
    return found


def _gate(gate: GateSeen) -> list[str]:
    lines = [f"### {code(gate.address)} {status(gate_state(gate), gate.reason)}", ""]
    if gate.gate.get("description"):
        lines.append(f"- {text(gate.gate['description'])}")
    lines.append(f"- asks for {text(gate_words(gate.gate))}")
    if gate.sentence:
        lines.append(f"- {text(gate.sentence)}")
    if gate.subject:
        files = counted(len(gate.files) + gate.more_files, "file")
        lines.append(f"- about {code(gate.subject)}, {files}")
        lines += [f"  - {code(path)} {code(sha[:12])}" for _, sha, path in gate.files[:10]]
    if gate.decisions:
        cells = [
            [*map(text, (one.by, one.role, one.decision, one.date, one.comment)), code(one.subject), text(one.effects)]
            for one in gate.decisions
        ]
        lines += ["", *_table(["who", "role", "decision", "when", "comment", "about", "effect"], cells)]
    return lines


def _graph(report: Report) -> list[str]:
    """Mermaid, which what shows Markdown draws itself; of a large graph nothing that it could draw in time."""
    pictured = Pictured(report.past.plan, report.past.state)
    graph = pictured.graph
    if len(graph.vertices) > MAX_PICTURED:
        return [f"The graph has {len(report.past.plan.steps):,} steps; the HTML report draws it."]
    ids = {vertex.name: f"n{number}" for number, vertex in enumerate(graph.vertices)}
    shapes = {"gate": ("{{", "}}"), "phase": ("([", "])")}
    lines = ["flowchart LR"]
    for vertex in graph.vertices:
        left, right = shapes.get(vertex.kind, ("[", "]"))
        word = pictured.status(vertex)
        label = pictured.labelled(vertex)
        label = f"{label} {word}" if word and not label.endswith(word) else label
        lines.append(f'  {ids[vertex.name]}{left}"{_in_mermaid(label)}"{right}')
    lines += [f"  {ids[one]} --> {ids[other]}" for one, other in graph.edges]
    note = [f"Each {pictured.folded_to} is one box.", ""] if pictured.folded_to else []
    return [*note, *fenced(lines, "mermaid")]


def _in_mermaid(label: str) -> str:
    return "".join(c if c.isalnum() or c in " .,:_-✓✗⏸▸·[()]" else f"#{ord(c)};" for c in visible(label))


def _steps(report: Report) -> list[str]:
    fold = len(report.past.plan.steps) >= FOLD_FROM
    tests = counts_text(report.tests)
    told = [f"Tests: {text(tests)}"] if tests else []
    return _joined(
        [told, *(_phase(phase, fold=fold) for phase in report.phases)]
        if told
        else (_phase(phase, fold=fold) for phase in report.phases)
    )


def _phase(phase: Phase, *, fold: bool) -> list[str]:
    counts = ", ".join(f"{phase.counts[one.word]:,} {one.word}" for one in ORDER if phase.counts.get(one.word))
    lines = [f"### {text(phase.name)}: {counts}", ""]
    if phase.description:
        lines += [text(phase.description), ""]
    for title, part in parts(phase.rows, fold=fold):
        if part:
            table = _table(
                ["step", "status", "took", "attempts", ""],
                [
                    [
                        code(row.address),
                        status(row.status, row.reason),
                        "" if row.took_ms is None else duration(row.took_ms),
                        str(row.attempts or ""),
                        "; ".join(text(one) for one in (row.sentence, counts_text(row.tests), *row.changed) if one),
                    ]
                    for row in part
                ],
            )
            if title:
                table = [f"<details><summary>{title}</summary>", "", *table, "", "</details>"]
            lines += [*table, ""]
    left = ", ".join(f"{count:,} {word}" for word, count in phase.left_out.items() if count)
    if left:
        lines += [f"Not listed: {left}.", ""]
    return lines[:-1] if lines[-1] == "" else lines


def _timeline(report: Report) -> list[str]:
    found: dict[str, list[Attempted]] = {}
    for attempt in report.timeline.attempts:
        found.setdefault(attempt.address, []).append(attempt)
    if not found:
        return []
    drawn = chosen(found, _BARS)
    listed = [address for address in found if address in drawn]
    length = report.timeline.length_ms or 1
    cells = []
    for address in listed:
        bar = [" "] * _CELLS
        for one in found[address]:
            begin = min(one.begin_ms * _CELLS // length, _CELLS - 1)
            end = max(begin + 1, min(-(-one.end_ms * _CELLS // length), _CELLS))
            bar[begin:end] = ["#" if one.status == "succeeded" else "x"] * (end - begin)
        told = "; ".join(map(told_of, found[address][-3:]))
        cells.append([code(address), f"`{''.join(bar).replace(' ', '.')}`", text(told)])
    lines = _table(["step", f"0 to {duration(length)} of work", ""], cells)
    if len(listed) < len(found):
        lines += ["", f"{len(found) - len(listed):,} more are not drawn."]
    for pause in report.timeline.pauses[:10]:
        lines += ["", f"After {duration(pause.at_ms)} of work nobody was at work for {duration(pause.idle_ms)}."]
    return lines


def _artifacts(report: Report) -> list[str]:
    if not report.artifacts:
        return []
    cells = [
        [code(one.address), text(one.name), code(one.path), bytes_text(one.bytes), code(one.sha256)]
        for one in report.artifacts
    ]
    more = ["", f"{report.more_artifacts:,} more are not listed."] if report.more_artifacts else []
    return [*_table(["step", "name", "path", "size", "sha256"], cells), *more]


def _values(report: Report) -> list[str]:
    plan, closed = report.past.plan, report.past.ledger.closed
    told = [("input", name, value) for name, value in plan.inputs.items()]
    if closed is not None:
        told += [("output", name, one.get("value", one.get("because"))) for name, one in closed.outputs.items()]
    cells = [[kind, text(name), code(json.dumps(value, ensure_ascii=False))] for kind, name, value in told]
    return _table(["", "name", "value"], cells) if cells else []


def _table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join(' --- ' for _ in head)}|",
        *(f"| {' | '.join(row)} |" for row in cells),
    ]

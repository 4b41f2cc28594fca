"""A layered picture of a graph as SVG: columns by layer, rows by what comes before; no script, no font file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import NamedTuple

from orch.graph import Graph, Vertex

_CHARACTER, _HEIGHT, _ROW, _GAP, _MARGIN = 7.3, 26, 36, 56, 20
_LONGEST = 36
_SWEEPS = 2
_STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#1f2328}"
    "rect{fill:#f6f8fa;stroke:#6e7781}.gate rect{fill:#fff8c5;stroke:#9a6700}.matrix rect{stroke-dasharray:4 2}"
    ".phase rect{fill:#ddf4ff;stroke:#0969da}path{fill:none;stroke:#8c959f}.chain rect{stroke-width:2.5}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}rect{fill:#161b22}"
    ".gate rect{fill:#3b2e00}.phase rect{fill:#0c2d48}}"
)


class Mark(NamedTuple):
    """How a vertex is shown: a class for its colour, its label, and what it says of itself."""

    css: str
    label: str
    title: str


class _Box(NamedTuple):
    x: float
    y: float
    width: float


def svg(graph: Graph, title: str) -> str:
    """The whole file."""
    chain = set(graph.chain)
    return drawing(graph, title, {vertex.name: _mark(vertex, chain) for vertex in graph.vertices}, _STYLE)


def drawing(graph: Graph, title: str, marks: Mapping[str, Mark], style: str = "") -> str:
    """A picture, for a page with a style of its own where none is given; in time proportional to vertices and edges."""
    columns = _ordered(graph)
    boxes, width, height = _placed(columns, marks)
    name = ' xmlns="http://www.w3.org/2000/svg"' if style else ""  # a page knows it
    lines = [
        f'<svg{name} width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="t">',
        f'<title id="t">{escape(title)}</title>{f"<style>{style}</style>" if style else ""}',
    ]
    lines += [_edge(boxes[before], boxes[after]) for before, after in graph.edges]
    lines += [_drawn(marks[vertex.name], boxes[vertex.name]) for column in columns for vertex in column]
    return "\n".join([*lines, "</svg>"])


def _ordered(graph: Graph) -> list[list[Vertex]]:
    """Columns; in each the vertices stand by the mean row of what comes before them (after them on the way back)."""
    columns: list[list[Vertex]] = [[] for _ in range(max((v.layer for v in graph.vertices), default=-1) + 1)]
    for vertex in graph.vertices:
        columns[vertex.layer].append(vertex)
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for one, other in graph.edges:
        before.setdefault(other, []).append(one)
        after.setdefault(one, []).append(other)
    row = {vertex.name: float(number) for column in columns for number, vertex in enumerate(column)}
    for _ in range(_SWEEPS):
        for beside, order in ((before, columns), (after, columns[::-1])):
            for column in order:
                means = {v.name: _mean([row[name] for name in beside.get(v.name, ())], row[v.name]) for v in column}
                column.sort(key=partial(_place, means))
                row.update({vertex.name: float(number) for number, vertex in enumerate(column)})
    return columns


def _place(means: dict[str, float], vertex: Vertex) -> float:
    return means[vertex.name]


def _mean(rows: list[float], otherwise: float) -> float:
    return sum(rows) / len(rows) if rows else otherwise


def _placed(columns: list[list[Vertex]], marks: Mapping[str, Mark]) -> tuple[dict[str, _Box], float, float]:
    boxes: dict[str, _Box] = {}
    x, height = float(_MARGIN), max(map(len, columns), default=0) * _ROW + 2.0 * _MARGIN
    for column in columns:
        width = max(len(marks[vertex.name].label) for vertex in column) * _CHARACTER + 16
        top = (height - len(column) * _ROW) / 2
        for number, vertex in enumerate(column):
            boxes[vertex.name] = _Box(x, top + number * _ROW, width)
        x += width + _GAP
    return boxes, x - _GAP + _MARGIN if columns else 2.0 * _MARGIN, height


def _edge(start: _Box, end: _Box) -> str:
    x1, y1, x2, y2 = start.x + start.width, start.y + _HEIGHT / 2, end.x, end.y + _HEIGHT / 2
    bend = max((x2 - x1) / 2, 20)
    return f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'


def _drawn(mark: Mark, box: _Box) -> str:
    return (
        f'<g class="{mark.css}"><title>{escape(mark.title)}</title>'
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{box.x + 8:.0f}" y="{box.y + 17:.0f}">{escape(mark.label)}</text></g>'
    )


def _mark(vertex: Vertex, chain: set[str]) -> Mark:
    css = f"{vertex.kind} chain" if vertex.name in chain else vertex.kind
    full = f"phase {vertex.name[1:]}" if vertex.kind == "phase" else f"{vertex.kind} {vertex.name}"
    return Mark(css, label(vertex), full)


def label(vertex: Vertex) -> str:
    """The name without its phase, shortened."""
    text = vertex.name[1:] if vertex.kind == "phase" else vertex.name.partition(".")[2] or vertex.name
    if vertex.kind == "gate":
        text += " (gate)"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

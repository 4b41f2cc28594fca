"""A plan's graph as a tree for terminals, as mermaid and DOT text, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orch.graph import FINALLY, Graph, Vertex
from orch.model.compiled import GATE, Compiled
from orch.render.lengths import counted
from orch.render.plan_text import gate_words, step_of, what
from orch.render.problems_text import visible
from orch.render.style import Style

FORMAT_VERSION = 1
_CHAIN = 8


def tree(plan: Compiled, graph: Graph, style: Style) -> str:
    """Phases with their gates and nodes, what each needs, and the longest chain."""
    needs = _needs(graph)
    lines = [style.paint(plan.head["pipeline"]["name"], "bold")]
    phases = {phase: _shown(plan, members) for phase, members in _by_phase(graph).items()}
    for number, (phase, members) in enumerate(phases.items()):
        last_phase = number == len(phases) - 1
        lines.append(f"{'└─' if last_phase else '├─'} {style.paint(phase, 'bold')}{_phase_needs(plan, phase)}")
        for index, vertex in enumerate(members):
            stem = "   " if last_phase else "│  "
            branch = "└─" if index == len(members) - 1 else "├─"
            lines.append(style.cut(f"{stem}{branch} {_label(plan, vertex)}{_wanted(needs.get(vertex.name, []))}"))
    lines += ["", f"longest chain: {_chain(graph)} ({counted(len(graph.chain), 'step')})"]
    text = "\n".join(lines)
    if not style.unicode:
        text = text.replace("└─", "`-").replace("├─", "|-")
    return style.ascii(text)


def mermaid(plan: Compiled, graph: Graph) -> str:
    """A flowchart, a subgraph for each phase."""
    ids = {vertex.name: f"n{number}" for number, vertex in enumerate(graph.vertices)}
    lines = ["flowchart LR"]
    for phase, members in _by_phase(graph).items():
        lines.append(f'  subgraph {ids[f":{phase}"]}["{phase}"]')
        for vertex in members:
            shape = ("{{", "}}") if vertex.kind == "gate" else ("[", "]")
            lines.append(f'    {ids[vertex.name]}{shape[0]}"{_mermaid_text(_short(vertex))}"{shape[1]}')
        lines.append("  end")
    plain = {vertex.name for vertex in graph.vertices if vertex.kind != "phase"}
    phase_of = {vertex.name: vertex.phase for vertex in graph.vertices}
    lines += [f"  {ids[a]} --> {ids[b]}" for a, b in graph.edges if {a, b} <= plain and phase_of[a] == phase_of[b]]
    seen = dict.fromkeys((phase_of[a], phase_of[b]) for a, b in graph.edges if phase_of[a] != phase_of[b])
    lines += [f"  {ids[f':{a}']} --> {ids[f':{b}']}" for a, b in seen]
    return "\n".join(lines)


def dot(plan: Compiled, graph: Graph) -> str:
    """A digraph, a cluster for each phase; the point in it is where the phase is entered."""
    shapes = {"run": "box", "gate": "hexagon", "matrix": "box", "phase": "point"}
    lines = [f"digraph {_quoted(plan.head['pipeline']['name'])} {{", "  rankdir=LR;", "  node [fontname=sans-serif];"]
    for phase, members in _by_phase(graph).items():
        lines += [f"  subgraph {_quoted('cluster_' + phase)} {{", f"    label={_quoted(phase)};"]
        lines.append(f"    {_quoted(':' + phase)} [shape=point];")
        lines += [
            f"    {_quoted(vertex.name)} [shape={shapes[vertex.kind]}, label={_quoted(_short(vertex))}];"
            for vertex in members
        ]
        lines.append("  }")
    lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in graph.edges]
    return "\n".join([*lines, "}"])


def graph_json(plan: Compiled, graph: Graph) -> str:
    """`{format_version, pipeline, vertices: [{name, kind, phase, layer}], edges: [[from, to]], longest_chain}`."""
    return json.dumps(
        {
            "format_version": FORMAT_VERSION,
            "pipeline": plan.head["pipeline"]["name"],
            "vertices": [vertex._asdict() for vertex in graph.vertices],
            "edges": graph.edges,
            "longest_chain": graph.chain,
        },
        ensure_ascii=False,
    )


def _by_phase(graph: Graph) -> dict[str, list[Vertex]]:
    found: dict[str, list[Vertex]] = {}
    for vertex in graph.vertices:
        members = found.setdefault(vertex.phase, [])
        if vertex.kind != "phase":
            members.append(vertex)
    return found


def _shown(plan: Compiled, members: list[Vertex]) -> list[Vertex]:
    """A matrix is its children; one that has none is told before what needs it."""
    empty = [vertex for vertex in members if vertex.kind == "matrix" and not _children(plan, vertex)]
    return empty + [vertex for vertex in members if vertex.kind != "matrix"]


def _children(plan: Compiled, vertex: Vertex) -> Sequence[int]:
    return plan.group_children.get(plan.index_of[vertex.name], ())


def _needs(graph: Graph) -> dict[str, list[str]]:
    """What each node needs in its own phase."""
    found: dict[str, list[str]] = {}
    kinds = {vertex.name: vertex.kind for vertex in graph.vertices}
    for before, after in graph.edges:
        if kinds[before] in ("run", "matrix") and kinds[after] == "run":
            found.setdefault(after, []).append(before.partition(".")[2])
    return found


def _wanted(names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _CHAIN} more" if len(names) > _CHAIN else ""
    return f"  (needs {', '.join(names[:_CHAIN])}{more})"


def _phase_needs(plan: Compiled, phase: str) -> str:
    if phase == FINALLY:
        return "  (always, at the end)"
    here = plan.phase_names.index(phase)
    needs = [name for number, name in enumerate(plan.phase_names) if here in plan.phase_dependants[number]]
    return f"  (after {', '.join(needs)})" if needs else ""


def _label(plan: Compiled, vertex: Vertex) -> str:
    if vertex.kind == "matrix":
        return f"{_short(vertex)}  (an empty matrix)"
    step = plan.index_of[vertex.name]
    told = gate_words(plan.action(step).step["gate"]) if plan.kinds[step] == GATE else what(step_of(plan, step))
    return f"{_short(vertex)}{'  gate' if vertex.kind == 'gate' else ''}  {visible(told)}"


def _chain(graph: Graph) -> str:
    chain = graph.chain
    if len(chain) > _CHAIN:
        half = _CHAIN // 2
        chain = [*chain[:half], "…", *chain[-half:]]
    return " → ".join(chain) or "none"


def _short(vertex: Vertex) -> str:
    return vertex.name.partition(".")[2] or vertex.name


def _mermaid_text(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "#quot;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

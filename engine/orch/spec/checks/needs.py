"""`needs` of phases and nodes: what they name exists, and nothing waits for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orch.source.document import Route
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.graph import Graph, cycles
from orch.spec.node import BodyNode
from orch.spec.report import Report

MAX_CYCLES = 10


def check_phase_needs(graph: Graph, report: Report) -> None:
    """Report phases that need what is not there, and those that wait for themselves."""
    phases = graph.pipeline.phases
    for name, phase in phases.items():
        for index, need in enumerate(phase.needs or ()):
            route = ("phases", name, "needs", index)
            if need not in phases:
                near = nearest(need, phases)
                hint = f"did you mean `{near}`?" if near else f"the phases are {names_text(phases)}"
                if need in graph.nodes:
                    hint = f"`{need}` is a node; a phase needs phases: `{graph.phase_of[need]}`"
                report.add("O204", f"there is no phase `{need[:48]}`", route, hint)
            elif need in (phase.needs or ())[:index]:
                report.add("O213", f"`{need}` is named twice in `needs`", route, "remove one of the two")
    _report_cycles(graph.phase_needs, ("phases",), "O205", "phases", report)


def check_node_needs(graph: Graph, report: Report) -> None:
    """Report nodes that need what is not there or not in their phase, and those that wait for themselves; and rules
    about no needs."""
    for phase_name, phase in graph.pipeline.phases.items():
        nodes = phase.nodes
        seen: set[str] = set()
        forward = False
        for name, node in nodes.items():
            needs = node.needs
            if not seen.issuperset(needs):
                forward = True
                for index, need in enumerate(needs):
                    if need not in nodes:
                        _unknown(graph, report, need, phase_name, ("phases", phase_name, "nodes", name, "needs", index))
            if len(needs) > 1 and len(set(needs)) < len(needs):
                _repeated(needs, ("phases", phase_name, "nodes", name, "needs"), report)
            if not needs and "trigger_rule" in node.model_fields_set:
                message = f"`{name}` needs nothing, so `trigger_rule` says nothing"
                hint = "name what it waits for in `needs`, or remove `trigger_rule`"
                report.add("O119", message, ("phases", phase_name, "nodes", name, "trigger_rule"), hint, key=True)
            seen.add(name)
        if forward:  # where everything needs what is written above it, nothing can go round
            edges = {name: node.needs for name, node in nodes.items()}
            _report_cycles(edges, ("phases", phase_name, "nodes"), "O203", "nodes", report)


def check_body_needs(body: Mapping[str, BodyNode], route: Route, report: Report) -> bool:
    """Report nodes of a loop that need what is not in its body, or themselves; whether there is nothing to report."""
    before = len(report.problems)
    for name, node in body.items():
        for index, need in enumerate(node.needs):
            at = (*route, name, "needs", index)
            if need not in body:
                near = nearest(need, body)
                hint = f"did you mean `{near}`?" if near else f"the nodes of this loop are {names_text(body)}"
                report.add("O201", f"there is no node `{need[:48]}` in this loop", at, hint)
            elif need in node.needs[:index]:
                report.add("O213", f"`{need}` is named twice in `needs`", at, "remove one of the two")
        if not node.needs and "trigger_rule" in node.model_fields_set:
            message = f"`{name}` needs nothing, so `trigger_rule` says nothing"
            hint = "name what it waits for in `needs`, or remove `trigger_rule`"
            report.add("O119", message, (*route, name, "trigger_rule"), hint, key=True)
    _report_cycles({name: node.needs for name, node in body.items()}, route, "O203", "nodes", report)
    return len(report.problems) == before


def _unknown(graph: Graph, report: Report, need: str, here: str, route: Route) -> None:
    there = graph.phase_of.get(need)
    if there is not None:
        if there in graph.phases_before(here):
            hint = f"remove it: phase `{here}` starts only when phase `{there}` has passed"
        else:
            hint = f"`needs` stays within a phase: let phase `{here}` need phase `{there}`, or move the node"
        report.add("O202", f"`{need}` is a node of phase `{there}`, not of `{here}`", route, hint)
        return
    nodes = graph.pipeline.phases[here].nodes
    near = nearest(need, nodes)
    if need in graph.gates:
        hint = f"`{need}` is a gate: all nodes of its phase wait for it already"
    elif need in graph.pipeline.phases:
        hint = f"`{need}` is a phase: write `needs` on the phase `{here}`"
    elif need in graph.pipeline.finally_:
        hint = f"`{need}` is a `finally` node, which runs when all is over"
    else:
        hint = f"did you mean `{near}`?" if near else f"the nodes of this phase are {names_text(nodes)}"
    report.add("O201", f"there is no node `{need[:48]}` in phase `{here}`", route, hint)


def _repeated(needs: tuple[str, ...], route: Route, report: Report) -> None:
    for index, need in enumerate(needs):
        if need in needs[:index]:
            report.add("O213", f"`{need}` is named twice in `needs`", (*route, index), "remove one of the two")


def _report_cycles(edges: Mapping[str, Sequence[str]], parent: Route, code: str, what: str, report: Report) -> None:
    for path in cycles(edges)[:MAX_CYCLES]:
        places = [(name, report.document.span((*parent, name), key=True).line) for name in path]
        shown = " → ".join(f"{name} (line {line})" for name, line in places[:12])
        if len(places) > 12:
            shown += f" → … → {places[-1][0]}"
        if len(path) == 2:
            message, hint = f"`{path[0]}` needs itself", "remove it from its own `needs`"
        else:
            message, hint = f"{what} that wait for each other: {shown}", "remove one of these `needs`"
        route: Route = (*parent, path[0])
        written = report.written((*route, "needs"))
        if isinstance(written, list):
            report.add(code, message, (*route, "needs", written.index(path[1])), hint)
        else:
            report.add(code, message, route, hint, key=True)

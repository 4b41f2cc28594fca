"""Loops: their bodies, which see what the loop sees and each other, and the condition that ends them."""

from __future__ import annotations

from orch.source.document import Route
from orch.spec.checks import matrices, views
from orch.spec.checks.needs import check_body_needs
from orch.spec.checks.nodes import check_work
from orch.spec.checks.texts import View, check_bare
from orch.spec.graph import Graph
from orch.spec.node import Node
from orch.spec.report import Report

_BESIDE = {
    "loop",
    "workspace",
    "needs",
    "trigger_rule",
    "if_",
    "matrix",
    "key",
    "max_parallel",
    "allow_failure",
    "tags",
    "description",
}


def check_loops(graph: Graph, report: Report) -> None:
    """Report what is wrong inside of loops."""
    for phase, name, node in graph.with_more:
        if node.loop is not None:
            _check(graph, report, phase, name, node)


def _check(graph: Graph, report: Report, phase: str, name: str, node: Node) -> None:
    assert node.loop is not None, "asked before"
    route: Route = ("phases", phase, "nodes", name)
    for key in sorted(node.model_fields_set - _BESIDE):
        if key in ("run", "adapter", "pipeline", "with_"):
            continue  # two kinds, or a key of another kind, which is said elsewhere
        hint = f"move it into the nodes of the loop: `nodes: {{ {next(iter(node.loop.nodes))}: {{ {key}: … }} }}`"
        report.add("O121", f"`{key}` beside `loop`", (*route, key), hint, key=True)
    if node.workspace == "readonly":
        hint = "let the nodes that read have it: a loop is there to change something"
        report.add("O121", "a `readonly` loop", (*route, "workspace"), hint)
    loop: Route = (*route, "loop")
    if (node.loop.stop_if_unchanged or 0) > node.loop.max_iterations:
        message = f"`max_iterations` ends the loop before {node.loop.stop_if_unchanged} are over"
        hint = f"at most {node.loop.max_iterations}, or more iterations"
        report.add("O104", message, (*loop, "stop_if_unchanged"), hint)
    body = node.loop.nodes
    if not check_body_needs(body, (*loop, "nodes"), report):
        return
    inner = views.inside(graph, phase, name)
    matrix, partial = matrices.root(graph, node)
    roots = {**matrix, "loop": views.loop_root(body.items())}
    for inner_name, inner_node in body.items():
        view = _with_loop(views.node(inner, phase, inner_name, roots), partial)
        check_work(inner, report, view, (*loop, "nodes", inner_name), inner_node)
    view = _with_loop(views.node(inner, phase, views.UNTIL, roots), partial)
    check_bare(inner, report, view, (*loop, "until"), node.loop.until)


def _with_loop(view: View, partial: frozenset[str]) -> View:
    return View(view.roots, view.over, view.unsure, view.hint, partial)

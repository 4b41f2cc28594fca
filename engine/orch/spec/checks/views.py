"""What the texts of each place can see: nodes, gates, `finally`, and what is read when the plan is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orch.spec.checks import shapes
from orch.spec.checks.texts import View
from orch.spec.expressions.check import Known, Scalar, Shape
from orch.spec.graph import Graph
from orch.spec.node import BodyNode, Node

TASK = Scalar("string")


def planning(graph: Graph, **more: Shape) -> View:
    """Texts that are evaluated when the plan is made."""
    return View({"inputs": shapes.of_inputs(graph.pipeline.inputs), "task": TASK, **more})


def node(graph: Graph, phase: str, name: str, matrix: Mapping[str, Shape]) -> View:
    """The texts of a node of a phase. `matrix` is that root, or empty."""
    ancestors: set[str] = set()
    successes: set[str] = set()
    before: set[str] = set()

    def over() -> set[str]:
        if not before:
            ancestors.update(graph.ancestors(phase, name))
            successes.update(graph.succeeded_before(phase, name))
            before.update(ancestors, _nodes_before(graph, phase))
        return before

    def unsure(other: str) -> bool:
        over()
        failed = other in ancestors and other not in successes
        return failed or graph.nodes[other].allow_failure or graph.may_be_skipped(other)

    def hint(other: str) -> str:
        if graph.phase_of[other] != phase:
            return _elsewhere(graph, other, phase)
        if other == name:
            return "a node cannot read itself"
        if name in graph.ancestors(phase, other):
            return f"`{other}` starts only after `{name}`: turn their order round, or read it in a node behind both"
        return f"add it: `needs: [{other}]`"

    return View({**_running(graph), **matrix}, over, unsure, hint)


def inside(graph: Graph, phase: str, name: str) -> Graph:
    """The graph that the nodes of a loop see: they stand in the place of the loop, and hide nodes of the same name."""
    pipeline, loop_node = graph.pipeline, graph.nodes[name]
    assert loop_node.loop is not None, "only of a loop"
    body = loop_node.loop.nodes
    first = {"needs": loop_node.needs, "trigger_rule": loop_node.trigger_rule}
    inner = {
        inner: Node.model_construct(
            inner_node.model_fields_set, **{**dict(inner_node), **({} if inner_node.needs else first)}
        )
        for inner, inner_node in body.items()
    }
    inner[UNTIL] = Node.model_construct({"needs"}, needs=tuple(body))
    phases = {
        title: one.model_copy(
            update={
                "nodes": {
                    **{other: node for other, node in one.nodes.items() if other not in body and other != name},
                    **(inner if title == phase else {}),
                }
            }
        )
        for title, one in pipeline.phases.items()
    }
    return Graph(pipeline.model_copy(update={"phases": phases}), graph.children, graph.workspace)


UNTIL = ""
"""The name, which no node can have, of what is behind all nodes of a body."""


def loop_root(body: Iterable[tuple[str, BodyNode]]) -> Shape:
    """The root `loop` of a body's texts."""
    previous = Known({name: shapes.of_node(node) for name, node in body})
    return Known({"index": Scalar("number"), "previous": previous})


def gate(graph: Graph, phase: str) -> View:
    """The conditions of a gate of this phase."""
    nodes = _nodes_before(graph, phase)

    def unsure(other: str) -> bool:
        return graph.nodes[other].allow_failure or graph.may_be_skipped(other)

    def hint(other: str) -> str:
        if graph.phase_of[other] != phase:
            return _elsewhere(graph, other, phase)
        return "a gate stands before the nodes of its phase: move it to a later phase"

    return View(_running(graph), lambda: nodes, unsure, hint)


def ended(graph: Graph) -> View:
    """The texts of `finally` nodes: everything is over, and anything may have failed."""
    return View({**_running(graph), "run": shapes.RUN_ENDED}, graph.nodes.keys)


def closing(graph: Graph) -> View:
    """The outputs of the pipeline: what is not there is null."""
    return View(_running(graph), graph.nodes.keys, lambda other: False)


def _running(graph: Graph) -> dict[str, Shape]:
    return {"inputs": shapes.of_inputs(graph.pipeline.inputs), "task": TASK, "run": shapes.RUN}


def _nodes_before(graph: Graph, phase: str) -> set[str]:
    return {node for name in graph.phases_before(phase) for node in graph.pipeline.phases[name].nodes}


def _elsewhere(graph: Graph, other: str, phase: str) -> str:
    there = graph.phase_of[other]
    if phase in graph.phases_before(there):
        return f"phase `{there}`, which `{other}` is in, comes after phase `{phase}`"
    return f"let phase `{phase}` need phase `{there}`, which `{other}` is in"

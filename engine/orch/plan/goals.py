"""What goals give to the pipelines that they open: every goal is held against the inputs there, before a plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orch.plan.children import bind_child
from orch.problems.problem import Exit, OrchError, Problem, Span
from orch.source.document import Route
from orch.spec.children import Child
from orch.spec.expressions.parse import parse_template
from orch.spec.expressions.tree import references
from orch.spec.goals_pipeline import PHASE, GoalsDocument
from orch.spec.matrix import expand
from orch.spec.node import Node
from orch.spec.pipeline import Pipeline


def check_inputs(pipeline: Pipeline, children: Mapping[str, Child], document: GoalsDocument) -> None:
    """Raise OrchError with all that does not fit, each at the key of the goal that it comes from."""
    places = {goal["id"]: index for index, goal in enumerate(document.goals)}
    problems: list[Problem] = []
    for name, node in pipeline.phases[PHASE].nodes.items():
        if node.pipeline is None:
            continue
        for _, row in expand(node.matrix, node.key, {}):

            def span(route: Route, node: Node = node, goal: Mapping[str, Any] = row["goal"]) -> Span:
                key = _read(node.with_[str(route[-1])], goal)
                return document.span(route, key=True) if key is None else document.place(places[goal["id"]], key)

            scope = {"inputs": {}, "matrix": row}
            try:
                bind_child(node, children[node.pipeline], scope, span, ("phases", PHASE, "nodes", name))
            except OrchError as error:  # with adapters, a goal is held against the same inputs more than once
                problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise OrchError(problems, Exit.INVALID)


def _read(given: Any, goal: Mapping[str, Any]) -> str | None:
    """The key of the goal that a value of `with` reads; empty where it reads several, or one that is not there; None
    where it reads nothing of the goal."""
    texts = [text for text in (given if isinstance(given, tuple) else (given,)) if isinstance(text, str)]
    trees = [tree for text in texts if (tree := parse_template(text)) is not None]
    read = {str(*one.parts[1:2]) for tree in trees for one in references(tree) if one.parts[:1] == ("goal",)}
    if not read:
        return None
    return next(iter(read)) if len(read) == 1 and read <= goal.keys() else ""

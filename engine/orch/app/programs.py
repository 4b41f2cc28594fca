"""Which programs that nodes require are not here? Looked up on the caller's PATH when a plan is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping

from orch.problems.problem import Problem
from orch.source.document import Document, Route
from orch.spec.node import FinallyNode, Node
from orch.spec.pipeline import Pipeline


def missing_programs(pipeline: Pipeline, document: Document, env: Mapping[str, str]) -> list[Problem]:
    """A warning for each program that is required and not there, where it is first named. Of a node with a PATH of its
    own nothing is known before it starts."""
    told: dict[str, Problem] = {}
    for route, node in _nodes(pipeline):
        if "PATH" in node.env or "PATH" in pipeline.defaults.env:
            continue
        for number, name in enumerate(node.requires):
            if name not in told and shutil.which(name, path=env.get("PATH")) is None:
                message = f"`{route[-1]}` requires `{name}`, which is not on PATH"
                at = document.span((*route, "requires", number))
                hint = f"install {name}, or name its folder in PATH: the node is not started without it"
                told[name] = Problem("O407", message, at, hint, severity="warning")
    return list(told.values())


def _nodes(pipeline: Pipeline) -> Iterator[tuple[Route, Node | FinallyNode]]:
    for phase, written in pipeline.phases.items():
        for name, node in written.nodes.items():
            if node.requires:
                yield ("phases", phase, "nodes", name), node
    for name, last in pipeline.finally_.items():
        if last.requires:
            yield ("finally", name), last

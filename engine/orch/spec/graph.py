"""Who comes before whom in a pipeline: what is certainly over when a text is evaluated. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from orch.spec.node import PLAIN_KEYS, Node
from orch.spec.pipeline import Pipeline

if TYPE_CHECKING:
    from orch.spec.children import Child


class Graph:
    """A pipeline's phases and nodes by name, and its children by what `pipeline:` says. Needs that name nothing are
    left out: they are reported elsewhere."""

    def __init__(self, pipeline: Pipeline, children: Mapping[str, Child] | None = None, workspace: str = "") -> None:
        self.pipeline = pipeline
        self.workspace = workspace or pipeline.workspace
        self.children = children or {}
        self.phase_needs: dict[str, tuple[str, ...]] = {}
        before: tuple[str, ...] = ()
        for name, phase in pipeline.phases.items():
            needs = before if phase.needs is None else phase.needs
            self.phase_needs[name] = tuple(need for need in needs if need in pipeline.phases)
            before = (name,)

    def child_of(self, node: Node) -> Pipeline | None:
        """The child pipeline that a node opens, where it could be read."""
        child = self.children.get(node.pipeline) if node.pipeline is not None else None
        return child.pipeline if child is not None else None

    @cached_property
    def phase_of(self) -> dict[str, str]:
        """Each node's phase."""
        return {node: name for name, phase in self.pipeline.phases.items() for node in phase.nodes}

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """All nodes by their names."""
        return {name: node for phase in self.pipeline.phases.values() for name, node in phase.nodes.items()}

    @cached_property
    def with_more(self) -> list[tuple[str, str, Node]]:
        """Phase, name and node of those with other than plain keys: in a large pipeline, few."""
        return [
            (phase_name, name, node)
            for phase_name, phase in self.pipeline.phases.items()
            for name, node in phase.nodes.items()
            if not node.model_fields_set <= PLAIN_KEYS
        ]

    @cached_property
    def gates(self) -> frozenset[str]:
        """The names of all gates."""
        return frozenset(gate for phase in self.pipeline.phases.values() for gate in phase.gates)

    def phases_before(self, phase: str) -> set[str]:
        """The phases that have passed when this one is entered."""
        return reachable(self.phase_needs[phase], self.phase_needs)

    def ancestors(self, phase: str, node: str) -> set[str]:
        """The nodes of the same phase that have ended when this one starts."""
        nodes = self.pipeline.phases[phase].nodes
        return _walk((node,), lambda name: nodes[name].needs if name in nodes else ()) - {node}

    def succeeded_before(self, phase: str, node: str) -> set[str]:
        """Those ancestors that did not fail, since every rule in between asks for success."""
        nodes = self.pipeline.phases[phase].nodes

        def asked(name: str) -> Iterable[str]:
            found = nodes.get(name)
            return found.needs if found and found.trigger_rule == "all_success" else ()

        return _walk((node,), asked) - {node}

    def may_be_skipped(self, node: str) -> bool:
        """May it be skipped although nothing failed?"""
        return node in self._skippable

    @cached_property
    def _skippable(self) -> frozenset[str]:
        found: set[str] = {name for name, node in self.nodes.items() if node.if_ is not None}
        dependants: dict[str, list[str]] = {}
        for name, node in self.nodes.items():
            for need in node.needs:
                dependants.setdefault(need, []).append(name)
        queue = list(found)
        while queue:
            for name in dependants.get(queue.pop(), ()):
                node = self.nodes[name]
                one = node.trigger_rule in ("one_success", "none_failed_min_one_success")
                skips = node.trigger_rule == "all_success" or (one and found.issuperset(node.needs))
                if skips and name not in found:
                    found.add(name)
                    queue.append(name)
        return frozenset(found)


def reachable(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Everything on the way from `starts` along the edges, the starts included."""
    return _walk(starts, lambda name: edges.get(name, ()))


def cycles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Cycles that together touch every knot, each as a path that ends where it begins; in the order written."""
    state: dict[str, int] = {}
    found: list[list[str]] = []
    for start in edges:
        if start in state:
            continue
        path, iterators = [start], [iter(edges[start])]
        state[start] = 1
        while iterators:
            following = next(iterators[-1], None)
            if following is None:
                iterators.pop()
                state[path.pop()] = 2
            elif following not in edges:
                continue
            elif following not in state:
                state[following] = 1
                path.append(following)
                iterators.append(iter(edges[following]))
            elif state[following] == 1:
                found.append([*path[path.index(following) :], following])
    return found


def _walk(starts: Iterable[str], edges: Callable[[str], Iterable[str]]) -> set[str]:
    seen = set(starts)
    queue = list(seen)
    while queue:
        for name in edges(queue.pop()):
            if name not in seen:
                seen.add(name)
                queue.append(name)
    return seen

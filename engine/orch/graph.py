"""What depends on what: a graph that knows its layers and its longest chain. The only user of networkx."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import networkx as nx

from orch.model.chain import longest_chain
from orch.model.compiled import GATE, GROUP, Compiled
from orch.model.names import phase_name

Kind = Literal["run", "gate", "matrix", "phase"]
FINALLY = "finally"


class Vertex(NamedTuple):
    """A step, a matrix (all its children are over) or a phase (it is entered). `name` is the address, or the name of
    the phase with a colon before it; `layer` counts from 0: the longest way from a start, in vertices."""

    name: str
    kind: Kind
    phase: str
    layer: int


class Graph(NamedTuple):
    """Vertices in the plan's order; edges as pairs of names; the steps of a longest chain in order."""

    vertices: list[Vertex]
    edges: list[tuple[str, str]]
    chain: list[str]


def graph_of(plan: Compiled) -> Graph:
    """The graph of a plan; its chain is one with the most nodes."""
    network = _network(plan)
    layer = {name: number for number, names in enumerate(nx.topological_generations(network)) for name in names}
    vertices = [Vertex(name, data["kind"], data["phase"], layer[name]) for name, data in network.nodes(data=True)]
    chain = longest_chain(plan, [int(kind not in (GATE, GROUP)) for kind in plan.kinds])
    return Graph(vertices, list(network.edges), [plan.addresses[step] for step in chain])


def folded(graph: Graph, stand_in: Callable[[Vertex], str], kinds: Mapping[str, Kind]) -> Graph:
    """The same with fewer vertices: each is replaced by the one that stands in for it, whose kind is in `kinds` or its
    own. What stands for several has no chain."""
    network: nx.DiGraph[str] = nx.DiGraph()
    names = {vertex.name: stand_in(vertex) for vertex in graph.vertices}
    for vertex in sorted(graph.vertices, key=lambda vertex: names[vertex.name] != vertex.name):
        name = names[vertex.name]
        if name not in network:
            network.add_node(name, kind=kinds.get(name, vertex.kind), phase=vertex.phase)
    network.add_edges_from((names[one], names[other]) for one, other in graph.edges if names[one] != names[other])
    layer = {name: number for number, found in enumerate(nx.topological_generations(network)) for name in found}
    vertices = [Vertex(name, data["kind"], data["phase"], layer[name]) for name, data in network.nodes(data=True)]
    return Graph(vertices, list(network.edges), [])


def _network(plan: Compiled) -> nx.DiGraph[str]:
    network: nx.DiGraph[str] = nx.DiGraph()
    phases = plan.phase_names
    for number, phase in enumerate(phases):
        for gate in plan.phase_gates[number]:
            network.add_node(plan.addresses[gate], kind="gate", phase=phase)
        network.add_node(f":{phase}", kind="phase", phase=phase)
        for node in plan.phase_nodes[number]:
            network.add_node(plan.addresses[node], kind="run", phase=phase)
    if plan.finally_steps:
        network.add_node(f":{FINALLY}", kind="phase", phase=FINALLY)
        for step in plan.finally_steps:
            network.add_node(plan.addresses[step], kind="run", phase=FINALLY)
    for name, index in plan.index_of.items():
        if plan.kinds[index] == GROUP and (plan.dependants[index] or not plan.group_children[index]):
            network.add_node(name, kind="matrix", phase=phase_name(name))
            if not plan.group_children[index] and not plan.needs_count[index]:
                network.add_edge(f":{phase_name(name)}", name)
    network.add_edges_from(_needs(plan, network))
    network.add_edges_from(_phases(plan))
    return network


def _needs(plan: Compiled, network: nx.DiGraph[str]) -> Iterator[tuple[str, str]]:
    names = {index: name for name, index in plan.index_of.items() if name in network}
    for index, name in names.items():
        for then in plan.dependants[index]:
            if then in names:
                yield name, names[then]


def _phases(plan: Compiled) -> Iterator[tuple[str, str]]:
    """Gates before the phase, the phase before its first nodes, its last nodes before the gates of the next phases:
    through the phase, so that no two of them make a product of their nodes."""
    empty: dict[str, list[int]] = defaultdict(list)
    for group in plan.empty_matrices():
        empty[phase_name(plan.addresses[group])].append(group)
    first = [[node for node in nodes if not plan.needs_count[node]] for nodes in plan.phase_nodes]
    for number, phase in enumerate(plan.phase_names):
        entry = f":{phase}"
        for gate in plan.phase_gates[number]:
            yield plan.addresses[gate], entry
        for node in first[number]:
            yield entry, plan.addresses[node]
        ends = [*plan.phase_nodes[number], *empty[phase]]
        last = [plan.addresses[end] for end in ends if not _followed(plan, end)] or [entry]
        for then in plan.phase_dependants[number]:
            into = [plan.addresses[gate] for gate in plan.phase_gates[then]] or [f":{plan.phase_names[then]}"]
            yield from ((name, to) for name in last for to in into)
        if plan.finally_steps and not plan.phase_dependants[number]:
            yield from ((name, f":{FINALLY}") for name in last)
    for step in plan.finally_steps:
        yield f":{FINALLY}", plan.addresses[step]


def _followed(plan: Compiled, node: int) -> bool:
    group = plan.group_of[node]
    return bool(plan.dependants[node]) and (
        group < 0 or plan.dependants[node] != [group] or bool(plan.dependants[group])
    )

"""Who may change what: `workspace`, `writes` and `protected`, and nodes that would change the same at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from orch.source.document import Route
from orch.spec.checks.paths import check_path
from orch.spec.globs import may_meet
from orch.spec.graph import Graph, reachable
from orch.spec.node import SETUP, BodyNode, Node, is_apart, setup_of
from orch.spec.report import Report

if TYPE_CHECKING:
    from orch.spec.children import Child

WAYS_OUT = "let one need the other, write other files, or give them trees of their own: `workspace: worktree`"
ONCE_APART = "a `once` step in a tree of its own: what was done there could not be merged twice either"
ONCE_HINT = "let a node behind it do what must happen once"


class Writer(NamedTuple):
    """A node that writes in the tree that all share."""

    phase: str
    name: str
    node: Node
    writes: tuple[str, ...]

    @property
    def route(self) -> Route:
        """What of it writes."""
        keys = ("writes", "loop", "pipeline")
        written = {"writes": self.node.writes, "loop": self.node.loop, "pipeline": self.node.pipeline}
        return "phases", self.phase, "nodes", self.name, next(key for key in keys if written[key])


def check_writers(graph: Graph, report: Report) -> None:
    """Report what is asked without a branch or contradicts itself, and writers that may get in each other's way."""
    writers: list[Writer] = []
    for phase_name, phase in graph.pipeline.phases.items():
        if phase.protected:
            route = ("phases", phase_name, "protected")
            _needs_branch(graph, report, "protected", route)
            _check_patterns(report, phase.protected, route)
    for phase_name, name, node in graph.with_more:
        inner = tuple(_inside(node, graph.children))
        if inner and node.workspace == "shared":
            writers.append(Writer(phase_name, name, node, inner))
        if node.loop is not None:
            _check_body(graph, report, ("phases", phase_name, "nodes", name, "loop", "nodes"), node)
        _check_kept(graph, report, ("phases", phase_name, "nodes", name), node, is_apart(node))
        if "workspace" in node.model_fields_set or node.writes is not None:
            _check_node(graph, report, ("phases", phase_name, "nodes", name), node)
            if node.writes and node.workspace == "shared":
                writers.append(Writer(phase_name, name, node, node.writes))
    if graph.workspace == "branch":
        _check_readers(graph, report)
    for one in writers:
        if one.node.matrix is not None and one.node.max_parallel != 1:
            message = f"the children of `{one.name}` may write the same files at the same time"
            hint = "give them trees of their own: `workspace: worktree`; or one after the other: `max_parallel: 1`"
            report.add("O521", message, one.route, hint)
    for one, other, files in _clashes(graph, writers):
        line = report.document.span(one.route, key=True).line
        message = f"`{other.name}` and `{one.name}` (line {line}) may write {files} at the same time"
        report.add("O521", message, other.route, WAYS_OUT)


def _check_readers(graph: Graph, report: Report) -> None:
    """A `readonly` node beside one that may change anything: whose a change is could not be told."""
    nodes = [(phase, name, node) for phase, made in graph.pipeline.phases.items() for name, node in made.nodes.items()]
    readers = [one for one in nodes if one[2].workspace == "readonly" or _reads_inside(one[2], graph.children)]
    open_ones = [one for one in nodes if _is_open(one[2], graph.children)] if readers else []
    waits = {(phase, name): graph.ancestors(phase, name) for phase, name, _ in (*readers, *open_ones) if open_ones}
    before = {phase: graph.phases_before(phase) for phase, _ in waits}
    for phase, name, node in readers:
        for other_phase, other_name, _ in open_ones:
            if phase == other_phase:
                apart = name in waits[phase, other_name] or other_name in waits[phase, name] or name == other_name
            else:
                apart = phase in before[other_phase] or other_phase in before[phase]
            if apart:
                continue
            message = f"`{name}` is readonly, and `{other_name}` may change any file beside it: whose is a change?"
            hint = f"say what `{other_name}` changes, `writes: [src/**]` or `writes: []`; or let one need the other"
            key = "workspace" if node.workspace == "readonly" else "pipeline"
            report.add("O521", message, ("phases", phase, "nodes", name, key), hint)
            break


def _is_open(node: Node, children: Mapping[str, Child]) -> bool:
    """May something of the node change any file of the tree that all share?"""
    if node.workspace != "shared":
        return False
    if node.loop is not None:
        return any(one.writes is None for one in node.loop.nodes.values())
    if node.pipeline is not None:
        return any(_is_open(one, made) for one, made in _nodes_of(node, children))
    return node.writes is None


def _reads_inside(node: Node, children: Mapping[str, Child]) -> bool:
    return node.workspace == "shared" and any(
        one.workspace == "readonly" or _reads_inside(one, made) for one, made in _nodes_of(node, children)
    )


def _nodes_of(node: Node, children: Mapping[str, Child]) -> Iterator[tuple[Node, Mapping[str, Child]]]:
    child = children.get(node.pipeline or "")
    for phase in child.pipeline.phases.values() if child is not None else ():
        for one in phase.nodes.values():
            yield one, child.children if child is not None else {}


def _inside(node: Node, children: Mapping[str, Child]) -> Iterator[str]:
    """What is written in the tree of a loop or a child pipeline by what is inside of it."""
    for body in node.loop.nodes.values() if node.loop is not None else ():
        yield from body.writes or ()
    child = children.get(node.pipeline or "")
    for phase in child.pipeline.phases.values() if child is not None else ():
        for one in phase.nodes.values():
            if child is not None and one.workspace == "shared":
                yield from one.writes or ()
                yield from _inside(one, child.children)


def _check_body(graph: Graph, report: Report, route: Route, loop: Node) -> None:
    """The nodes of a loop, which share its tree."""
    body: Mapping[str, BodyNode] = loop.loop.nodes if loop.loop is not None else {}
    for name, node in body.items():
        _check_kept(graph, report, (*route, name), node, is_apart(loop))
        if is_apart(loop) and not isinstance(node.effect, str):
            report.add("O522", ONCE_APART, (*route, name, "effect"), ONCE_HINT, key=True)
    writers = [(name, node) for name, node in body.items() if node.writes is not None]
    for name, node in writers:
        _needs_branch(graph, report, "writes", (*route, name, "writes"))
        _check_patterns(report, node.writes or (), (*route, name, "writes"))
    edges = {name: node.needs for name, node in body.items()}
    for (name, node), (other_name, other) in combinations(writers, 2):
        if name in reachable([other_name], edges) or other_name in reachable([name], edges):
            continue
        met = [(a, b) for a in node.writes or () for b in other.writes or () if may_meet(a, b)]
        if met:
            message = f"`{other_name}` and `{name}` may write `{met[0][0]}` at the same time"
            report.add("O521", message, (*route, other_name, "writes"), "let one need the other, or write other files")


def _check_node(graph: Graph, report: Report, route: Route, node: Node) -> None:
    if node.workspace != "shared":
        _needs_branch(graph, report, "workspace", (*route, "workspace"))
    if node.writes is not None:
        _needs_branch(graph, report, "writes", (*route, "writes"))
        _check_patterns(report, node.writes, (*route, "writes"))
        if node.workspace == "readonly":
            hint = "remove one of the two"
            report.add("O522", "a `readonly` node writes nothing", (*route, "writes"), hint, key=True)
    if not is_apart(node):
        return
    if setup_of(node) is not None:
        at = (*route, "workspace", "setup")
        if node.pipeline is not None:
            hint = "let the first node of the child do it: `{ adapter: python, command: setup }`"
            report.add("O522", "the tree of a child pipeline is set up by the child", at, hint, key=True)
        elif node.loop is not None and SETUP in node.loop.nodes:
            message = "the set-up of the loop's tree is a node of the loop, called `setup`"
            report.add("O522", message, at, "give the other one another name", key=True)
    if not isinstance(node.effect, str):
        report.add("O522", ONCE_APART, (*route, "effect"), ONCE_HINT, key=True)
    if "patch" in node.artifacts:
        message = "`patch` is what a tree of its own leaves: the difference that is merged"
        report.add("O522", message, (*route, "artifacts", "patch"), "give the artifact another name", key=True)


def _check_kept(graph: Graph, report: Report, route: Route, node: BodyNode, apart: bool) -> None:
    """A node with `cache` reads the run's tree and changes nothing there, and neither does its result."""
    if node.cache is None:
        return
    if node.writes or apart:
        message = "a result that was kept brings no changed files with it"
        report.add("O522", message, (*route, "cache"), "let a node behind it be cached, which only reads", key=True)
    elif node.artifacts and graph.workspace == "branch":
        message = "the artifacts of a result that was kept would change the run's tree beside the nodes that work there"
        hint = (
            "leave `cache` out, or give `outputs` instead; in a pipeline without `workspace: branch` both may stand: "
            "who needs the node reads them from $ORCH_ARTIFACTS"
        )
        report.add("O522", message, (*route, "cache"), hint, key=True)


def _needs_branch(graph: Graph, report: Report, key: str, route: Route) -> None:
    if graph.workspace != "branch":
        message = f"`{key}` takes a tree in which nobody but the run changes anything"
        report.add("O520", message, route, "set `workspace: branch` on the pipeline that is run", key=True)


def _check_patterns(report: Report, patterns: tuple[str, ...], route: Route) -> None:
    for index, pattern in enumerate(patterns):
        if "${{" in pattern:
            hint = "write the pattern out: what may be written is known before anything runs"
            report.add("O522", "a pattern is a constant", (*route, index), hint)
        else:
            check_path(report, (*route, index), pattern, "a pattern")


def _clashes(graph: Graph, writers: list[Writer]) -> Iterator[tuple[Writer, Writer, str]]:
    before = {phase: graph.phases_before(phase) for phase in {one.phase for one in writers}}
    for one, other in combinations(writers, 2):
        if one.phase == other.phase:
            apart = one.name in graph.ancestors(one.phase, other.name) or other.name in graph.ancestors(
                one.phase, one.name
            )
        else:
            apart = one.phase in before[other.phase] or other.phase in before[one.phase]
        if apart:
            continue
        for pattern in one.writes:
            met = next((also for also in other.writes if may_meet(pattern, also)), None)
            if met is not None:
                yield one, other, f"`{pattern}`" if pattern == met else f"`{pattern}` and `{met}`"
                break

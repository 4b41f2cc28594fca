"""The graph of a run: statuses by colour, sign and word; of a large one a box for each matrix, or for each phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from orch.graph import Graph, Kind, Vertex, folded, graph_of
from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.model.status import Status
from orch.render.report_words import icon
from orch.render.svg import Mark, drawing, label

MAX_VERTICES = 120
ORDER = (
    Status.FAILED,
    Status.CANCELLED,
    Status.WAITING,
    Status.RUNNING,
    Status.QUEUED,
    Status.SUCCEEDED,
    Status.SKIPPED,
)


class Pictured:
    """The graph of a run and how each vertex stands. `folded_to` is `matrix` or `phase` where it is not whole."""

    def __init__(self, plan: Compiled, state: RunState) -> None:
        self._members: dict[str, list[int]] = {}
        self._plan, self._state = plan, state
        self.folded_to = ""
        parents = {
            plan.addresses[child]: plan.addresses[group]
            for child, group in enumerate(plan.group_of)
            if group >= 0 and plan.is_group(group)
        }
        self._notes: dict[str, str] = {}
        self.graph = whole = self._without_bodies()
        if len(self.graph.vertices) > MAX_VERTICES:
            kinds: dict[str, Kind] = dict.fromkeys(parents.values(), "matrix")
            self._fold("matrix", lambda vertex: parents.get(vertex.name, vertex.name), kinds)
        if len(self.graph.vertices) > MAX_VERTICES:
            self.graph = whole
            self._fold("phase", lambda vertex: f":{vertex.phase}", {f":{name}": "phase" for name in plan.phase_names})

    def status(self, vertex: Vertex) -> str:
        """The word for its colour: the first of failed, cancelled, waiting, … that one of its steps has."""
        found = {self._state.status[step] for step in self._steps(vertex)}
        return next((status.word for status in ORDER if status in found), "")

    def counts(self, vertex: Vertex) -> str:
        """`2 failed, 10 succeeded`"""
        return self._told(self._steps(vertex))

    def labelled(self, vertex: Vertex) -> str:
        """Sign and name, and how many are how where it stands for several."""
        word = self.status(vertex)
        text = f"{icon(word)} {label(vertex)}" if word else label(vertex)
        if note := self._notes.get(vertex.name):
            return f"{text}: {note}"
        return f"{text}: {self.counts(vertex)}" if len(self._steps(vertex)) > 1 else text

    def svg(self, title: str) -> str:
        """The picture, whose colours are the page's."""
        return drawing(self.graph, title, {vertex.name: self._mark(vertex) for vertex in self.graph.vertices})

    def _without_bodies(self) -> Graph:
        """The graph in which a step stands for all that it has opened, and says how much that is."""
        plan, outermost = self._plan, dict[str, str]()
        for phase, owner in enumerate(plan.phase_owner):
            if owner >= 0:
                outermost[plan.phase_names[phase]] = plan.addresses[[owner, *plan.owners(owner)][-1]]
        graph = graph_of(plan)
        if not outermost:
            return graph
        for owner, phases in plan.bodies.items():
            rounds = f"{len(phases):,} iteration{'s' * (len(phases) != 1)}"
            self._notes[plan.addresses[owner]] = rounds if plan.is_loop(owner) else self._told(plan.inner(owner))
        return folded(graph, lambda vertex: outermost.get(vertex.phase, vertex.name), {})

    def _fold(self, to: str, stand_in: Callable[[Vertex], str], kinds: dict[str, Kind]) -> None:
        members: dict[str, list[int]] = {}
        for vertex in self.graph.vertices:
            if vertex.kind != "matrix":
                members.setdefault(stand_in(vertex), []).extend(self._own(vertex.name))
        self.graph, self._members, self.folded_to = folded(self.graph, stand_in, kinds), members, to

    def _told(self, steps: Sequence[int]) -> str:
        found = Counter(self._state.status[step] for step in steps)
        return ", ".join(f"{found[status]:,} {status.word}" for status in ORDER if found[status])

    def _own(self, name: str) -> list[int]:
        index = self._plan.index_of.get(name)
        if index is None:
            return []
        return [index] if not self._plan.is_group(index) else self._plan.group_children[index]

    def _steps(self, vertex: Vertex) -> list[int]:
        return self._members.get(vertex.name) or self._own(vertex.name)

    def _mark(self, vertex: Vertex) -> Mark:
        word = self.status(vertex)
        told = self.counts(vertex) if len(self._steps(vertex)) > 1 else word
        name = vertex.name.removeprefix(":")
        title = f"{vertex.kind} {name}: {told}" if told else f"{vertex.kind} {name}"
        return Mark(f"{vertex.kind} s-{word}" if word else vertex.kind, self.labelled(vertex), title)

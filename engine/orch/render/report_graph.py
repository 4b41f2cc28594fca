"""The graph of a run: statuses by colour, sign and word; of a large one a box for each matrix, or for each phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from orch.graph import Kind, Vertex, folded, graph_of
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
        groups = {index: name for name, index in plan.index_of.items() if plan.is_group(index)}
        parents = {plan.addresses[child]: groups[group] for child, group in enumerate(plan.group_of) if group >= 0}
        self.graph = graph_of(plan)
        if len(self.graph.vertices) > MAX_VERTICES:
            kinds: dict[str, Kind] = dict.fromkeys(parents.values(), "matrix")
            self._fold("matrix", lambda vertex: parents.get(vertex.name, vertex.name), kinds)
        if len(self.graph.vertices) > MAX_VERTICES:
            self.graph = graph_of(plan)
            self._fold("phase", lambda vertex: f":{vertex.phase}", {f":{name}": "phase" for name in plan.phase_names})

    def status(self, vertex: Vertex) -> str:
        """The word for its colour: the first of failed, cancelled, waiting, … that one of its steps has."""
        found = {self._state.status[step] for step in self._steps(vertex)}
        return next((status.word for status in ORDER if status in found), "")

    def counts(self, vertex: Vertex) -> str:
        """`2 failed, 10 succeeded`"""
        found = Counter(self._state.status[step] for step in self._steps(vertex))
        return ", ".join(f"{found[status]:,} {status.word}" for status in ORDER if found[status])

    def labelled(self, vertex: Vertex) -> str:
        """Sign and name, and how many are how where it stands for several."""
        word = self.status(vertex)
        text = f"{icon(word)} {label(vertex)}" if word else label(vertex)
        return f"{text}: {self.counts(vertex)}" if len(self._steps(vertex)) > 1 else text

    def svg(self, title: str) -> str:
        """The picture, whose colours are the page's."""
        return drawing(self.graph, title, {vertex.name: self._mark(vertex) for vertex in self.graph.vertices})

    def _fold(self, to: str, stand_in: Callable[[Vertex], str], kinds: dict[str, Kind]) -> None:
        members: dict[str, list[int]] = {}
        for vertex in self.graph.vertices:
            if vertex.kind != "matrix":
                members.setdefault(stand_in(vertex), []).extend(self._own(vertex.name))
        self.graph, self._members, self.folded_to = folded(self.graph, stand_in, kinds), members, to

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

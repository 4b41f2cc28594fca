"""What may the steps of a plan be called, those that only a run adds among them? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from orch.model.compiled import GATE, Compiled
from orch.model.plan import StepDoc
from orch.model.stubs import names_of
from orch.source.document import Route
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.report import Report

_ID = re.compile(r"[a-z][a-z0-9_]*")
_ADDED = re.compile(r"\[[^\]]*\]|#\d+")


class Names:
    """The names of gates and nodes. `work` has the documents of all that can have attempts, by the address without
    what only a run knows: the keys of a matrix and the iterations of a loop."""

    def __init__(self, plan: Compiled) -> None:
        self._plan = plan
        self.work: dict[str, StepDoc] = {}
        self._others: set[str] = set()  # what opens further steps, and ends as they do
        self._keyed: set[str] = set()
        self._most: dict[str, int] = {}
        gates = [plan.addresses[step] for step in plan.steps if plan.kinds[step] == GATE]
        for step in plan.steps:
            if plan.kinds[step] != GATE:
                self._visit(plan.addresses[step], plan.actions[step])
        for group, children in plan.group_children.items():
            self._keyed.add(plan.addresses[group])
            for child in children[:1]:
                self._visit(plan.addresses[group], plan.actions[child])
            if not children:
                self._others.add(plan.addresses[group])
        self._gates = {address: address for address in gates}
        self._gates |= {name: plan.addresses[index] for name, index in plan.ids.items() if plan.kinds[index] == GATE}

    def node(self, name: str, report: Report, route: Route) -> str | None:
        """The address that is meant, of a node or a whole matrix; None where there is none, which is reported."""
        if (found := next(filter(self._is_node, self._spelt_out(name)), None)) is None:
            self._refuse("node", name, report, route)
        return found

    def gate(self, name: str, report: Report, route: Route) -> str | None:
        """The address of the gate that is meant; None where there is none, which is reported."""
        if (found := next(filter(None, map(self._gates.get, self._spelt_out(name))), None)) is None:
            self._refuse("gate", name, report, route)
        return found

    def document(self, address: str) -> StepDoc | None:
        """The step of an address; None of one that has no attempts of its own: a loop, a child pipeline."""
        return next((self.work[name] for name in names_of(address) if name in self.work), None)

    def read(self) -> Iterator[str]:
        """The addresses of nodes that expressions read, a matrix as a whole, in the plan's order; of a loop that
        is read, those of its body that give something."""
        plan = self._plan
        names = {*plan.output_reads, *(node for action in plan.action_table for node in action.reads)}
        names |= {node for action in plan.action_table if action.body is not None for node in action.body["reads"]}
        static = {plan.addresses[child] for children in plan.group_children.values() for child in children}
        order = {address: plan.index_of.get(_ADDED.sub("", address), plan.size) for address in self.work}
        for address in sorted(self.work, key=lambda address: order[address]):
            owner, _, node = address.rpartition(".")
            given = owner.rpartition(".")[2] in names and owner in self._others and "outputs" in self.work[address]
            if (node in names or given) and address not in static:
                yield address

    def _visit(self, name: str, number: int) -> None:
        action = self._plan.action_table[number]
        body = action.body
        if body is None:
            self.work[name] = action.step
        elif body["kind"] == "matrix":
            self._keyed.add(name)
            self._visit(name, body["child"])
        else:
            self._others.add(name)
            if body["kind"] == "loop":
                self._most[name] = body["most"]
                for node, inner in zip(body["ids"], body["actions"], strict=True):
                    self._visit(f"{name}.{node}", inner)

    def _spelt_out(self, name: str) -> Iterator[str]:
        """The name, and the address that it means if it begins with an id."""
        yield name
        if (found := _ID.match(name)) and (index := self._plan.ids.get(found[0])) is not None:
            yield self._plan.addresses[index] + name[found.end() :]

    def _is_node(self, address: str) -> bool:
        known = self.work.keys() | self._others
        return address in known or (
            any(name in known for name in names_of(address))
            and all(self._may_be_added(address, found) for found in _ADDED.finditer(address))
        )

    def _may_be_added(self, address: str, found: re.Match[str]) -> bool:
        """May a run add this key, or this iteration, here?"""
        before = names_of(address[: found.start()])
        if found[0][0] == "#":
            return any(1 <= int(found[0][1:]) <= self._most[name] for name in before if name in self._most)
        plan = self._plan
        for name in before:
            index = plan.index_of.get(name)
            if index is not None and plan.is_group(index):
                return address[: found.end()] in plan.index_of
        return any(name in self._keyed for name in before)

    def _refuse(self, what: str, name: str, report: Report, route: Route) -> None:
        known, others = self._known(what), self._known("gate" if what == "node" else "node")
        near = nearest(name, known)
        if name in others:
            hint = f"move it below `{'gates' if what == 'node' else 'nodes'}`"
        else:
            hint = f"did you mean `{near}`?" if near else f"known here: {names_text(dict.fromkeys(known.values()))}"
        report.add("O290", f"the pipeline has no {what} `{name[:100]}`", route, hint, key=True)

    def _known(self, what: str) -> Mapping[str, str]:
        if what == "gate":
            return self._gates
        every = {address: address for address in (*self.work, *self._others)}
        return every | {name: self._plan.addresses[index] for name, index in self._nodes_by_id()}

    def _nodes_by_id(self) -> Iterable[tuple[str, int]]:
        return ((name, index) for name, index in self._plan.ids.items() if self._plan.kinds[index] != GATE)

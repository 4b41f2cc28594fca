"""What lies where in a plan: the phase, the matrix and the owner of each step, with what a run adds to it. No code of
the core."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

FINALLY = "finally"


def phase_of(address: str) -> str:
    """The phase of a step that stands in the plan."""
    return address[: address.index(".", address.rfind("/") + 1)]


def pattern(address: str) -> str:
    """What all children of a matrix, and all iterations of a loop, have in common."""
    return re.sub(r"#\d+", "#", re.sub(r"\[[^]]*\]", "[]", address))


class Shape:
    """`owner` gives for a phase the step that opens it (None: the run); `members` its steps in an order in which needs
    come first; `opened` the phases that a step opens."""

    def __init__(self, doc: Any) -> None:
        self.steps: dict[str, Any] = {}
        self.phase: dict[str, str] = {}
        self.group_of: dict[str, str] = {}
        self.children: dict[str, list[str]] = {group["address"]: [] for group in doc["groups"]}
        self.limits = {row["address"]: row.get("max_parallel") for row in doc["groups"]}
        self.owner: dict[str, str | None] = {FINALLY: None}
        self.needs: dict[str, list[str]] = {FINALLY: []}
        self.members: dict[str, list[str]] = {FINALLY: []}
        self.opened: dict[str, list[str]] = {}
        for row in doc["phases"]:
            self._phase(row["name"], row.get("owner"), row["needs"])
        for step in doc["steps"]:
            self._add(step["address"], step, phase_of(step["address"]), step.get("group"))

    def grow(self, address: str, keys: Sequence[str]) -> list[str]:
        """A step has opened children with these keys, or its next iteration, or what is there already."""
        step = self.steps[address]
        if "pipeline" in step:
            return []
        if "loop" in step:
            phase = f"{address}#{len(self.opened.get(address, ())) + 1}"
            self._phase(phase, address, [])
            for node in step["loop"]["nodes"]:
                needs = [f"{phase}.{need}" for need in node.get("needs", ())]
                self._add(f"{phase}.{node['id']}", {**node, "needs": needs}, phase, None)
            return self.members[phase]
        self._phase(address, address, [])
        self.children[address], self.limits[address] = [], step["expand"].get("max_parallel")
        for key in keys:
            self._add(f"{address}[{key}]", {**step["expand"]["child"], "matrix": {"key": key}}, address, address)
        return self.members[address]

    def _phase(self, phase: str, owner: str | None, needs: list[str]) -> None:
        self.owner[phase], self.needs[phase], self.members[phase] = owner, needs, []
        if owner is not None:
            self.opened.setdefault(owner, []).append(phase)

    def _add(self, address: str, step: Any, phase: str, group: str | None) -> None:
        self.steps[address], self.phase[address] = step, phase
        self.members[phase].append(address)
        if group is not None:
            self.group_of[address] = group
            self.children[group].append(address)

    def is_gate(self, address: str) -> bool:
        return "gate" in self.steps[address]

    def is_once(self, address: str) -> bool:
        return isinstance(self.steps[address].get("effect"), dict)

    def is_final(self, address: str) -> bool:
        """Is this a step of `finally`, of the run or of a child pipeline?"""
        return self.phase[address].rpartition("/")[2] == FINALLY

    def opens(self, address: str) -> bool:
        """Has the step a body in place of a process?"""
        return bool({"loop", "expand", "pipeline"} & self.steps[address].keys())

    def owners(self, address: str) -> list[str]:
        """What the step is inside of, the nearest first."""
        found = []
        owner = self.owner[self.phase[address]]
        while owner is not None:
            found.append(owner)
            owner = self.owner[self.phase[owner]]
        return found

    def inside(self, address: str) -> list[str]:
        """What is directly inside of a step; of a loop, its last iteration."""
        phases = self.opened.get(address, [])
        return [one for phase in (phases[-1:] if self.is_loop(address) else phases) for one in self.members[phase]]

    def is_loop(self, address: str) -> bool:
        return "loop" in self.steps[address]

    def in_loop(self, address: str) -> bool:
        return any(self.is_loop(owner) for owner in self.owners(address))

    def tree_of(self, address: str) -> str | None:
        """The step in whose own tree this one works; None: in the run's."""
        around = (address, *self.owners(address))
        return next((one for one in around if self.steps[one].get("workspace") == "worktree"), None)

    def forgiven(self, address: str) -> bool:
        """Is a failure of this step none of the run?"""
        return any(self.is_loop(owner) or self.steps[owner].get("allow_failure") for owner in self.owners(address))

    def key(self, address: str) -> str:
        """The value of `matrix.key` for a step."""
        rows = [self.steps[one]["matrix"] for one in (address, *self.owners(address)) if "matrix" in self.steps[one]]
        return str(rows[0]["key"])

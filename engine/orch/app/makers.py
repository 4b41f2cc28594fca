"""Who has worked on what a gate is about, beside whoever started the run: who took it up, and what ran for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orch.gates.facts import DIFFERENCE
from orch.model.compiled import Compiled
from orch.model.events import Event, Opened, Started
from orch.model.state import RunState


class Makers:
    """Follows the openings of a run, and which steps have started in each. `remember` is told of all that was before
    and of the present opening; what has started since, a state says."""

    def __init__(self, plan: Compiled) -> None:
        self._plan = plan
        self._by: dict[int, str | None] = {}
        self._epoch = 0
        self._epochs: dict[int, set[int]] = {}
        self._attempts: dict[int, int] = {}

    def remember(self, event: Event) -> None:
        """An event of the journal."""
        if isinstance(event, Opened):
            self._epoch = event.epoch
            self._by[event.epoch] = event.owner.get("started_by")
        elif isinstance(event, Started):
            step = self._plan.index_of.get(event.address, -1)
            self._epochs.setdefault(step, set()).add(self._epoch)
            self._attempts[step] = event.attempt

    def of(self, state: RunState, gate: int) -> list[str | None]:
        """The people, None for one who is nobody in orch.yaml, who took the run up and for whom something ran that
        comes before the gate; of one on the branch's difference, also what ran beside it."""
        epochs: set[int] = set()
        beside = DIFFERENCE in self._plan.action(gate).step["gate"]["subject"]
        before, after = _phases_around(self._plan, gate)
        for step in self._plan.steps:
            ran = self._epochs.get(step, set())
            if state.attempt[step] > self._attempts.get(step, 0):
                ran = {*ran, self._epoch}
            if not ran <= epochs and self._counts(step, before, after, beside):
                epochs |= ran
        return list(dict.fromkeys(self._by.get(epoch) for epoch in sorted(epochs) if epoch > 1))

    def _counts(self, step: int, before: set[int], after: set[int], beside: bool) -> bool:
        plan, phase = self._plan, self._plan.phase_of[step]
        if phase < 0:
            return False  # `finally` is after everything
        while phase >= 0:
            if phase in before or phase in after:
                return phase in before
            owner = plan.phase_owner[phase]
            phase = plan.phase_of[owner] if owner >= 0 else -1
        return beside


def _phases_around(plan: Compiled, gate: int) -> tuple[set[int], set[int]]:
    """The phases before a gate and behind it, at every level of what it stands in."""
    needs: list[list[int]] = [[] for _ in plan.phase_dependants]
    for phase, dependants in enumerate(plan.phase_dependants):
        for other in dependants:
            needs[other].append(phase)
    before: set[int] = set()
    after = {plan.phase_of[gate]}
    phase = plan.phase_of[gate]
    while phase >= 0:
        before |= _reached(needs, phase)
        after |= _reached(plan.phase_dependants, phase)
        owner = plan.phase_owner[phase]
        phase = plan.phase_of[owner] if owner >= 0 else -1
    return before, after


def _reached(edges: Sequence[Iterable[int]], start: int) -> set[int]:
    found: set[int] = set()
    agenda = [start]
    while agenda:
        for other in edges[agenda.pop()]:
            if other not in found:
                found.add(other)
                agenda.append(other)
    return found

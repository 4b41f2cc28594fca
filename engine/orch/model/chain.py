"""Which steps, one after the other, take longest? Pure, and in time proportional to the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orch.model.compiled import GROUP, Compiled


class Critical(NamedTuple):
    """The chain that takes longest: addresses with milliseconds, None where a step is not known to have run. `runs`
    are the ids of those that were measured, newest first."""

    steps: list[tuple[str, int | None]]
    runs: list[str]

    @property
    def total_ms(self) -> int:
        """How long it takes."""
        return sum(took or 0 for _, took in self.steps)


def longest_chain(plan: Compiled, lengths: Sequence[int]) -> list[int]:
    """The steps of a longest chain in order; `lengths` has one for each step. Ends where nothing adds to it."""
    after = _after(plan)
    unmet = [0] * len(after)
    for targets in after:
        for then in targets:
            unmet[then] += 1
    best, before = [0] * len(after), [-1] * len(after)
    ready = [vertex for vertex, count in enumerate(unmet) if not count]
    for vertex in ready:
        if vertex < plan.size and plan.kinds[vertex] != GROUP:
            best[vertex] += lengths[vertex]
        for then in after[vertex]:
            if best[vertex] > best[then]:
                best[then], before[then] = best[vertex], vertex
            unmet[then] -= 1
            if not unmet[then]:
                ready.append(then)
    chain: list[int] = []
    vertex = max(plan.steps, key=best.__getitem__, default=-1)
    while vertex >= 0:
        if vertex < plan.size and plan.kinds[vertex] != GROUP:
            chain.append(vertex)
        vertex = before[vertex]
    return chain[::-1]


def _after(plan: Compiled) -> list[list[int]]:
    """Who comes after whom: steps and groups as the plan numbers them, then the entry and the end of each phase, then
    the entry of `finally`. Phases pass through these two, so that their nodes do not multiply."""
    first, phases = len(plan.dependants), len(plan.phase_names)
    last = first + 2 * phases
    after = [list(targets) for targets in plan.dependants]
    for phase in range(phases):
        end = first + phases + phase
        after.append([*plan.phase_nodes[phase], end])
        for node in plan.phase_nodes[phase]:
            after[node].append(end)
    after += [[*(first + then for then in plan.phase_dependants[phase]), last] for phase in range(phases)]
    for phase, owner in enumerate(plan.phase_owner):
        if owner >= 0:
            after[owner].append(first + phase)
    return [*after, list(plan.finally_steps)]

"""The order in which a plan is shown: the plan's own where it is a DAG order already, else the nearest that is."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

from orch.model.compiled import GROUP, Compiled
from orch.model.names import phase_name


def dag_order(plan: Compiled) -> list[int]:
    """Steps by index: phase after phase, its gates first, each node after those that it needs. What a step opens, in
    the plan or in the run, stands behind it."""
    order = _dag_order(plan, added_phases(plan))
    if not plan.bodies:
        return order
    inside: dict[int, list[int]] = {}
    for step in order:
        phase = plan.phase_of[step]
        inside.setdefault(plan.phase_owner[phase] if phase >= 0 else -1, []).append(step)
    return [step for first in inside[-1] for step in _with_inner(plan, first, inside)]


def before_whom(empty: Iterable[str], order: Iterable[str]) -> dict[str, list[str]]:
    """The matrices without a step, by the step before which they are told: the first of their phase. Those of a phase
    that has no other are told at the end, and stand under no name."""
    found: dict[str, list[str]] = {}
    if phases := _by_phase(empty):
        for address in order:
            if told := phases.pop(phase_name(address), None):
                found[address] = told
        found[""] = [*chain.from_iterable(phases.values())]
    return found


def _by_phase(addresses: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in addresses:
        found.setdefault(phase_name(address), []).append(address)
    return found


def added_phases(plan: Compiled) -> set[int]:
    """The phases that a run has added: iterations of loops, and the children of a matrix that was not known before."""
    return {phase for owner, phases in plan.bodies.items() if _grows(plan, owner) for phase in phases}


def _grows(plan: Compiled, step: int) -> bool:
    body = plan.body(step)
    return body is not None and body["kind"] != "pipeline"


def _with_inner(plan: Compiled, step: int, inside: Mapping[int, Sequence[int]]) -> Iterator[int]:
    yield step
    added = (node for phase in plan.bodies.get(step, ()) for node in plan.phase_nodes[phase])
    for inner in added if _grows(plan, step) else inside.get(step, ()):
        yield from _with_inner(plan, inner, inside)


def _dag_order(plan: Compiled, added: AbstractSet[int]) -> list[int]:
    phases = [
        [*gates, *nodes]
        for phase, (gates, nodes) in enumerate(zip(plan.phase_gates, plan.phase_nodes, strict=True))
        if phase not in added
    ]
    written = [*chain.from_iterable(phases), *plan.finally_steps]
    if all(then > step for step in written for then in plan.dependants[step] if plan.kinds[then] != GROUP) and not any(
        then < max(members, default=0) for members, then in _across_groups(plan)
    ):
        return written
    place = {step: number for number, step in enumerate(written)}
    unmet = list(plan.needs_count)
    ready = [place[step] for step in written if not unmet[step]]
    order: list[int] = []
    while ready:
        step = written[heapq.heappop(ready)]
        order.append(step)
        ended = [step]
        for done in ended:
            for then in plan.dependants[done]:
                unmet[then] -= 1
                if not unmet[then]:
                    if plan.kinds[then] != GROUP:
                        heapq.heappush(ready, place[then])
                    else:
                        ended.append(then)
    return order


def _across_groups(plan: Compiled) -> list[tuple[list[int], int]]:
    members: dict[int, list[int]] = {}
    for step, group in enumerate(plan.group_of):
        if group >= 0:
            members.setdefault(group, []).append(step)
    return [(members.get(group, []), then) for group in members for then in plan.dependants[group]]

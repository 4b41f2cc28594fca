"""The order in which a plan is shown: the plan's own where it is a DAG order already, else the nearest that is."""

from __future__ import annotations

import heapq
from itertools import chain

from orch.model.compiled import GROUP, Compiled


def dag_order(plan: Compiled) -> list[int]:
    """Steps by index: phase after phase, its gates first, each node after those that it needs."""
    phases = [[*gates, *nodes] for gates, nodes in zip(plan.phase_gates, plan.phase_nodes, strict=True)]
    written = [*chain.from_iterable(phases), *plan.finally_steps]
    steps = plan.steps
    if all(then > step for step in steps for then in plan.dependants[step] if plan.kinds[then] != GROUP) and not any(
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

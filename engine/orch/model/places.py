"""Places in a matrix with `max_parallel`: who has one, who waits for one. What has opened others gives its own up while
nothing inside of it can go on without a person, and what then can waits until it has one again."""

from __future__ import annotations

from collections.abc import Iterator

from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.model.status import Status


def take_place(plan: Compiled, state: RunState, step: int) -> None:
    """The step is ready if its matrix has a place for it, else it is held."""
    group = plan.group_of[step]
    limit = plan.group_limit.get(group)
    if limit is not None:
        active = state.active.setdefault(group, {})
        if step not in active and len(active) >= limit:
            state.held.setdefault(group, {})[step] = None
            return
        active[step] = None
    _go(plan, state, step)


def make_ready(plan: Compiled, state: RunState, step: int) -> None:
    """The step is ready, unless what it is inside of has given its place up: that one is to have a place first."""
    for owner in plan.owners(step) if state.aside else ():
        if owner in state.aside:
            state.aside[owner][step] = None
            take_place(plan, state, owner)
            return
    state.ready[step] = None


def _go(plan: Compiled, state: RunState, step: int) -> None:
    waiting = state.aside.pop(step, None)
    for one in (step,) if waiting is None else waiting:
        make_ready(plan, state, one)


def leave(plan: Compiled, state: RunState, step: int) -> None:
    """The step gives up its place in its matrix, and the next one that was held takes it."""
    group = plan.group_of[step]
    if group not in state.active:
        return
    active, held = state.active[group], state.held.get(group, {})
    state.aside.pop(step, None)
    held.pop(step, None)
    if step not in active:
        return
    del active[step]
    if held:
        following = next(iter(held))
        del held[following]
        active[following] = None
        _go(plan, state, following)


def set_aside(plan: Compiled, state: RunState, step: int) -> None:
    """What the step is inside of gives up its place where nothing in it goes on by itself, the nearest first."""
    for owner in plan.owners(step):
        if owner in state.active.get(plan.group_of[owner], ()) and not any(
            _goes_on(plan, state, one) for one in (owner, *_inside(plan, owner))
        ):
            leave(plan, state, owner)
            state.aside[owner] = {}


def _inside(plan: Compiled, owner: int) -> Iterator[int]:
    for phase in plan.bodies.get(owner, ()):
        for step in (*plan.phase_gates[phase], *plan.phase_nodes[phase]):
            yield step
            yield from _inside(plan, step)


def _goes_on(plan: Compiled, state: RunState, step: int) -> bool:
    """Is something under way for the step, to be decided, or due at a time?"""
    if state.status[step] >= Status.SUCCEEDED:
        return False
    queues = (
        state.running,
        state.ready,
        state.due,
        state.to_probe,
        state.to_look,
        state.to_judge,
        state.to_skip,
        state.to_cancel,
    )
    return any(step in queue for queue in queues) or (
        step in state.unmerged and not state.apart.get(plan.group_of[step])
    )

"""What should happen next? Pure: no clock, no I/O; the same plan, state and time give the same decisions."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from itertools import chain, islice

from orch.model.compiled import Compiled
from orch.model.decisions import (
    Close,
    Conclude,
    Decision,
    Dismiss,
    Expand,
    Merge,
    Observe,
    Probe,
    Recall,
    Schedule,
    Skip,
    Start,
    Stop,
)
from orch.model.derive import ending
from orch.model.retry import is_once
from orch.model.state import RunState
from orch.model.status import Status
from orch.run.budget import REASON, Spent, cut_short, deadline_ms, may_probe, spent, starts_left
from orch.run.choice import NotAllowed, nothing_to_run
from orch.run.scope import UNKNOWN, KnownAfter, ends_as, step_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate_condition

BATCH = 1000
"""Decisions of one kind per call: what is left is decided after these are applied."""


def decide(plan: Compiled, state: RunState, now_ms: int, probing: Collection[int] = ()) -> list[Decision]:
    """The decisions that the last events made possible, oldest first. Nothing is changed: an item leaves the queues
    when its event is applied. `probing` are the steps whose probe runs, of which the journal says nothing. Empty when
    the run is closed or has no owner yet."""
    if state.closed is not None or not state.epoch:
        return []
    decisions: list[Decision] = []
    if state.to_skip or state.to_cancel or state.to_look:
        decisions.extend(Skip(step, reason) for step, reason in islice(state.to_skip.items(), BATCH))
        decisions.extend(_cancelled(state, step) for step in islice(state.to_cancel, BATCH))
        decisions.extend(_look(plan, state, gate) for gate in islice(state.to_look, BATCH))
    if state.to_judge:
        from orch.run.bodies import judge

        decisions.extend(judge(plan, state, step) for step in islice(state.to_judge, BATCH))
    decisions.extend(Dismiss(step) for step in probing if step not in state.to_probe and step not in state.due)
    if state.cancelling or state.failing_fast:
        why = "requested" if state.cancelling else "fail-fast"
        decisions.extend(Stop(step, why) for step in state.running if ending(plan, state, step))
    over = spent(plan, state, now_ms)
    if over is not None and over.stops:
        decisions.extend(Stop(step, "budget") for step in state.running if not plan.is_final(step))
        decisions.extend(Dismiss(step) for step in probing if not may_probe(plan, state, step, over))
    if not (plan.fail_fast and any(type(decision) is Conclude for decision in decisions)):
        _start(plan, state, now_ms, probing, decisions, over)
    if state.unmerged and not decisions:
        decisions.extend(_merge(plan, state))
    if decisions:
        return decisions
    if (at := _next_time(plan, state, now_ms, probing)) is not None:
        return [Schedule(at)]
    return [] if state.running or probing else _end(plan, state)


def _next_time(plan: Compiled, state: RunState, now_ms: int, probing: Collection[int]) -> int | None:
    """When there is something to decide though nothing happens: a step is due, or the budget is spent."""
    times = [state.due_heap[0][0]] if state.due_heap else []
    if "budget" in plan.head and state.body_open and (times or state.running or probing):
        deadline = deadline_ms(plan, state)
        times += [] if deadline is None else [deadline]
    return min((at for at in times if at > now_ms), default=None)


def _start(
    plan: Compiled,
    state: RunState,
    now_ms: int,
    probing: Collection[int],
    decisions: list[Decision],
    over: Spent | None,
) -> None:
    """Probes and attempts, as many as there is room for; a step is not started before a probe of it has ended. Where
    the next one takes more slots than are free, it waits for them and nothing behind it starts: it would wait for ever
    behind small ones."""
    room = plan.max_in_flight - state.busy - len(probing)
    for step in islice(state.to_probe, BATCH):
        if room <= 0:
            return
        if step not in probing and may_probe(plan, state, step, over):
            decisions.append(Probe(step))
            room -= 1
    if over is not None:
        _overspend(plan, state, over, decisions)
    number = room
    if over is None and "budget" in plan.head and state.body_open:
        number = min(number, starts_left(plan, state))
    if plan.fail_fast:  # what begins may turn out to have failed at once, and then nothing else may begin
        number = min(number, 1)
    if number <= 0:
        return
    shared = _is_shared_tree_busy(plan, state) if "workspace" in plan.head else False
    for step in _due(state, now_ms, number, probing):
        if over is not None and not plan.is_final(step):
            continue
        if shared and plan.tree_of(step) == step:
            continue
        once = is_once(plan.action(step).step)
        room -= 1 if once else plan.slots(step)
        if room < 0:
            return
        decisions.append(Probe(step) if once else Start(step, state.attempt[step] + 1))
        number -= 1
    for step in islice(state.ready, BATCH):
        if number <= 0 or room <= 0:
            return
        if over is not None and not plan.is_final(step):
            continue
        if shared and plan.tree_of(step) == step:
            continue
        if step in probing:
            continue
        decision = _begin(plan, state, step)
        if isinstance(decision, Start | Recall):
            room -= plan.slots(step)
            if room < 0:
                return
        decisions.append(decision)
        if type(decision) is not Skip and (type(decision) is not Expand or plan.tree_of(step) == step):
            number -= 1


def _overspend(plan: Compiled, state: RunState, over: Spent, decisions: list[Decision]) -> None:
    """Nothing more starts but `finally`: the step that would have been next fails, and so says why; the others follow
    from its end. While what runs is being stopped, its ends will say it."""
    if over.stops and not all(map(plan.is_final, state.running)):
        return
    waiting = chain(state.ready, (step for _, step in state.due_heap))
    for step in islice((step for step in waiting if not plan.is_final(step)), 1):
        decision = _begin(plan, state, step)
        ends = not isinstance(decision, Start | Recall)
        decisions.append(decision if ends else Conclude(step, "failed", REASON, over.sentence))


def _due(state: RunState, now_ms: int, count: int, probing: Collection[int]) -> list[int]:
    """The steps whose time has come and that are not being probed, earliest first, at most `count`: a walk that stays
    near the top of the heap."""
    heap, found = state.due_heap, dict[int, None]()
    frontier = [(heap[0], 0)] if heap else []
    while frontier and len(found) < count and frontier[0][0][0] <= now_ms:
        (at, step), place = heapq.heappop(frontier)
        if state.due.get(step) == at and step not in probing:
            found[step] = None
        for below in range(2 * place + 1, min(2 * place + 3, len(heap))):
            heapq.heappush(frontier, (heap[below], below))
    return list(found)


def _begin(plan: Compiled, state: RunState, step: int) -> Decision:
    if step in state.begun:
        from orch.run.bodies import open_again

        return open_again(plan, state, step)
    condition = plan.action_table[plan.actions[step]].condition
    if condition is not None:
        try:
            if not evaluate_condition(condition, step_scope(plan, state, step)):
                return Skip(step, "if-false")
        except KnownAfter:
            pass
        except EvaluationError as error:
            return Conclude(step, "failed", "expression-error", f"`if`: {error}")
    if (body := plan.body(step)) is not None:
        from orch.run.bodies import open_body

        try:
            return open_body(plan, state, step, body)
        except KnownAfter as unknown:
            return Conclude(step, "succeeded", "ok", f"known after {unknown.address}", UNKNOWN)
    try:
        if (why := nothing_to_run(plan, state, step)) is not None:
            return Skip(step, "not-configured", why)
    except EvaluationError as error:
        return Conclude(step, "failed", "expression-error", f"`adapter`: {error}")
    except NotAllowed as error:
        return Conclude(step, "failed", "not-allowed", str(error))
    recalled = plan.action_table[plan.actions[step]].globs is not None
    return (Recall if recalled else Start)(step, state.attempt[step] + 1)


def _merge(plan: Compiled, state: RunState) -> list[Merge]:
    """The first patch, in the order of the keys, whose siblings are all over, or wait as it does; at a time when no
    step works in the tree that it would change."""
    if not state.to_merge or _is_shared_tree_busy(plan, state):
        return []
    return [Merge(state.to_merge[0][1])]


def _is_shared_tree_busy(plan: Compiled, state: RunState) -> bool:
    return any(plan.tree_of(step) < 0 for step in state.running)


def _look(plan: Compiled, state: RunState, gate: int) -> Decision:
    action = plan.action(gate)
    try:
        if action.condition is not None and not evaluate_condition(action.condition, step_scope(plan, state, gate)):
            return Skip(gate, "if-false")
        if action.step["gate"]["kind"] != "check":
            return Observe(gate)
        if evaluate_condition(action.argv[0], step_scope(plan, state, gate)):
            return Conclude(gate, "succeeded", "ok", "")
    except KnownAfter as unknown:
        return Conclude(gate, "succeeded", "ok", f"known after {unknown.address}")
    except EvaluationError as error:
        return Conclude(gate, "failed", "expression-error", str(error))
    return Conclude(gate, "failed", "check-failed", f"`{action.step['gate']['expr']}` is false")


def _cancelled(state: RunState, step: int) -> Conclude:
    if step in state.unmerged:
        kept = f"it had ended well, and what it did was not merged: its patch is {state.unmerged[step]}"
        return cut_short(state, step, kept)
    if state.overspent and not (state.cancelling or state.failing_fast):
        return cut_short(state, step, "the budget was spent before it was tried again")
    return cut_short(state, step, "in doubt when it was cancelled" if step in state.doubt else "")


def _end(plan: Compiled, state: RunState) -> list[Decision]:
    """Nothing runs and nothing can start: look once more at shut gates, then close."""
    stale: list[Decision] = [
        Observe(gate) for gate, seen in state.waiting_gates.items() if seen < state.terminal_events
    ]
    if stale:
        return stale
    if state.doubt:
        return [Close("waiting", "in-doubt")]
    if state.waiting_gates:
        reasons = {state.reason[gate] for gate in state.waiting_gates}
        return [Close("waiting", "rejected" if "rejected" in reasons else str(state.reason[min(state.waiting_gates)]))]
    if state.body_open or state.finally_open:
        stuck = [plan.addresses[i] for i in plan.steps if state.status[i] < Status.SUCCEEDED]
        raise AssertionError(f"nothing can be decided, and these are not over: {stuck[:5]}")
    return [Close(*ends_as(plan, state))]

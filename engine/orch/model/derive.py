"""What follows from a step's end: whose needs are met, which phase is entered, what may be decided next."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from orch.model.compiled import FINALLY, GATE, GROUP, Compiled
from orch.model.retry import has_probe, is_once
from orch.model.state import RunState, left_behind
from orch.model.status import Status

SUCCESS, FAILURE, NEITHER = "S", "F", "K"


def outcome(plan: Compiled, state: RunState, step: int) -> str:
    """The class of an ended step for trigger rules."""
    status, reason = state.status[step], state.reason[step]
    if status is Status.SUCCEEDED or reason == "not-selected":
        return SUCCESS
    if status is Status.FAILED:
        return SUCCESS if plan.action(step).step.get("allow_failure") else FAILURE
    if status is Status.CANCELLED or reason == "upstream-failed":
        return FAILURE
    return NEITHER


def is_bad(plan: Compiled, state: RunState, step: int) -> bool:
    """Failed without leave, or cancelled."""
    status = state.status[step]
    return status is Status.CANCELLED or (
        status is Status.FAILED and not plan.action(step).step.get("allow_failure", False)
    )


def is_spoilt(plan: Compiled, state: RunState, step: int) -> bool:
    """Has what a step opened worked in a tree of its own that can come to nothing? All of it is to be done again."""
    spoilt = ("merge-conflict", "path-policy-violation", "secret-in-output", "start-failed")
    return state.reason[step] in spoilt and plan.body(step) is not None and plan.tree_of(step) == step


def left_trees(plan: Compiled, state: RunState) -> tuple[int, ...]:
    """The steps of whose own tree a run that succeeded leaves what is in it: nothing else holds it."""
    if not plan.has_trees:
        return ()
    ends = enumerate(state.status)
    return tuple(step for step, status in ends if status is Status.FAILED and plan.tree_of(step) == step)


def rebuild(plan: Compiled, state: RunState) -> None:
    """Derive the counters and queues from the statuses: at the start of every epoch."""
    state.unmet = list(plan.needs_count)
    state.met_success = [0] * len(plan.needs_count)
    state.met_failure = [0] * len(plan.needs_count)
    state.phase_unmet = list(plan.phase_needs_count)
    state.phase_open = [len(nodes) for nodes in plan.phase_nodes]
    state.phase_bad = [False] * len(plan.phase_names)
    state.gates_shut = [len(gates) for gates in plan.phase_gates]
    state.entered = [False] * len(plan.phase_names)
    state.doomed = [False] * len(plan.phase_names)
    state.ready, state.running, state.held, state.active, state.aside = {}, {}, {}, {}, {}
    state.busy = 0
    state.to_skip, state.to_cancel, state.to_look, state.to_probe, state.waiting_gates = {}, {}, {}, {}, {}
    state.due_heap = []
    state.to_judge = {}
    state.finally_open = len(plan.finally_steps)
    state.body_open = len(plan.steps) - state.finally_open
    state.failed = state.finally_failed = 0
    state.inner_open, state.inner_final = {}, {}
    for owner, phases in plan.bodies.items():
        count_body(plan, state, owner, phases)

    _count_apart(plan, state)
    for group in plan.group_children:
        if not plan.needs_count[group]:
            _meet(plan, state, group, NEITHER)
    for step in state.due:
        group = plan.group_of[step]
        if group in plan.group_limit and not is_once(plan.action(step).step):
            state.active.setdefault(group, {})[step] = None
    _advance(plan, state, [phase for phase, unmet in enumerate(state.phase_unmet) if not unmet])
    if not state.body_open:
        _enter_finally(plan, state)
    for step in plan.steps:
        if state.status[step] >= Status.SUCCEEDED:
            account(plan, state, step)
        elif step in state.doubt and has_probe(plan.action(step).step):
            state.to_probe[step] = None
    for phase, gates in enumerate(plan.phase_gates):  # a retry that leaves a gate behind may choose what is after it
        if not state.phase_open[phase] and any(left_behind(state, gate) for gate in gates):
            _doom(plan, state, plan.phase_dependants[phase])


def _count_apart(plan: Compiled, state: RunState) -> None:
    """Count, for each matrix, the children that are not over: what they kept is merged when there are none."""
    state.apart, state.to_merge = {}, []
    if plan.has_trees:
        for step in plan.steps:
            if plan.group_of[step] >= 0 and state.status[step] < Status.SUCCEEDED and step not in state.unmerged:
                state.apart[plan.group_of[step]] = state.apart.get(plan.group_of[step], 0) + 1
        for step in state.unmerged:
            if not state.apart.get(plan.group_of[step]):
                heapq.heappush(state.to_merge, (plan.addresses[step], step))


def leave_apart(plan: Compiled, state: RunState, step: int) -> None:
    """The step is over, or all but merged: with the last one of its matrix, what all of them kept is merged in turn."""
    group = plan.group_of[step]
    if not plan.has_trees:
        return
    if group < 0:
        siblings: Sequence[int] = (step,)
    else:
        state.apart[group] -= 1
        siblings = () if state.apart[group] else plan.siblings(step)
    for one in siblings:
        if one in state.unmerged:
            heapq.heappush(state.to_merge, (plan.addresses[one], one))


def account(plan: Compiled, state: RunState, step: int) -> None:
    """Pass the end of a step on to its dependants, its matrix, its phase and the run."""
    kind, phase = plan.kinds[step], plan.phase_of[step]
    bad = is_bad(plan, state, step)
    failed = state.status[step] is Status.FAILED and bad and not (phase >= 0 and plan.phase_forgiven[phase])
    if kind == FINALLY:
        state.finally_open -= 1
        state.finally_failed += failed
        return
    state.failed += failed
    state.body_open -= 1
    if kind == GATE:
        if state.status[step] is Status.SUCCEEDED or state.reason[step] in ("if-false", "not-selected"):
            state.gates_shut[phase] -= 1
            _advance(plan, state, [phase])
        elif bad:
            _doom(plan, state, [phase])
    else:
        _doom(plan, state, plan.bodies.get(step, ()))
        met = outcome(plan, state, step)
        for dependant in plan.dependants[step]:
            _meet(plan, state, dependant, met)
        leave_group(plan, state, step)
        state.phase_open[phase] -= 1
        if bad:
            state.phase_bad[phase] = True
            _doom(plan, state, plan.phase_dependants[phase])
        elif not state.phase_open[phase]:
            _advance(plan, state, [phase])
    owner = plan.phase_owner[phase]
    if owner >= 0:
        _inner_end(plan, state, owner, final=plan.phase_final[phase])
    if not state.body_open:
        _enter_finally(plan, state)


def _inner_end(plan: Compiled, state: RunState, owner: int, *, final: bool) -> None:
    """A step of what `owner` has opened is over."""
    inner = state.inner_final if final else state.inner_open
    inner[owner] -= 1
    weigh(plan, state, owner)


def count_body(plan: Compiled, state: RunState, owner: int, phases: Sequence[int]) -> None:
    """Count the steps of these phases as open."""
    for phase in phases:
        inner = state.inner_final if plan.phase_final[phase] else state.inner_open
        inner[owner] = inner.get(owner, 0) + len(plan.phase_gates[phase]) + len(plan.phase_nodes[phase])
    state.inner_open.setdefault(owner, 0)
    state.inner_final.setdefault(owner, 0)


def weigh(plan: Compiled, state: RunState, owner: int) -> None:
    """Where all that a step has opened is over, its `finally` follows, and then the step is to be judged. One that is
    to be opened again waits for that, unless it is being ended."""
    if state.inner_open[owner] or owner not in state.begun or state.status[owner] >= Status.WAITING:
        return
    if state.status[owner] is not Status.RUNNING and not ending(plan, state, owner):
        return
    if not state.inner_final[owner]:
        state.to_judge[owner] = None
        return
    last = [phase for phase in plan.bodies[owner] if plan.phase_final[phase] and state.phase_unmet[phase]]
    for phase in last:
        state.phase_unmet[phase] = 0
    _advance(plan, state, last)


def open_body(plan: Compiled, state: RunState, step: int) -> None:
    """A step has opened phases that are in the plan: of a child pipeline, or those that it had opened before."""
    phases = [phase for phase in plan.bodies.get(step, ()) if not plan.phase_final[phase]]
    for phase in phases:
        state.phase_unmet[phase] -= 1
    _advance(plan, state, [phase for phase in phases if not state.phase_unmet[phase]])
    weigh(plan, state, step)


def add_phase(plan: Compiled, state: RunState, owner: int, added: Sequence[int]) -> None:
    """A step has opened a phase that was added to the plan, with these steps."""
    more = len(added)
    for kept in (state.unmet, state.met_success, state.met_failure):
        kept.extend([0] * more)
    for step in added:
        state.unmet[step] = plan.needs_count[step]
    state.status += [Status.QUEUED] * more
    state.reason += [None] * more
    state.attempt += [0] * more
    state.failures += [0] * more
    phase = plan.phase_of[added[0]]
    state.phase_unmet.append(0)
    state.phase_open.append(more)
    state.phase_bad.append(False)
    state.gates_shut.append(0)
    state.entered.append(False)
    state.doomed.append(False)
    state.body_open += more
    if plan.has_trees and plan.group_of[added[0]] >= 0:
        state.apart[plan.group_of[added[0]]] = more
    count_body(plan, state, owner, [phase])
    _advance(plan, state, [phase])


def selected(plan: Compiled, step: int) -> bool:
    """A step that is not selected is skipped in its turn, so that nothing behind it starts early."""
    return plan.selected is None or plan.selected[step]


def admit(plan: Compiled, state: RunState, step: int) -> None:
    """Where its phase is entered and its needs have ended, a queued step is decided and one that waits for a time is
    scheduled; any other stays as it is."""
    phase = plan.phase_of[step]
    if state.unmet[step] or (state.body_open if phase < 0 else not state.entered[phase]):
        return
    if step in state.due:
        heapq.heappush(state.due_heap, (state.due[step], step))
    elif state.status[step] is Status.QUEUED:
        _enqueue(plan, state, step)


def _enqueue(plan: Compiled, state: RunState, step: int) -> None:
    """The step is ready, held by its matrix, or to be skipped."""
    if step in state.to_skip or step in state.to_cancel or (step in state.begun and ending(plan, state, step)):
        return
    if not selected(plan, step):
        state.to_skip[step] = "not-selected"
        return
    if not _rule_holds(plan, state, step):
        state.to_skip[step] = "upstream-failed" if state.met_failure[step] else "upstream-skipped"
        return
    if plan.group_limit:
        from orch.model.places import take_place

        take_place(plan, state, step)
    else:
        state.ready[step] = None


def ending(plan: Compiled, state: RunState, step: int) -> bool:
    """Is the part of the run that the step belongs to being ended? A cancel ends the body first, and `finally` runs;
    one that is asked when the body is over ends `finally`."""
    return state.cutting_finally if plan.is_final(step) else state.cancelling or state.failing_fast or state.overspent


def hold_back(plan: Compiled, state: RunState, step: int) -> None:
    """Its part of the run is being ended: a step that was begun ends cancelled, one that never began is skipped. One
    that has opened others ends when they have."""
    state.ready.pop(step, None)
    state.to_look.pop(step, None)
    state.to_probe.pop(step, None)
    state.waiting_gates.pop(step, None)
    forget_due(state, step)
    if step in state.to_skip:
        return
    if step in state.begun and step not in state.unmerged:
        weigh(plan, state, step)
        return
    if plan.kinds[step] != GATE and state.attempt[step]:
        state.to_cancel[step] = None
    else:
        state.to_skip[step] = "cancelled" if selected(plan, step) else "not-selected"


def forget_due(state: RunState, step: int) -> None:
    """The step no longer waits for a time; the heap's first entry is always a true one."""
    if state.due.pop(step, None) is not None:
        while state.due_heap and state.due.get(state.due_heap[0][1]) != state.due_heap[0][0]:
            heapq.heappop(state.due_heap)


def forget_patch(state: RunState, step: int) -> bool:
    """What was kept of the step is merged, or never will be; the heap's first entry is always a true one. False where
    nothing was kept."""
    if state.unmerged.pop(step, None) is None:
        return False
    while state.to_merge and state.to_merge[0][1] not in state.unmerged:
        heapq.heappop(state.to_merge)
    return True


def _rule_holds(plan: Compiled, state: RunState, step: int) -> bool:
    success, failure, needs = state.met_success[step], state.met_failure[step], plan.needs_count[step]
    match plan.action(step).step.get("trigger_rule", "all_success"):
        case "all_success":
            return success == needs
        case "none_failed":
            return not failure
        case "one_success":
            return success > 0 or not needs
        case "none_failed_min_one_success":
            return not failure and (success > 0 or not needs)
        case _:
            return True


def _meet(plan: Compiled, state: RunState, dependant: int, met: str) -> None:
    if met == SUCCESS:
        state.met_success[dependant] += 1
    elif met == FAILURE:
        state.met_failure[dependant] += 1
    state.unmet[dependant] -= 1
    if state.unmet[dependant] > 0:
        return
    if plan.kinds[dependant] == GROUP:
        success = state.met_success[dependant] and plan.group_children[dependant]
        whole = FAILURE if state.met_failure[dependant] else SUCCESS if success else NEITHER
        for waiting in plan.dependants[dependant]:
            _meet(plan, state, waiting, whole)
    else:
        admit(plan, state, dependant)


def leave_group(plan: Compiled, state: RunState, step: int) -> None:
    """The step gives up its place in its matrix, if it has or waits for one."""
    if plan.group_of[step] in state.active:
        from orch.model.places import leave

        leave(plan, state, step)


def give_way(plan: Compiled, state: RunState, step: int) -> None:
    """The step has ended or waits: what it is inside of may have nothing to do any more without a person."""
    if state.active and (state.waiting_gates or state.doubt):
        from orch.model.places import set_aside

        set_aside(plan, state, step)


def _advance(plan: Compiled, state: RunState, phases: list[int]) -> None:
    """Look at the gates of phases that became ready, enter those whose gates are open, pass those that are done."""
    agenda = list(phases)
    for phase in agenda:
        if state.phase_unmet[phase] or state.doomed[phase]:
            continue
        if state.gates_shut[phase]:
            for gate in plan.phase_gates[phase]:
                if state.status[gate] is not Status.QUEUED or gate in state.to_skip:
                    continue
                if selected(plan, gate):
                    state.to_look[gate] = None
                else:
                    state.to_skip[gate] = "not-selected"
            continue
        if not state.entered[phase]:
            state.entered[phase] = True
            for node in plan.phase_nodes[phase]:
                admit(plan, state, node)
        if not state.phase_open[phase] and not state.phase_bad[phase]:
            for following in plan.phase_dependants[phase]:
                state.phase_unmet[following] -= 1
                if not state.phase_unmet[following]:
                    agenda.append(following)


def _doom(plan: Compiled, state: RunState, phases: Sequence[int]) -> None:
    """These phases, and all that need them, can no longer be entered."""
    agenda = list(phases)
    while agenda:
        phase = agenda.pop()
        if state.doomed[phase]:
            continue
        state.doomed[phase] = True
        agenda.extend(plan.phase_dependants[phase])
        for step in (*plan.phase_gates[phase], *plan.phase_nodes[phase]):
            if state.status[step] < Status.SUCCEEDED and not (step in state.running or step in state.unmerged):
                state.to_skip.setdefault(step, "phase-not-reached" if selected(plan, step) else "not-selected")
                for queue in (state.ready, state.to_look, state.to_probe, state.waiting_gates):
                    queue.pop(step, None)


def _enter_finally(plan: Compiled, state: RunState) -> None:
    for step in plan.finally_steps:
        admit(plan, state, step)

"""What becomes of one step: it ends, is in doubt, waits for another attempt, is decided again, or is given up."""

from __future__ import annotations

from orch.model.compiled import Compiled
from orch.model.derive import (
    account,
    admit,
    ending,
    forget_due,
    forget_patch,
    give_way,
    hold_back,
    leave_apart,
    leave_group,
)
from orch.model.retry import delay_ms, has_probe, is_once
from orch.model.state import RunState
from orch.model.status import Status


def lose(plan: Compiled, state: RunState, step: int) -> None:
    """Its owner died while it ran: it is to run again, or somebody must say whether it was done."""
    if is_once(plan.action(step).step):
        state.status[step], state.reason[step], state.doubt[step] = Status.WAITING, "in-doubt", "interrupted"
    else:
        state.status[step] = Status.QUEUED


def forget(state: RunState, step: int) -> None:
    """It is to be decided again."""
    state.status[step], state.reason[step] = Status.QUEUED, None
    for kept in (
        state.outputs,
        state.artifacts,
        state.exit_code,
        state.sentence,
        state.due,
        state.doubt,
        state.unmerged,
        state.beside,
    ):
        kept.pop(step, None)


def end(plan: Compiled, state: RunState, step: int, status: Status, reason: str) -> None:
    """It has ended, and nothing that was to be done for it is."""
    state.status[step] = status
    state.reason[step] = reason
    if not forget_patch(state, step):
        leave_apart(plan, state, step)
    state.terminal_events += 1
    if state.doubt.pop(step, None) is not None:
        state.unsettled[step] = None
    forget_due(state, step)
    for queue in (
        state.ready,
        state.to_skip,
        state.to_cancel,
        state.to_look,
        state.to_probe,
        state.to_judge,
        state.waiting_gates,
    ):
        queue.pop(step, None)
    failed = state.failed
    account(plan, state, step)
    give_way(plan, state, step)
    if plan.fail_fast and state.failed > failed and not state.failing_fast:
        state.failing_fast = True
        abandon(plan, state)
    if reason == "budget-exceeded" and not state.overspent:
        state.overspent = True
        abandon(plan, state)


def doubt(plan: Compiled, state: RunState, step: int, because: str) -> None:
    """Whether it was done must be found out."""
    state.status[step], state.reason[step], state.doubt[step] = Status.WAITING, "in-doubt", because
    leave_group(plan, state, step)
    if has_probe(plan.action(step).step):
        state.to_probe[step] = None
    give_way(plan, state, step)


def try_again(plan: Compiled, state: RunState, step: int, at: int) -> None:
    """It waits for another attempt."""
    state.failures[step] += 1
    seed = f"{state.run_id}/{plan.addresses[step]}/{state.attempt[step]}"
    state.due[step] = at + delay_ms(plan.action(step).step, state.failures[step], seed)
    state.status[step], state.reason[step] = Status.WAITING, "retry-delay"
    if ending(plan, state, step):
        hold_back(plan, state, step)
        return
    if is_once(plan.action(step).step):
        leave_group(plan, state, step)
    admit(plan, state, step)


def abandon(plan: Compiled, state: RunState, *, doubts: bool = False) -> None:
    """Nothing more of what is being ended starts: what waits or is queued ends as skipped or cancelled; what runs is
    stopped. A step in doubt stays so, unless a person who could see the doubt asked for the end (`doubts`)."""
    state.held.clear()
    last = [one for waiting in state.aside.values() for one in waiting if not ending(plan, state, one)]
    for waiting in state.aside.values():
        waiting.clear()
    for step in plan.steps:
        open_here = ending(plan, state, step) and state.status[step] < Status.SUCCEEDED
        if open_here and step not in state.running and (doubts or step not in state.doubt):
            hold_back(plan, state, step)
    if last:
        from orch.model.places import make_ready

        for step in last:
            make_ready(plan, state, step)

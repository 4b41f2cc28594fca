"""The one reducer: what an event does to the state of a run. Pure of the world; the state is changed in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from orch.model.becomes import abandon, doubt, end, forget, lose, try_again
from orch.model.compiled import FINALLY, GATE, Compiled
from orch.model.derive import (
    add_phase,
    admit,
    ending,
    forget_due,
    give_way,
    hold_back,
    is_spoilt,
    leave_apart,
    leave_group,
    open_body,
    rebuild,
)
from orch.model.events import (
    Closed,
    Event,
    Expanded,
    Finished,
    Merged,
    Observed,
    Opened,
    Requested,
    Settled,
    Skipped,
    Started,
)
from orch.model.grow import grow
from orch.model.retry import has_probe, is_once, retries
from orch.model.state import RunState
from orch.model.status import STATUS_BY_WORD, Status


def fold(plan: Compiled, events: Iterable[Event]) -> RunState:
    """The state that these events amount to, with the plan as they have left it."""
    state = RunState.new(plan)
    for event in events:
        apply(state.plan, state, event)
    return state


def apply(plan: Compiled, state: RunState, event: Event) -> None:
    """Apply one event; `plan` is the state's own. A stale or repeated one changes nothing but the latest time seen."""
    if isinstance(event, Opened) and event.epoch > state.epoch:
        state.worked_ms += max(state.latest_ms, event.beat_ms) - state.opened_ms
        state.opened_ms = max(event.at, state.latest_ms)
    if event.at > state.latest_ms:
        state.latest_ms = event.at
    match event:
        case Started():
            _started(plan, state, event)
        case Finished():
            _finished(plan, state, event)
        case Expanded():
            _expanded(plan, state, event)
        case Merged():
            _merged(plan, state, event)
        case Skipped():
            _skipped(plan, state, event)
        case Observed():
            _observed(plan, state, event)
        case Settled():
            _settled(plan, state, event)
        case Requested():
            _requested(plan, state, event)
        case Opened():
            _opened(plan, state, event)
        case Closed():
            state.closed = event.status
        case _:
            assert_never(event)


def _started(plan: Compiled, state: RunState, event: Started) -> None:
    step = plan.index_of.get(event.address, -1)
    if (
        step < 0
        or event.attempt != state.attempt[step] + 1
        or state.status[step] not in (Status.QUEUED, Status.WAITING)
    ):
        return
    state.attempt[step] = event.attempt
    state.starts += not plan.is_final(step)
    state.status[step] = Status.RUNNING
    state.reason[step] = None
    state.running[step] = None
    state.busy += plan.slots(step)
    state.ready.pop(step, None)
    state.unsettled.pop(step, None)
    forget_due(state, step)


def _expanded(plan: Compiled, state: RunState, event: Expanded) -> None:
    step = plan.index_of.get(event.address, -1)
    body = plan.body(step) if step >= 0 else None
    if body is None or state.status[step] not in (Status.QUEUED, Status.RUNNING):
        return
    begins = step not in state.begun
    if not begins and event.keys:
        if step not in state.to_judge or event.keys != (str(len(plan.bodies[step]) + 1),) or not plan.is_loop(step):
            return
    elif not begins and state.status[step] is not Status.QUEUED:
        return
    state.ready.pop(step, None)
    state.to_judge.pop(step, None)
    state.status[step], state.reason[step] = Status.RUNNING, None
    state.begun[step] = None
    state.anew.pop(step, None)
    if begins:
        state.attempt[step] += 1
    if event.keys:
        add_phase(plan, state, step, grow(plan, step, event.keys, event.rows))
    else:
        open_body(plan, state, step)
        for inner in [one for one in state.doubt if step in plan.owners(one)]:
            give_way(plan, state, inner)


def _finished(plan: Compiled, state: RunState, event: Finished) -> None:
    step = plan.index_of.get(event.address, -1)
    if step < 0 or state.status[step] >= Status.SUCCEEDED:
        return
    if event.attempt == 0:
        if step in state.running or (event.patch is not None and step in state.unmerged):
            return
    elif event.attempt != state.attempt[step] or step not in state.running:
        return
    if step in state.running:
        del state.running[step]
        state.busy -= plan.slots(step)
    state.to_judge.pop(step, None)
    if step in plan.loop_of:
        error = event.error or {}
        state.traces[step] = {"findings": error.get("findings"), "logs": _printed(event)}
        if event.tree is not None:
            state.trees[plan.phase_of[step]] = event.tree
    state.exit_code.pop(step, None)
    state.outputs.pop(step, None)
    if step not in state.unmerged:  # a patch that is not merged any more stays what the step has left
        state.artifacts.pop(step, None)
    state.made_in.pop(step, None)
    if event.exit_code is not None:
        state.exit_code[step] = event.exit_code
    if event.outputs:
        state.outputs[step] = event.outputs
    if event.artifacts:
        state.artifacts[step] = event.artifacts
    if (event.outputs or event.artifacts) and event.cache is not None and "run" in event.cache:
        state.made_in[step] = event.cache["run"]
    if event.final:
        if event.error:
            state.sentence[step] = event.error.get("summary", "")
            state.beside[step] = tuple(event.error.get("others", ()))
        end(plan, state, step, STATUS_BY_WORD[event.status], event.reason)
    elif event.patch is not None:
        state.status[step], state.reason[step], state.unmerged[step] = Status.WAITING, event.reason, event.patch
        leave_group(plan, state, step)
        leave_apart(plan, state, step)
        if ending(plan, state, step):
            hold_back(plan, state, step)
        give_way(plan, state, step)
    elif event.reason == "in-doubt":
        doubt(plan, state, step, (event.error or {}).get("reason", "interrupted"))
    else:
        try_again(plan, state, step, event.at)


def _printed(event: Finished) -> dict[str, str]:
    """The digests of what a step printed, or of what it had printed when the result was made that the cache gave."""
    if event.cache is not None:
        return dict(event.cache.get("logs", {}))
    return {stream: log["sha256"] for stream, log in (event.logs or {}).items()}


def _merged(plan: Compiled, state: RunState, event: Merged) -> None:
    step = plan.index_of.get(event.address, -1)
    if step not in state.unmerged:
        return
    if event.error:
        state.sentence[step] = event.error.get("summary", "")
    end(plan, state, step, Status.SUCCEEDED if event.commit is not None else Status.FAILED, event.reason)


def _skipped(plan: Compiled, state: RunState, event: Skipped) -> None:
    step = plan.index_of.get(event.address, -1)
    if step < 0 or state.status[step] >= Status.SUCCEEDED or step in state.running:
        return
    state.sentence.pop(step, None)  # a gate's last one is about what it waited for
    if event.sentence:
        state.sentence[step] = event.sentence
    end(plan, state, step, Status.SKIPPED, event.reason)


def _observed(plan: Compiled, state: RunState, event: Observed) -> None:
    gate = plan.index_of.get(event.gate, -1)
    if (
        gate < 0
        or plan.kinds[gate] != GATE
        or state.status[gate] >= Status.SUCCEEDED
        or state.phase_unmet[plan.phase_of[gate]]
        or gate in state.to_skip
    ):
        return
    state.sentence[gate] = event.sentence
    state.to_look.pop(gate, None)
    if event.status == "succeeded":
        end(plan, state, gate, Status.SUCCEEDED, event.reason)
    else:
        state.status[gate] = Status.WAITING
        state.reason[gate] = event.reason
        state.waiting_gates[gate] = state.terminal_events
        give_way(plan, state, gate)


def _settled(plan: Compiled, state: RunState, event: Settled) -> None:
    step = plan.index_of.get(event.address, -1)
    if step < 0 or state.status[step] is not Status.WAITING or plan.kinds[step] == GATE:
        return
    asked = step in state.to_probe or step in state.due
    state.to_probe.pop(step, None)
    forget_due(state, step)
    state.sentence.pop(step, None)
    if event.by == "probe" and asked:
        state.probes[step] = state.probes.get(step, 0) + 1
    if event.how == "in-doubt":
        if event.sentence:
            state.sentence[step] = event.sentence
        state.doubt.setdefault(step, "command-failed")
        state.reason[step] = "in-doubt"
        leave_group(plan, state, step)
        give_way(plan, state, step)
        return
    reason = state.doubt.pop(step, None)
    if event.how == "done":
        end(plan, state, step, Status.SUCCEEDED, "settled")
    elif ending(plan, state, step):
        state.status[step], state.reason[step] = Status.QUEUED, None
        hold_back(plan, state, step)
    elif event.by == "probe" and reason in _ENDED_AS:
        if retries(plan.action(step).step, reason, state.failures[step] + 1):
            try_again(plan, state, step, event.at)
        else:
            end(plan, state, step, Status.FAILED, reason)
    else:
        state.status[step], state.reason[step] = Status.QUEUED, None
        admit(plan, state, step)


_ENDED_AS = ("timed-out", "path-policy-violation", "secret-in-output", "internal-error")
"""How an attempt has ended that was stopped at its time limit: if nothing was done, that is how the step stands."""


def _requested(plan: Compiled, state: RunState, event: Requested) -> None:
    if event.id in state.requests:
        return
    state.requests.add(event.id)
    if event.verb == "cancel" and event.outcome == "accepted":
        again, state.cancelling = state.cancelling, True
        state.cutting_finally = state.cutting_finally or not state.body_open or (again and _only_finals(plan, state))
        abandon(plan, state, doubts=True)


def _only_finals(plan: Compiled, state: RunState) -> bool:
    """Is all that is open below the run's own phases a `finally`? Of what has opened others, those are looked at."""
    return all(
        state.status[step] >= Status.SUCCEEDED or step in state.begun or plan.phase_final[plan.phase_of[step]]
        for step in plan.steps
        if plan.kinds[step] != FINALLY
    )


def _opened(plan: Compiled, state: RunState, event: Opened) -> None:
    if event.epoch <= state.epoch:
        return
    state.epoch, state.closed = event.epoch, None
    state.run_id = event.owner.get("run_id", state.run_id)
    if event.reset:
        state.cancelling = state.failing_fast = state.cutting_finally = False
        state.overspent, state.starts, state.worked_ms = False, 0, 0
    chosen = {plan.index_of[address] for address in event.reset if address in plan.index_of}
    if chosen:
        chosen.update(step for step in plan.finally_steps if _may_run_again(plan, state, step))
        for owner in {owner for step in chosen for owner in plan.owners(step)}:
            chosen.add(owner)
            last = (node for phase in plan.bodies[owner] if plan.phase_final[phase] for node in plan.phase_nodes[phase])
            chosen.update(node for node in last if _may_run_again(plan, state, node))
    for step in plan.steps:
        status = state.status[step]
        if step in chosen:
            if is_spoilt(plan, state, step):
                state.anew[step] = None
            forget(state, step)
            if step in state.begun and plan.is_loop(step):
                state.since[step] = len(plan.bodies[step])
            if step in state.unsettled:  # that it is to be decided again does not say that it was not done
                lose(plan, state, step)
        elif status is Status.RUNNING:
            lose(plan, state, step)
        elif status is Status.WAITING and plan.kinds[step] == GATE:
            state.status[step], state.reason[step] = Status.QUEUED, None
        if state.status[step] < Status.SUCCEEDED:
            state.failures[step] = 0
    for gates, nodes in zip(plan.phase_gates, plan.phase_nodes, strict=True):
        if any(state.status[node] < Status.SUCCEEDED for node in nodes):
            for gate in gates:
                if state.status[gate] is Status.SUCCEEDED or (event.reset and state.status[gate] > Status.SUCCEEDED):
                    forget(state, gate)
    rebuild(plan, state)
    if state.cancelling or state.failing_fast or state.overspent:
        abandon(plan, state)


def interrupt(plan: Compiled, state: RunState) -> None:
    """The owner died: what ran stands as the next owner will find it. For those who only look: no event is folded
    behind this."""
    for step in [*state.running, *(step for step in state.begun if state.status[step] is Status.RUNNING)]:
        lose(plan, state, step)
        if has_probe(plan.action(step).step):
            state.to_probe[step] = None
    state.running.clear()
    state.busy = 0


def _may_run_again(plan: Compiled, state: RunState, step: int) -> bool:
    return not is_once(plan.action(step).step) or state.status[step] > Status.SUCCEEDED

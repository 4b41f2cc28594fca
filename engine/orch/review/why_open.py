"""What does a step that is not over wait for? Pure."""

from __future__ import annotations

from collections.abc import Callable

from orch.model.derive import is_bad
from orch.model.status import Status
from orch.review.case import SHOWN, Case, length, time
from orch.review.explanation import Explanation
from orch.review.relations import group_names
from orch.review.why_succeeded import attempts_before

Explain = Callable[[Case], Explanation]


def running(case: Case) -> Explanation:
    """Since when, and until when at most."""
    record = case.record
    because = [f"attempt {record.attempt} was started at {time(record.started_at)}"] if record.started_at else []
    because += attempts_before(case)
    if "timeout_seconds" in case.doc:
        because.append(f"its `timeout` is {length(case.doc['timeout_seconds'])}")
    else:
        because.append("it has no `timeout`: it may take as long as it likes")
    following = [
        case.command("runs", "logs", case.run_id, case.address, "-f"),
        case.command("poll", case.run_id, "--watch"),
    ]
    return case.told(because, ["its own end"], following)


def queued(case: Case, explain: Explain) -> Explanation:
    """What is not over yet, what is shut, or that there is no room."""
    because, cause = _waits_for(case)
    root = None if cause is None else case.of(cause)
    below = None if root is None else explain(root)
    if root is not None and below is not None and below.because:
        because += [f"{root.address}:", *(f"  {line}" for line in below.because)]
    change, following = ([*below.would_change], [*below.next]) if below is not None else ([], [])
    if case.past.status == "queued":
        because.insert(0, f"the run waits {case.past.detail}, and nothing of it starts before")
        change, following = ["a run of that group ends"], [case.command("poll", case.run_id, "--watch")]
    elif case.past.status == "interrupted":
        owner = "its attempt was interrupted: " if case.record.started_at else ""
        because.insert(0, f"{owner}the owner of the run died, and nothing starts before it is resumed")
        change, following = ["the run is resumed"], [case.command("resume", case.run_id)]
    elif not following:
        following = [case.command("poll", case.run_id, "--watch")]
    return case.told(because, change, following, root=None if root is None else root.address)


def _waits_for(case: Case) -> tuple[list[str], int | None]:
    """Sentences; and the step to be explained, where the wait is for a person or a time."""
    plan, state, step = case.plan, case.state, case.step
    phase = plan.phase_of[step]
    if not state.epoch:
        return ["nothing of the run has begun"], None
    if phase < 0 and state.body_open:
        return [f"`finally` begins when all else is over: {state.body_open:,} steps are not"], _who_waits(case)
    if phase >= 0 and not state.entered[phase]:
        return _phase(case, phase)
    names = group_names(plan)
    needs = [need for need in case.before.needs(step) if _is_open(case, need)]
    if needs:
        told = [names[need] if plan.is_group(need) else case.said(need) for need in needs]
        more = [f"  and {len(told) - SHOWN:,} more"] if len(told) > SHOWN else []
        waits = [need for need in needs if not plan.is_group(need) and state.status[need] is Status.WAITING]
        return ["what it needs is not over:", *(f"  {one}" for one in told[:SHOWN]), *more], next(iter(waits), None)
    for one in (step, *plan.owners(step)):
        group = plan.group_of[one]
        if one in state.held.get(group, {}):
            what, limit, busy = plan.addresses[group], plan.group_limit[group], list(state.active[group])
            return [f"`max_parallel` of {what} is {limit}, and these are at work: {case.names(busy)}"], None
    busy = list(state.running)
    if (wants := plan.slots(step)) > 1 and state.busy + wants > plan.max_in_flight:
        free = plan.max_in_flight - state.busy
        return [f"it takes {wants:,} jobs, and {max(0, free):,} of {plan.max_in_flight:,} are free"], None
    if state.busy >= plan.max_in_flight:
        return [f"no job is free: {plan.max_in_flight:,} at a time (`--jobs`), busy with {case.names(busy)}"], None
    return ["nothing keeps it any more: it starts next"], None


def _phase(case: Case, phase: int) -> tuple[list[str], int | None]:
    plan, state = case.plan, case.state
    name = plan.phase_names[phase]
    shut = [gate for gate in plan.phase_gates[phase] if state.status[gate] is Status.WAITING]
    if shut:
        return [f"phase `{name}` is not entered before its gates are open: {case.said(shut[0])}"], shut[0]
    for needed in case.before.phases(phase):
        nodes = [node for node in plan.phase_nodes[needed] if state.status[node] < Status.SUCCEEDED]
        if nodes or not state.entered[needed]:
            lines = [f"phase `{name}` waits for phase `{plan.phase_names[needed]}`: {case.names(nodes)}"]
            return lines, _who_waits(case)
        if any(is_bad(plan, state, node) for node in plan.phase_nodes[needed]):
            return [f"phase `{plan.phase_names[needed]}` has not passed"], None
    owner = plan.phase_owner[phase]
    if owner >= 0 and owner not in state.begun:
        return [f"what opens it has not begun: {case.said(owner)}"], owner
    return [f"phase `{name}` is not entered yet"], None


def _who_waits(case: Case) -> int | None:
    """A gate or a step that a person is asked about."""
    status, reason = case.state.status, case.state.reason
    return next((i for i in case.plan.steps if status[i] is Status.WAITING and reason[i] != "retry-delay"), None)


def _is_open(case: Case, need: int) -> bool:
    if not case.plan.is_group(need):
        return case.state.status[need] < Status.SUCCEEDED
    return any(case.state.status[child] < Status.SUCCEEDED for child in case.plan.group_children[need])

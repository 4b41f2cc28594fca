"""Where does it come from that a step did not run? The way back, from skipped step to the one that began it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from orch.model.compiled import Compiled
from orch.model.derive import FAILURE, SUCCESS, is_bad, outcome
from orch.model.state import RunState
from orch.model.status import Status
from orch.review.relations import Before


class Cause(NamedTuple):
    """The step before on the way back, how many others would have done as well, and the phase that was not entered for
    it, where the way leads through one."""

    step: int
    others: int = 0
    phase: int = -1


def way_back(plan: Compiled, state: RunState, before: Before, step: int) -> list[Cause]:
    """From the nearest cause to the first one; empty where the step is its own."""
    found: list[Cause] = []
    seen = {step}
    while (cause := _cause(plan, state, before, step)) is not None and cause.step not in seen:
        found.append(cause)
        seen.add(cause.step)
        step = cause.step
    return found


def unmet(plan: Compiled, state: RunState, before: Before, step: int) -> list[int]:
    """The steps among the needs (of a matrix its children) that were no success."""
    return [need for need in _needs(plan, before, step) if _class(plan, state, need) != SUCCESS]


def _cause(plan: Compiled, state: RunState, before: Before, step: int) -> Cause | None:
    match state.reason[step]:
        case "upstream-failed":
            return _first([need for need in _needs(plan, before, step) if _class(plan, state, need) == FAILURE])
        case "upstream-skipped":
            return _first(unmet(plan, state, before, step))
        case "phase-not-reached":
            return _blocker(plan, state, before, plan.phase_of[step])
    return None


def _blocker(plan: Compiled, state: RunState, before: Before, phase: int) -> Cause | None:
    """What shut a phase: a gate of it, or what is bad in a phase that it needs, else what shut that one; last the step
    that should have opened it."""
    agenda, seen = [phase], {phase}
    while agenda:
        here = agenda.pop(0)
        gates = [gate for gate in plan.phase_gates[here] if is_bad(plan, state, gate)]
        if gates:
            return Cause(gates[0], len(gates) - 1, phase)
        for needed in before.phases(here):
            bad = [node for node in plan.phase_nodes[needed] if is_bad(plan, state, node)]
            if bad:
                return Cause(bad[0], len(bad) - 1, phase)
            if needed not in seen:
                seen.add(needed)
                agenda.append(needed)
    owner = plan.phase_owner[phase]
    return Cause(owner, 0, phase) if owner >= 0 and state.status[owner] >= Status.SUCCEEDED else None


def _first(steps: list[int]) -> Cause | None:
    return Cause(steps[0], len(steps) - 1) if steps else None


def _needs(plan: Compiled, before: Before, step: int) -> list[int]:
    found: list[int] = []
    for need in before.needs(step):
        found += [need] if not plan.is_group(need) else plan.group_children[need]
    return found


def _class(plan: Compiled, state: RunState, step: int) -> str | None:
    return outcome(plan, state, step) if state.status[step] >= Status.SUCCEEDED else None

"""What of a run's budget is spent? Pure. Time counts while an owner is at work, an attempt when it starts."""

from __future__ import annotations

from typing import Any, NamedTuple

from orch.model.compiled import Compiled
from orch.model.decisions import Conclude
from orch.model.state import RunState

REASON = "budget-exceeded"


class Spent(NamedTuple):
    """A budget that is spent, as a sentence; `stops` says that what runs is ended, too."""

    sentence: str
    stops: bool


def spent(plan: Compiled, state: RunState, now_ms: int) -> Spent | None:
    """The budget that allows no further start of a node; None where there is one left, or nothing but `finally`."""
    budget = plan.head.get("budget")
    if budget is None or not state.body_open:
        return None
    at = deadline_ms(plan, state)
    if at is not None and at <= max(now_ms, state.latest_ms):
        return Spent(_told(budget, "wall_seconds"), stops=True)
    return Spent(_told(budget, "nodes"), stops=False) if not starts_left(plan, state) else None


def deadline_ms(plan: Compiled, state: RunState) -> int | None:
    """When the time will be spent if this owner goes on, in milliseconds since 1970."""
    wall = plan.head.get("budget", {}).get("wall_seconds")
    return None if wall is None else state.opened_ms + int(wall * 1000) - state.worked_ms


def starts_left(plan: Compiled, state: RunState) -> int:
    """How many attempts may still be started."""
    nodes: int | None = plan.head.get("budget", {}).get("nodes")
    return plan.max_in_flight if nodes is None else max(0, nodes - state.starts)


def may_probe(plan: Compiled, state: RunState, step: int, over: Spent | None) -> bool:
    """Is there time for a probe? There is for that of a step that the budget itself has stopped."""
    return over is None or not over.stops or plan.is_final(step) or state.doubt.get(step) == REASON


def stopped_because(plan: Compiled, state: RunState) -> tuple[str, str, str]:
    """Status, reason and sentence of an attempt that was stopped, and had not run out of its own time."""
    if state.cancelling:
        return "cancelled", "requested", "stopped on request"
    if state.failing_fast or deadline_ms(plan, state) is None:
        return "cancelled", "fail-fast", "stopped because another step failed"
    return "failed", REASON, _told(plan.head["budget"], "wall_seconds")


def cut_short(state: RunState, step: int, sentence: str) -> Conclude:
    """The end of a step that was begun, in a part of the run that is being ended."""
    if state.overspent and not (state.cancelling or state.failing_fast):
        return Conclude(step, "failed", REASON, sentence)
    return Conclude(step, "cancelled", "requested" if state.cancelling else "fail-fast", sentence)


def _told(budget: dict[str, Any], which: str) -> str:
    if which == "wall_seconds":
        from orch.spec.units import duration

        return f"the budget of {duration(budget[which])} of work is spent"
    return f"the budget of {budget[which]:,} attempt{'s' * (budget[which] > 1)} is spent"

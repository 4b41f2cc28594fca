"""How is a request of somebody else answered? Pure: request and state in, events out."""

from __future__ import annotations

from orch.model.compiled import GATE, GROUP, Compiled
from orch.model.events import Event, Requested, Settled
from orch.model.retry import hands_over
from orch.model.state import RunState
from orch.model.status import Status
from orch.ports import Request

SETTLE_HOW = ("done", "not-done")


def answer(plan: Compiled, state: RunState, request: Request, at: int) -> list[Event]:
    """The events that a request leads to; none where it was answered before."""
    if request.id in state.requests:
        return []
    refusal = refusal_of(plan, state, request)
    outcome = "refused" if refusal else "accepted"
    detail = refusal or " ".join(request.detail.values())
    events: list[Event] = [Requested(at, request.id, request.verb, request.actor, outcome, detail)]
    if not refusal and request.verb == "settle":
        events.append(Settled(at, request.detail["address"], request.actor, request.detail["how"]))
    return events


def refusal_of(plan: Compiled, state: RunState, request: Request) -> str:
    """Why a request cannot be granted now, as a sentence; empty where it can."""
    match request.verb:
        case "cancel":
            return "" if state.body_open or state.finally_open else "everything in the run is over"
        case "settle":
            return _cannot_settle(plan, state, request.detail.get("address", ""), request.detail.get("how", ""))
        case "resume":
            return "the token was wrong" if "token" in request.detail else "the run has a live owner"
        case verb:
            return f"unknown request `{verb[:40]}`"


def _cannot_settle(plan: Compiled, state: RunState, address: str, how: str) -> str:
    step = plan.index_of.get(address, -1)
    if step < 0 or plan.kinds[step] in (GATE, GROUP):
        return f"the run has no node `{address}`"
    if state.status[step] is not Status.WAITING or step not in state.doubt:
        return f"`{address}` is not in doubt: it is {state.status[step].word}"
    if how not in SETTLE_HOW:
        return f"settle takes done or not-done, not `{how}`"
    if how == "done" and hands_over(plan.action(step).step):
        return f"`{address}` declares outputs that nobody has: settle it as not-done"
    return ""

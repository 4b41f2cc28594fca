"""How do steps that have opened others stand while a run waits and nothing of it runs? For those who only look."""

from __future__ import annotations

from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.model.status import Status


def pause(plan: Compiled, state: RunState) -> None:
    """Of a run that closed as waiting: what is open because of what is inside of it waits as that does, and says for
    which. No event is folded behind this."""
    if state.closed != "waiting":
        return
    for step in [step for step, status in enumerate(state.status) if status is Status.WAITING]:
        for owner in plan.owners(step):
            if state.status[owner] is Status.RUNNING:
                state.status[owner], state.reason[owner] = Status.WAITING, state.reason[step]
                state.sentence[owner] = f"waits for {plan.addresses[step]}"

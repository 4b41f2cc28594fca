"""What a plan would do now: the forecast, with the gates looked at as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orch.app.context import Context
from orch.app.planning import Planned, PlanRequest
from orch.app.root import RUNS
from orch.model.compiled import FINALLY, Compiled
from orch.model.stubs import Stubs
from orch.ports import Memory
from orch.run.forecast import Prospect, Simulated, forecast, simulate

if TYPE_CHECKING:
    from orch.app.gatewatch import ProjectGates


def prospects(context: Context, planned: Planned, request: PlanRequest, *, dry_run: bool) -> list[Prospect]:
    """One prospect for each step of the plan; with `dry_run` all gates are assumed open."""
    plan, now_ms = planned.compiled, context.clock.now_ms()
    memory = _memory(context, planned)
    if dry_run or not any(plan.phase_gates):
        return forecast(plan, now_ms, None, memory=memory)
    gates = plan_gates(context, planned, request)
    return forecast(plan, now_ms, lambda state, step: gates.look(state, step, now_ms), memory=memory)


def rehearsed(context: Context, planned: Planned, stubs: Stubs) -> Simulated:
    """A dry run with stubs to its end; its plan has what it has added, too."""
    return simulate(planned.compiled, context.clock.now_ms(), None, stubs, _memory(context, planned))


def _memory(context: Context, planned: Planned) -> Memory | None:
    if not any(action.globs is not None for action in planned.compiled.action_table):
        return None
    from orch.app.memory import ProjectMemory

    return ProjectMemory(planned.compiled, planned.root, f"{planned.root}/{RUNS}", context.env)


def plan_gates(context: Context, planned: Planned, request: PlanRequest) -> ProjectGates:
    """The gates of a plan that has no run yet."""
    from orch.app.gatewatch import ProjectGates
    from orch.app.people import places, starter
    from orch.gates.verdict import Context as CommandContext

    pairs = tuple((name, value) for name, _, value in (item.partition("=") for item in request.inputs))
    head = planned.compiled.head
    command = CommandContext(pipeline=head["pipeline"]["path"], inputs=pairs, task=request.task)
    return ProjectGates(
        planned.compiled,
        places(context, planned.root, head, starter(context, planned.root, planned.compiled)),
        command,
    )


def has_work(plan: Compiled, foreseen: Sequence[Prospect]) -> bool:
    """Would anything of the phases be done or waited for? What `finally` does at every end is no work of its own."""
    words = {foreseen[step].word for step in plan.steps if plan.kinds[step] != FINALLY}
    return bool(words - {"skip", "cached", "open"}) if words else bool(foreseen)

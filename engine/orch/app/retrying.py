"""Before a retry: what has changed since the run was planned, and what the retry would leave as it is."""

from __future__ import annotations

from orch.app.context import Context
from orch.app.drift import drift
from orch.app.records import is_running, past
from orch.model.state import left_behind
from orch.model.status import Status
from orch.plan.selectable import IN_A_RUN
from orch.problems.problem import Problem
from orch.run.again import Again, chosen
from orch.run.scope import left
from orch.selection.parse import parse

_NAMED = 3


def asked(
    *, steps: tuple[str, ...], behind: bool, excluded: tuple[str, ...] = (), once_more: tuple[str, ...] = ()
) -> Again:
    """What the command line asks for; without `steps`, what failed. Raises OrchError (2)."""
    named = parse(steps, IN_A_RUN) if steps else None
    return Again(named, behind, parse(excluded, IN_A_RUN) if excluded else None, once_more)


def warnings(context: Context, ref: str, again: Again) -> list[Problem]:
    """What a person should know first. Raises OrchError where the retry would be refused."""
    found = drift(context, ref)
    if again.named is None or again.behind or is_running(context, ref):
        return found
    told = past(context, ref)
    steps = chosen(told.plan, told.state, again)
    rest = set(left(told.plan, told.state)).difference(steps)
    cut = [told.plan.addresses[step] for step in sorted(rest) if told.state.status[step] is Status.CANCELLED]
    behind = [told.plan.addresses[s] for s in told.plan.steps if left_behind(told.state, s) and s not in steps]
    if cut:
        message = f"{_names(cut)} stay cancelled, whatever comes of this, and so the run ends failed"
        hint = f"orch retry {told.run.run_id} --failed decides all that the cancel has ended again"
        found.append(Problem("O628", message, hint=hint, severity="warning"))
    elif behind and any(told.state.status[step] >= Status.FAILED for step in steps):
        message = f"{_names(behind)} stay skipped, whatever comes of this, and so the run ends failed"
        hint = f"orch retry {told.run.run_id} --from '{again.named.text}' decides what is behind it, too"
        found.append(Problem("O628", message, hint=hint, severity="warning"))
    return found


def _names(addresses: list[str]) -> str:
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return ", ".join(f"`{address}`" for address in addresses[:_NAMED]) + more

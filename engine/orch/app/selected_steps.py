"""Which steps of a run does a selection mean?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.plan.selectable import IN_A_RUN, field_of, found_in
from orch.selection.parse import parse


def wanted(run: str, select: Sequence[str], exclude: Sequence[str]) -> Callable[[Compiled, RunState], set[int]]:
    """The steps that are selected and not excluded. Raises OrchError (2) for what is not there."""
    selected = parse(select, IN_A_RUN) if select else None
    excluded = parse(exclude, IN_A_RUN) if exclude else None

    def found(plan: Compiled, state: RunState) -> set[int]:
        words = {address: state.status[step].word for step, address in enumerate(plan.addresses)}
        return found_in(field_of(plan, words), selected, excluded, hint=f"orch runs show {run}")

    return found

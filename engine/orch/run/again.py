"""Which steps does `orch retry` decide again? Pure: plan and state in, addresses or a refusal out."""

from __future__ import annotations

from typing import NamedTuple

from orch.model.compiled import Compiled
from orch.model.derive import is_spoilt, selected
from orch.model.retry import is_once
from orch.model.state import RunState, left_behind
from orch.model.status import Status
from orch.plan.named import meant
from orch.plan.selectable import field_of, found_in, with_inner
from orch.problems.problem import Exit, OrchError, Problem
from orch.run.budget import REASON
from orch.selection.meaning import Field, reach
from orch.selection.parse import refusal
from orch.selection.tree import Selection


class Again(NamedTuple):
    """What is asked for: what failed where `named` is None; else what is named, and with `behind` all behind it.
    `once_more` names `once` steps that may run a second time."""

    named: Selection | None = None
    behind: bool = False
    excluded: Selection | None = None
    once_more: tuple[str, ...] = ()


def chosen(plan: Compiled, state: RunState, again: Again) -> list[int]:
    """The steps that are decided again, by index; none where nothing has failed. Raises OrchError (2) for a selection
    that means nothing, (6) where the run does not allow it."""
    words = {address: state.status[step].word for step, address in enumerate(plan.addresses)}
    field = field_of(plan, words)
    lists = f"orch runs show {state.run_id}"
    found = set(failed_steps(plan, state)) if again.named is None else _named(plan, state, again.named, field)
    if again.behind:
        found = reach(field.after, found) & field.items
    found |= {plan.index_of[other] for step in found for other in state.beside.get(step, ())}
    if spoilt := {step for step in found if is_spoilt(plan, state, step)}:
        found |= {step for step in plan.steps if not spoilt.isdisjoint(plan.owners(step))}
    if again.excluded is not None:
        found -= with_inner(plan, found_in(field, again.excluded, None, hint=lists))
    steps = [step for step in sorted(found) if _can_be(plan, state, step)]
    if again.named is not None and not steps:
        message = f"`{again.named.text}`: nothing of it has ended that could be decided again"
        raise OrchError(Problem("O621", message, hint=lists), Exit.CONFLICT)
    _refuse_twice(plan, state, steps, again)
    return steps


def _can_be(plan: Compiled, state: RunState, step: int) -> bool:
    return state.status[step] >= Status.SUCCEEDED and selected(plan, step) and step not in plan.loop_of


def failed_steps(plan: Compiled, state: RunState) -> list[int]:
    """The steps that failed or were cancelled, and those skipped because of them, by index. A failure that was allowed
    is no reason for anything, unless the budget was: what came after it has already gone on from it. Of a loop that
    failed, the loop itself goes on; what was is not undone. What is inside of a step counts where that failed, too."""
    return [
        step
        for step in range(len(state.status))
        if _fell(plan, state, step) and all(_fell(plan, state, owner) for owner in plan.owners(step))
    ]


def _fell(plan: Compiled, state: RunState, step: int) -> bool:
    status = state.status[step]
    return step not in plan.loop_of and (
        status is Status.CANCELLED
        or (status is Status.FAILED and (state.reason[step] == REASON or not _is_allowed(plan, step)))
        or left_behind(state, step)
    )


def _is_allowed(plan: Compiled, step: int) -> bool:
    return bool(plan.action(step).step.get("allow_failure"))


def _named(plan: Compiled, state: RunState, selection: Selection, field: Field) -> set[int]:
    hint = f"orch runs show {state.run_id}"
    found = with_inner(plan, found_in(field, selection, None, hint=hint), loops=False)
    if not found:
        raise OrchError(refusal(f"`{selection.text}` means no step of {state.run_id}", hint), Exit.USAGE)
    for step in sorted(found):
        if step in state.doubt and state.status[step] is Status.WAITING:
            message = (
                f"`{plan.addresses[step]}` is in doubt: whether it was done must be known before it is decided again"
            )
            hint = f"orch settle {state.run_id} '{plan.addresses[step]}' --done, or --not-done"
            raise OrchError(Problem("O621", message, hint=hint), Exit.CONFLICT)
    if not any(selected(plan, step) for step in found):
        message = f"`{selection.text}` was not selected when {state.run_id} was planned"
        hint = f"a new run can have it: orch apply {plan.head['pipeline']['path']}"
        raise OrchError(Problem("O621", message, hint=hint), Exit.CONFLICT)
    return found


def _was_done(state: RunState, step: int) -> bool:
    """Did its command come to its end? What it left may all the same have failed it: outputs, files that it changed."""
    status = state.status[step]
    return status is Status.SUCCEEDED or (status is Status.FAILED and state.exit_code.get(step) == 0)


def _refuse_twice(plan: Compiled, state: RunState, steps: list[int], again: Again) -> None:
    """A `once` step that was done runs again only where somebody said so of this very step."""
    done = [step for step in steps if _was_done(state, step) and is_once(plan.action(step).step)]
    allowed = {name: meant(plan, name, state.run_id) for name in again.once_more}
    problems = [
        Problem(
            "O627",
            f"`{address}` was done and must not happen twice (effect: once)",
            hint=f"leave it as it is: --exclude '{address}'; where it must happen again: --once-more '{address}'",
        )
        for address in (plan.addresses[step] for step in done if not any(step in each for each in allowed.values()))
    ]
    problems += [
        refusal(f"--once-more {name}: this is no `once` step that was done and is chosen", "leave it out")
        for name, steps in allowed.items()
        if set(done).isdisjoint(steps)
    ]
    if problems:
        raise OrchError(problems, Exit.USAGE if problems[0].code == "O280" else Exit.CONFLICT)

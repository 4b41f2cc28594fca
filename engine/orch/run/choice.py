"""Which action does a step carry out? Where its adapter is computed, that follows from what is over by then. Pure."""

from __future__ import annotations

from orch.model.compiled import Action, Compiled
from orch.model.state import RunState
from orch.run.scope import KnownAfter, step_scope
from orch.spec.expressions.evaluate import evaluate


class NotAllowed(Exception):
    """The adapter that was computed is none of `one_of`."""


def action_of(plan: Compiled, state: RunState, step: int) -> Action:
    """The action of a step. Raises EvaluationError, KnownAfter or NotAllowed where the adapter is computed."""
    action = plan.action(step)
    if action.variants is None:
        return action
    name = evaluate(action.choice, step_scope(plan, state, step))
    number = action.variants.get(name) if isinstance(name, str) else None
    if number is None:
        raise NotAllowed(f"`adapter` is {str(name)[:80]!r}, which is none of {', '.join(action.variants)}")
    return plan.action_table[number]


def nothing_to_run(plan: Compiled, state: RunState, step: int) -> str | None:
    """Why the adapter of a step has nothing to do in this repository; None where it has."""
    action = plan.action_table[plan.actions[step]]
    if "adapter" not in action.step:
        return None
    try:
        return action_of(plan, state, step).step["adapter"].get("skip")
    except KnownAfter:
        return None

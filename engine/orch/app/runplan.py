"""The plan of a run, compiled; one that is damaged is told as such."""

from __future__ import annotations

from orch.model.compiled import Compiled
from orch.store.rundir import RunDir, damaged_plan, load_plan


def plan_of(run: RunDir) -> Compiled:
    """The compiled plan. Raises OrchError where plan.json is damaged (7), wherever in it, or of a newer format (6)."""
    from orch.plan.compile import compile_plan

    plan = load_plan(run)
    try:
        return compile_plan(plan)
    except Exception as error:  # compiling trusts what orch wrote, and this may be anything
        raise damaged_plan(run, error) from error

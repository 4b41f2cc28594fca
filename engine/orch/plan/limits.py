"""What bounds a run as a whole: its budget, and the group whose places it waits for. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from orch.model.plan import BudgetDoc, PlanDoc
from orch.plan.fill import fill
from orch.problems.problem import Exit, OrchError, Problem, Span
from orch.source.document import Route
from orch.spec.pipeline import Pipeline


def add_limits(doc: PlanDoc, pipeline: Pipeline, span: Callable[[Route], Span | None]) -> None:
    """Put the limits that the pipeline asks for at the head of its plan. Raises OrchError for a group without a name;
    `span` gives the places of values in the file."""
    if pipeline.budget is not None:
        known = {"wall_seconds": pipeline.budget.wall, "nodes": pipeline.budget.nodes}
        doc["budget"] = cast(BudgetDoc, {key: value for key, value in known.items() if value is not None})
    asked = pipeline.concurrency
    if asked is not None:
        group = fill(asked.group, {"inputs": doc["inputs"], "task": doc["task"]}, "concurrency.group")
        if isinstance(group, list) or group == "":
            shown = "is a list" if group else "is empty"
            hint = "a text of its own, such as `ship-${{ inputs.task }}`; or another value for the input that it reads"
            at = span(("concurrency", "group"))
            raise OrchError(Problem("O283", f"the group of `concurrency` {shown}", at, hint), Exit.INVALID)
        doc["concurrency"] = {"group": str(group), "limit": asked.limit}

"""Fills expressions from what is known at planning: inputs, the task, a matrix row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orch.plan.compile import template
from orch.problems.problem import Exit, OrchError, Problem
from orch.spec.expressions.evaluate import EvaluationError, evaluate


def fill(value: Any, scope: Mapping[str, Any], what: str) -> Any:
    """A value of the pipeline with its expressions filled in from what is known at planning."""
    tree = template(value)
    if not isinstance(tree, list):
        return tree
    try:
        return evaluate(tree, scope)
    except EvaluationError as error:
        raise OrchError(Problem("O283", f"{what}: {error}"), Exit.INVALID) from error

"""What a run says of itself when it closes: its outputs and one line of counts. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.model.status import Status
from orch.run.scope import KnownAfter, run_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate

ORDER = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.WAITING, Status.SKIPPED, Status.QUEUED)


def counts(state: RunState) -> dict[str, int]:
    """How many steps are in which status; statuses that nobody has are absent."""
    found = Counter(state.status)
    return {status.word: found[status] for status in Status if found[status]}


def closing(plan: Compiled, state: RunState) -> tuple[dict[str, Any], str]:
    """The pipeline's outputs, each `{value}` or `{value: null, because}`, and the summary line."""
    found = counts(state)
    summary = ", ".join(f"{found[status.word]} {status.word}" for status in ORDER if status.word in found)
    if not plan.outputs:
        return {}, summary
    scope = run_scope(plan, state, plan.output_reads)
    outputs: dict[str, Any] = {}
    for name, value in plan.outputs.items():
        try:
            outputs[name] = {"value": evaluate(value, scope) if isinstance(value, list) else value}
        except (EvaluationError, KnownAfter) as error:
            outputs[name] = {"value": None, "because": str(error)}
    return outputs, summary

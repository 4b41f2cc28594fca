"""What a run says of itself when it closes: its outputs and one line of counts. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from orch.model.compiled import GATE, Compiled
from orch.model.state import RunState
from orch.model.status import Status
from orch.run.budget import REASON
from orch.run.scope import LEFT_BEHIND, KnownAfter, ends_as, left, run_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate

_NODES = (
    Status.FAILED,
    Status.CANCELLED,
    Status.SUCCEEDED,
    Status.SKIPPED,
    Status.WAITING,
    Status.RUNNING,
    Status.QUEUED,
)
_GATES = ((Status.FAILED, "failed"), (Status.WAITING, "waiting"), (Status.SUCCEEDED, "open"))


def tally(plan: Compiled, state: RunState) -> str:
    """How many nodes are in which status, and how the gates stand: `1 failed, 3 succeeded, 1 gate open`; what may
    fail is counted apart: `1 failed, 2 failed (allowed)`, and so is what a retry of others has left behind."""
    nodes = Counter(state.status[step] for step in plan.counted)
    if not state.running:  # what has opened others waits as they do
        nodes[Status.WAITING] += nodes.pop(Status.RUNNING, 0)
    gates = Counter(status for status, kind in zip(state.status, plan.kinds, strict=True) if kind == GATE)
    cached = state.reason.count("cached")
    about = {Status.SUCCEEDED: f" ({cached:,} cached)"} if cached else {}
    if not state.body_open and ends_as(plan, state)[1] == LEFT_BEHIND:
        behind = Counter(state.status[step] for step in set(plan.counted).intersection(left(plan, state)))
        about.update((status, f" ({count:,} left behind)") for status, count in behind.items())
    failed = [step for step in plan.counted if state.status[step] is Status.FAILED]
    allowed = sum(state.reason[step] != REASON and plan.may_fail(step) for step in failed)
    nodes[Status.FAILED] -= allowed
    told = [f"{nodes[status]:,} {status.word}{about.get(status, '')}" for status in _NODES if nodes[status]]
    if allowed:
        told.insert(nodes[Status.FAILED] > 0, f"{allowed:,} failed (allowed)")
    told += [f"{gates[status]:,} gate{'s' * (gates[status] > 1)} {word}" for status, word in _GATES if gates[status]]
    return ", ".join(told)


def closing(plan: Compiled, state: RunState) -> tuple[dict[str, Any], str]:
    """The pipeline's outputs, each `{value}` or `{value: null, because}`, and the summary line."""
    summary = tally(plan, state)
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

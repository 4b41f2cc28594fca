"""Why does a step stand as it does, and what is the smallest change that would turn it? Pure: a run in, a value out."""

from __future__ import annotations

from orch.model.compiled import GATE
from orch.model.status import Status
from orch.review.case import Asked, Case
from orch.review.explanation import Explanation
from orch.review.past import Past
from orch.review.relations import Before
from orch.review.why_bodies import inside, opened
from orch.review.why_failed import cancelled, failed
from orch.review.why_matrix import matrix
from orch.review.why_open import queued, running
from orch.review.why_skipped import skipped
from orch.review.why_succeeded import gate_open, succeeded
from orch.review.why_waiting import waiting


def explain(past: Past, index: int, asked: Asked, before: Before | None = None) -> Explanation:
    """The explanation of a step, or of a matrix by its parent's index. `before` spares the time to make one."""
    case = Case(past, before or Before(past.plan), asked, index)
    if past.plan.is_group(index):
        return matrix(case, _explained)
    told = _explained(case)
    return told._replace(because=[*inside(case), *told.because])


def _explained(case: Case) -> Explanation:
    body = case.plan.body(case.step)
    if body is not None and case.step in case.state.begun:
        return opened(case, body, _explained)
    match case.state.status[case.step]:
        case Status.SUCCEEDED:
            return gate_open(case) if case.plan.kinds[case.step] == GATE else succeeded(case)
        case Status.FAILED:
            return failed(case)
        case Status.CANCELLED:
            return cancelled(case)
        case Status.SKIPPED:
            return skipped(case, _explained)
        case Status.WAITING:
            return waiting(case)
        case Status.RUNNING:
            return running(case)
        case _:
            return queued(case, _explained)

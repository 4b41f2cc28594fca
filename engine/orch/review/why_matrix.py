"""How does a matrix stand? By its children, and by the first of them that is not well. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from orch.model.derive import is_bad
from orch.model.status import Status
from orch.review.case import Case
from orch.review.explanation import Explanation
from orch.review.relations import group_names

Explain = Callable[[Case], Explanation]


def matrix(case: Case, explain: Explain) -> Explanation:
    """The parent has no step of its own: what is said of it follows from its children."""
    plan, state = case.plan, case.state
    address, children = group_names(plan)[case.step], plan.group_children[case.step]
    if not children:
        because = ("the list that its matrix is made from is empty: it has no child",)
        return Explanation(address, Status.SKIPPED.word, "empty-matrix", because, ("a list that is not empty",))
    counts = Counter(state.status[child] for child in children)
    told = ", ".join(f"{counts[status]:,} {status.word}" for status in Status if counts[status])
    telling = next((child for child in children if is_bad(plan, state, child)), None)
    telling = telling if telling is not None else _not_over(case, children)
    word = _word(counts, bad=any(is_bad(plan, state, child) for child in children))
    lines = [f"it is a matrix of {len(children):,}: {told}"]
    if telling is None:
        return Explanation(address, word.word, None, tuple(lines))
    below = explain(case.of(telling))
    lines += [f"{case.said(telling)}", *(f"  {line}" for line in below.because)]
    root = below.root or plan.addresses[telling]
    return Explanation(address, word.word, None, tuple(lines), below.would_change, below.next, root, below.log)


def _not_over(case: Case, children: list[int]) -> int | None:
    for wanted in (Status.WAITING, Status.RUNNING, Status.QUEUED, Status.SKIPPED):
        found = next((child for child in children if case.state.status[child] is wanted), None)
        if found is not None:
            return found
    return None


def _word(counts: Counter[Status], *, bad: bool) -> Status:
    for status in (Status.RUNNING, Status.WAITING, Status.QUEUED):
        if counts[status]:
            return status
    if bad:
        return Status.FAILED
    return Status.SKIPPED if counts[Status.SKIPPED] == sum(counts.values()) else Status.SUCCEEDED

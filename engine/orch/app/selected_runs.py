"""Which runs does a selection mean? `status:failed,task:0042`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orch.app.records import RunRow
from orch.problems.problem import Exit, OrchError
from orch.selection.meaning import Field, meaning
from orch.selection.parse import Methods, parse, refusal
from orch.selection.tree import Selection

_STATES = ("queued", "running", "interrupted", "damaged", "waiting", "succeeded", "failed", "cancelled")
_METHODS: Methods = {"status": _STATES, "task": None, "pipeline": None}


def wanted(select: Sequence[str], exclude: Sequence[str]) -> Callable[[RunRow], bool]:
    """Is a run selected and not excluded? Raises OrchError (2) where a selection means nothing."""
    selected = _read(select) if select else None
    excluded = _read(exclude) if exclude else None

    def holds(row: RunRow) -> bool:
        words = {"": row.run_id, "status": row.status, "task": row.task, "pipeline": row.pipeline}
        field = Field(1, {method: {value: (0,)} for method, value in words.items()})
        return (selected is None or bool(meaning(selected, field))) and not (excluded and meaning(excluded, field))

    return holds


def _read(texts: Sequence[str]) -> Selection:
    selection = parse(texts, _METHODS)
    if any(atom.before or atom.after for term in selection.terms for atom in term):
        raise OrchError(refusal(f"`{selection.text}`: no run needs another", "leave out the `+`"), Exit.USAGE)
    return selection

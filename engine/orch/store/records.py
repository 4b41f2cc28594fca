"""Is this line the record that must come next? The chain of the journal, for its owner and for every reader."""

from __future__ import annotations

from types import UnionType
from typing import get_args, get_origin, get_type_hints

from orch.model.codec import UnknownEvent, decode, digest
from orch.model.events import EVENT_TYPES, Event, Finished, Observed
from orch.model.status import STATUS_BY_WORD
from orch.problems.problem import Exit, OrchError, Problem


def _shape(cls: type[Event]) -> tuple[tuple[type, ...], ...]:
    """The types that the value of each field may have."""
    hints = get_type_hints(cls)
    return tuple(
        tuple(get_origin(kind) or kind for kind in (get_args(hint) if isinstance(hint, UnionType) else (hint,)))
        for hint in (hints[name] for name in cls._fields)
    )


_SHAPES = {cls: _shape(cls) for cls in EVENT_TYPES.values()}


class BadRecord(ValueError):
    """A line that cannot be the next record; the text says why."""


class Chain:
    """Follows the records in order. `head` is the sha256 (hex) of the last one, or the plan's before the first;
    `seq` is the number of the last one."""

    __slots__ = ("head", "seq")

    def __init__(self, plan_digest: str) -> None:
        self.head = plan_digest
        self.seq = 0

    def accept(self, line: bytes) -> Event:
        """The event of the next line, given without its newline. Raises BadRecord or UnknownEvent."""
        try:
            seq, prev, event = decode(line)
        except UnknownEvent:
            raise
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise BadRecord(f"is not a record ({error})") from error
        if prev != self.head:
            raise BadRecord("does not follow the line before it" if self.seq else "does not belong to this plan.json")
        if seq != self.seq + 1:
            raise BadRecord(f"has number {seq}, not {self.seq + 1}")
        for value, kinds in zip(event, _SHAPES[type(event)], strict=True):
            if type(value) not in kinds:
                raise BadRecord(f"holds {value!r} where {kinds[0].__name__} belongs")
        if isinstance(event, Finished | Observed) and event.status not in STATUS_BY_WORD:
            raise BadRecord(f"holds the unknown status {event.status!r}")
        self.seq, self.head = seq, digest(line)
        return event


def bad_line(path: str, number: int, error: Exception) -> OrchError:
    """What a reader says of line `number` (from 1) of the journal."""
    if isinstance(error, UnknownEvent):
        problem = Problem(
            "O603",
            f"{path}:{number}: a record of type `{error}`, which this version of orch does not know",
            hint="a newer orch wrote this run: continue it with that version",
        )
        return OrchError(problem, Exit.CONFLICT)
    problem = Problem("O602", f"{path}:{number}: this record {error}", hint="orch verify RUN lists all that is wrong")
    return OrchError(problem, Exit.CORRUPT)

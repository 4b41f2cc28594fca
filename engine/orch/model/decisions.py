"""What the engine should do next: the values that `decide` returns."""

from typing import Any, NamedTuple


class Start(NamedTuple):
    """Begin an attempt of this step."""

    step: int
    attempt: int


class Recall(NamedTuple):
    """Take the result of this step from a run before, where what it reads is unchanged; else begin this attempt."""

    step: int
    attempt: int


class Probe(NamedTuple):
    """Ask the probe of a `once` step whether it was done."""

    step: int


class Dismiss(NamedTuple):
    """End the running probe of this step: nobody waits for its answer any more."""

    step: int


class Merge(NamedTuple):
    """Put what this step did in its own tree onto the run's branch."""

    step: int


class Skip(NamedTuple):
    """This step will not run; `sentence` where the reason alone does not say why."""

    step: int
    reason: str
    sentence: str = ""


class Expand(NamedTuple):
    """Open the body of this step, or the next iteration: the fields of `Expanded`."""

    step: int
    keys: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


class Conclude(NamedTuple):
    """This step ends without an attempt: a check that was computed, an expression that failed, a step cancelled, a body
    that is over. `changes` say what was other from one iteration of a loop to the next."""

    step: int
    status: str
    reason: str
    sentence: str
    outputs: dict[str, Any] | None = None
    changes: tuple[dict[str, Any], ...] = ()


class Observe(NamedTuple):
    """Look at this gate."""

    step: int


class Stop(NamedTuple):
    """End the running attempt of this step."""

    step: int
    why: str


class Schedule(NamedTuple):
    """Nothing before this time (milliseconds since 1970), unless something happens."""

    at: int


class Close(NamedTuple):
    """Nothing is left to do for this owner."""

    status: str
    reason: str


Decision = Start | Recall | Expand | Merge | Probe | Dismiss | Skip | Conclude | Observe | Stop | Schedule | Close

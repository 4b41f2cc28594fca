"""What happened: the records of the journal as values. Times are whole milliseconds since 1970, UTC."""

from typing import Any, NamedTuple


class Opened(NamedTuple):
    """An owner began: `epoch` counts from 1, `reset` names the steps that `orch retry` chose to decide again. `beat_ms`
    is when the one before was last seen alive, where it died (milliseconds since 1970)."""

    at: int
    epoch: int
    owner: dict[str, Any]
    plan: str
    containment: str
    versions: dict[str, str]
    torn_bytes: int = 0
    reset: tuple[str, ...] = ()
    beat_ms: int = 0


class Observed(NamedTuple):
    """A gate was looked at: the facts, and what they mean (status and reason as in `Status`)."""

    at: int
    gate: str
    status: str
    reason: str
    sentence: str
    facts: dict[str, Any]


class Started(NamedTuple):
    """An attempt is about to start; durable before a `once` step starts. `command`, `cwd` and `adapter` are given
    where they were computed, else the plan has them. `cache` is there where the result of a run before was
    looked for, and none could be used."""

    at: int
    address: str
    attempt: int
    idempotency_key: str | None = None
    command: list[str] | None = None
    cwd: str | None = None
    adapter: str | None = None
    cache: dict[str, Any] | None = None


class Finished(NamedTuple):
    """An attempt ended, or a step was concluded without one (attempt 0: a check, an expression that failed).
    A result that is not `final` is tried again, or is in doubt. `logs` and `artifacts` are by digest; `tests` are the
    counts of a report that was read, whose findings stand in `error`. With `cache` the result is of a run before.
    `patch` is the commit beside the run's branch that has yet to be merged, `tree` the content of the loop's own tree
    when a node of it had ended."""

    at: int
    address: str
    attempt: int
    final: bool
    status: str
    reason: str
    exit_code: int | None = None
    outputs: dict[str, Any] | None = None
    artifacts: tuple[dict[str, Any], ...] = ()
    logs: dict[str, dict[str, Any]] | None = None
    error: dict[str, Any] | None = None
    tests: dict[str, int] | None = None
    cache: dict[str, Any] | None = None
    patch: str | None = None
    tree: str | None = None


class Merged(NamedTuple):
    """What a step did in a tree of its own is on the run's branch, as this commit, and the step has succeeded; or it is
    not, for the reason that the step has failed for."""

    at: int
    address: str
    commit: str | None = None
    reason: str = "ok"
    error: dict[str, Any] | None = None


class Expanded(NamedTuple):
    """A step opened its body: the children of a matrix by key, each with its `rows` entry of values; the iteration of a
    loop, whose number is the key; a child pipeline, without keys. What was open when an owner died, or is tried again,
    is opened once more, without keys: what is there stays."""

    at: int
    address: str
    keys: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


class Skipped(NamedTuple):
    """A step will not run, and why; `sentence` where the reason alone does not say it."""

    at: int
    address: str
    reason: str
    sentence: str = ""


class Requested(NamedTuple):
    """Somebody asked the owner for something; `outcome` is accepted or refused."""

    at: int
    id: str
    verb: str
    actor: str
    outcome: str
    detail: str = ""


class Settled(NamedTuple):
    """A step in doubt was settled `by` a probe or a person; `how` is done, not-done or in-doubt, and then `sentence`
    says why. `logs` are the probe's, by digest."""

    at: int
    address: str
    by: str
    how: str
    sentence: str = ""
    logs: dict[str, dict[str, Any]] | None = None


class Closed(NamedTuple):
    """The owner stopped with nothing left to do: succeeded, failed, cancelled or waiting."""

    at: int
    status: str
    reason: str
    outputs: dict[str, Any]
    summary: str


Event = Opened | Observed | Expanded | Started | Finished | Merged | Skipped | Requested | Settled | Closed

EVENT_TYPES: dict[str, type[Event]] = {
    "opened": Opened,
    "observed": Observed,
    "expanded": Expanded,
    "started": Started,
    "finished": Finished,
    "merged": Merged,
    "skipped": Skipped,
    "requested": Requested,
    "settled": Settled,
    "closed": Closed,
}
TYPE_NAMES: dict[type[Event], str] = {cls: name for name, cls in EVENT_TYPES.items()}

"""What the manifests need of a run beyond its state: times, commands, logs, failures. Pure: events in, records out."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from orch.model.compiled import GROUP, Compiled
from orch.model.events import (
    Closed,
    Event,
    Expanded,
    Finished,
    Merged,
    Observed,
    Opened,
    Requested,
    Settled,
    Skipped,
    Started,
)
from orch.model.fold import apply
from orch.model.state import RunState
from orch.model.status import FAILED_REASONS, Status

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_NO_LOGS: dict[str, dict[str, Any]] = {}


class Record:
    """A step's last attempt (of a gate: its looks). Times are milliseconds since 1970; `started_at` is the start of the
    last attempt, so that waiting for a retry or for an owner is not counted as work; of a step that opens others, which
    goes on where it was, `idle_ms` is the time without an owner since. `failures` are the numbers of the error
    artifacts; `inputs` are the artifacts of the steps that it needs, when it started, by their address."""

    __slots__ = (
        "adapter",
        "artifacts",
        "attempt",
        "cache",
        "command",
        "completed_at",
        "cwd",
        "exit_code",
        "facts",
        "failures",
        "idempotency_key",
        "idle_ms",
        "inputs",
        "logs",
        "looked_at",
        "merged",
        "outputs",
        "over",
        "running",
        "settled_by",
        "started_at",
        "tests",
    )

    def __init__(self) -> None:
        self.attempt = 0
        self.failures: tuple[int, ...] = ()
        self.cache: dict[str, Any] | None = None
        self.clear()

    @property
    def took_ms(self) -> int | None:
        """How long the step took, while an owner was at work; None while it is not over."""
        if self.started_at is None or self.completed_at is None:
            return None
        return self.completed_at - self.started_at - self.idle_ms

    def clear(self) -> None:
        """Forget everything that a new attempt says anew."""
        self.started_at: int | None = None
        self.idle_ms = 0
        self.completed_at: int | None = None
        self.command: list[str] | None = None
        self.cwd: str | None = None
        self.adapter: str | None = None
        self.tests: dict[str, int] | None = None
        self.exit_code: int | None = None
        self.idempotency_key: str | None = None
        self.settled_by: str | None = None
        self.merged: str | None = None
        self.looked_at = 0
        self.facts: dict[str, Any] | None = None
        self.outputs: dict[str, Any] | None = None
        self.artifacts: tuple[dict[str, Any], ...] = ()
        self.inputs: dict[str, tuple[dict[str, Any], ...]] | None = None
        self.logs = _NO_LOGS
        self.running = self.over = False

    def facts_digest(self) -> str | None:
        """The sha256 of what a gate's last look saw."""
        return None if self.facts is None else "sha256:" + hashlib.sha256(_encode(self.facts).encode()).hexdigest()


class Failure(NamedTuple):
    """A failed attempt, for its error artifact; `number` counts them from 1 in the journal's order."""

    number: int
    step: int
    attempt: int
    at: int
    reason: str
    exit_code: int | None
    logs: dict[str, dict[str, Any]]
    error: dict[str, Any]
    command: list[str] | None


class Ledger:
    """Fed with every event in order, after the state. `records` holds the steps that something happened to."""

    def __init__(self, plan: Compiled) -> None:
        self._plan = plan
        self.records: dict[int, Record] = {}
        self.failures: list[Failure] = []
        self.openings: list[Opened] = []
        self.requests: list[Requested] = []
        self.closed: Closed | None = None
        self.last_at = 0
        self._worked_before = 0
        self._idle_ms = 0
        self._available: dict[int, dict[str, tuple[dict[str, Any], ...]]] = {}

    def apply(self, event: Event, state: RunState) -> int:
        """Take in an event: the index of the step that it is about, or -1. Only `opened` looks at the state, for what
        is decided again, and must see it as that event left it; the loop writes it alone."""
        if isinstance(event, Opened) and self.openings:
            self.last_at = max(self.last_at, event.beat_ms)
            self._worked_before = self.worked_ms
            self._idle_ms = max(0, event.at - self.last_at)
        self.last_at = max(self.last_at, event.at)
        match event:
            case Started():
                return self._started(event)
            case Finished():
                return self._finished(event)
            case Expanded():
                return self._expanded(event)
            case Merged():
                return self._merged(event)
            case Skipped():
                return self._over(event.address, event.at)
            case Observed():
                return self._observed(event)
            case Settled():
                return self._settled(event)
            case Opened():
                self._opened(event, state)
            case Requested():
                self.requests.append(event)
            case Closed():
                self.closed = event
        return -1

    @property
    def worked_ms(self) -> int:
        """How long owners were at work: from `opened` to the last event, over all epochs. A night at a gate is none."""
        return self._worked_before + self.last_at - self.openings[-1].at if self.openings else 0

    def _record(self, address: str) -> tuple[int, Record]:
        step = self._plan.index_of[address]
        record = self.records.get(step)
        if record is None:
            record = self.records[step] = Record()
        return step, record

    def _expanded(self, event: Expanded) -> int:
        step, record = self._record(event.address)
        if not record.running:
            record.clear()
            record.attempt += 1
            record.started_at, record.running = event.at, True
        return step

    def _started(self, event: Started) -> int:
        step, record = self._record(event.address)
        record.clear()
        record.attempt = event.attempt
        record.started_at = event.at
        record.command = event.command
        record.cwd = event.cwd
        record.adapter = event.adapter
        if event.cache is not None or event.attempt == 1:
            record.cache = event.cache
        record.idempotency_key = event.idempotency_key
        record.running = True
        self._take_inputs(step, record)
        return step

    def _take_inputs(self, step: int, record: Record) -> None:
        if self._available and step in self._available:
            record.inputs = dict(self._available[step])

    def _finished(self, event: Finished) -> int:
        known = len(self.records)
        step, record = self._record(event.address)
        if record.over or (event.attempt and (event.attempt != record.attempt or not record.running)):
            return step
        if event.cache is not None:  # what attempts before it may have said is not about this result
            if len(self.records) == known:
                record.clear()
            record.cache = event.cache
            self._take_inputs(step, record)
        record.running = False
        record.over = event.final
        record.completed_at = event.at
        if event.attempt or event.cache is not None:
            record.exit_code = event.exit_code
            record.outputs = event.outputs
            record.logs = event.logs or _NO_LOGS
            record.tests = event.tests
        if event.artifacts:
            record.artifacts = event.artifacts
            self._offer(step, event.artifacts)
        reason = event.reason if event.reason != "in-doubt" else (event.error or {}).get("reason")
        if event.status == "failed" or (event.status == "waiting" and reason in FAILED_REASONS):
            self._failed(step, record, event, str(reason))
        return step

    def _merged(self, event: Merged) -> int:
        step, record = self._record(event.address)
        if record.over:
            return step
        record.over, record.merged = True, event.commit
        if event.commit is None:
            self._failed(step, record, event, event.reason)
        return step

    def _failed(self, step: int, record: Record, event: Finished | Merged, reason: str) -> None:
        number = len(self.failures) + 1
        record.failures += (number,)
        error = event.error or {}
        if isinstance(event, Merged):
            attempt, exit_code, logs = record.attempt, record.exit_code, record.logs
        else:
            attempt, exit_code, logs = event.attempt, event.exit_code, event.logs or _NO_LOGS
        self.failures.append(Failure(number, step, attempt, event.at, reason, exit_code, logs, error, record.command))

    def _observed(self, event: Observed) -> int:
        step, record = self._record(event.gate)
        if record.over:
            return step
        if record.started_at is None:
            record.started_at = event.at
        record.facts = event.facts
        record.looked_at = self.last_at
        if event.status == "succeeded":
            record.over = True
            record.completed_at = event.at
        return step

    def _settled(self, event: Settled) -> int:
        step, record = self._record(event.address)
        if not record.over:
            record.over = event.how == "done"
            record.completed_at = event.at
            record.settled_by = event.by
        return step

    def _over(self, address: str, at: int) -> int:
        step, record = self._record(address)
        if not record.running:
            record.over = True
            record.completed_at = at
        return step

    def _opened(self, event: Opened, state: RunState) -> None:
        self.openings.append(event)
        self.closed = None
        for step, record in self.records.items():
            record.running = step in state.begun and state.status[step] is Status.QUEUED  # it goes on where it was
            if record.running:
                record.over, record.completed_at = False, None
                record.idle_ms += self._idle_ms
            elif record.completed_at is not None and state.status[step] is Status.QUEUED:
                record.clear()
                self._offer(step, ())
            elif state.status[step] is Status.WAITING:
                record.over = False  # it ended in doubt, and is in doubt again

    def _offer(self, step: int, artifacts: tuple[dict[str, Any], ...]) -> None:
        """These are now what the step's dependants get of it, those of its matrix included."""
        address = self._plan.addresses[step]
        for dependant in self._plan.dependants[step]:
            takers = [dependant] if self._plan.kinds[dependant] != GROUP else self._plan.dependants[dependant]
            for taker in takers:
                if artifacts:
                    self._available.setdefault(taker, {})[address] = artifacts
                elif taker in self._available:
                    self._available[taker].pop(address, None)


def replay(plan: Compiled, events: Iterable[Event]) -> tuple[RunState, Ledger]:
    """State and ledger of a journal. Raises KeyError where it names a step that the plan does not have."""
    state = RunState.new(plan)
    ledger = Ledger(state.plan)
    for event in events:
        apply(state.plan, state, event)
        ledger.apply(event, state)
    return state, ledger

"""What a report of a run holds: everything that a reviewer asks, bounded for a run of any size. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from orch.model.compiled import Compiled
from orch.model.derive import is_bad
from orch.model.plan import kind_of
from orch.model.status import Status
from orch.review.case import Asked, Case
from orch.review.explanation import Explanation
from orch.review.gates_seen import GateSeen, gate_seen
from orch.review.past import Past
from orch.review.relations import Before
from orch.review.timeline import Timeline, timeline
from orch.review.why import explain
from orch.run.bodies import changes
from orch.run.close import tally
from orch.run.scope import verdict
from orch.store.ledger import Record

MAX_TROUBLES = 50
MAX_ROWS = 1000
MAX_ARTIFACTS = 300
MAX_LOGS = 50
MAX_ITERATIONS = 10
MAX_CHANGES = 6
_URGENT = (Status.FAILED, Status.WAITING, Status.CANCELLED, Status.RUNNING, Status.SKIPPED, Status.QUEUED)


class Row(NamedTuple):
    """A step in the tables. Times are milliseconds since 1970; `log` is the end of its log, where that is told;
    `changed` says of a loop what was other from one iteration to the next."""

    address: str
    phase: str
    kind: str
    status: str
    reason: str | None
    sentence: str
    attempts: int
    started_ms: int | None
    took_ms: int | None
    tests: Mapping[str, int] | None
    log: Sequence[str] = ()
    changed: Sequence[str] = ()


class ArtifactRow(NamedTuple):
    """An artifact by its digest (hex)."""

    address: str
    name: str
    path: str
    sha256: str
    bytes: int


class Phase(NamedTuple):
    """A phase with those of its steps that are listed; `left_out` counts the others by their status."""

    name: str
    description: str
    counts: Mapping[str, int]
    rows: Sequence[Row]
    left_out: Mapping[str, int]


class Report(NamedTuple):
    """A run as it stood when its journal had `records` records. `so_far` is the verdict on what is over, of a run that
    is not; `branch_gone`: its branch was removed; `more_troubles` and `more_artifacts` count what is not told."""

    past: Past
    status: str
    so_far: str
    summary: str
    started_ms: int | None
    ended_ms: int | None
    made_ms: int
    troubles: Sequence[Explanation]
    more_troubles: int
    gates: Sequence[GateSeen]
    phases: Sequence[Phase]
    tests: Mapping[str, int] | None
    artifacts: Sequence[ArtifactRow]
    more_artifacts: int
    timeline: Timeline
    records: int
    branch_gone: bool = False


def report(past: Past, asked: Asked, tail: Callable[[Record], Sequence[str]], now_ms: int) -> Report:
    """Make it. `tail` reads the end of a step's log."""
    plan, state, ledger = past.plan, past.state, past.ledger
    before = Before(plan)
    troubling = _troubling(past)
    told = [explain(past, step, asked, before) for step in troubling[:MAX_TROUBLES]]
    artifacts = _artifacts(past)
    closed, live = ledger.closed, past.status == "running"
    over = closed is not None and closed.status != "waiting"
    tests = [record.tests for record in ledger.records.values() if record.tests is not None]
    return Report(
        past=past,
        status=past.status,
        so_far="" if over else verdict(past.plan, state),
        summary=tally(plan, state),
        started_ms=ledger.openings[0].at if ledger.openings else None,
        ended_ms=closed.at if over and closed is not None else None,
        made_ms=now_ms,
        troubles=told,
        more_troubles=max(0, len(troubling) - MAX_TROUBLES),
        gates=[gate_seen(Case(past, before, asked, gate)) for gates in plan.phase_gates for gate in gates],
        phases=_phases(past, tail),
        tests={name: sum(one.get(name, 0) for one in tests) for name in tests[0]} if tests else None,
        artifacts=artifacts[:MAX_ARTIFACTS],
        more_artifacts=max(0, len(artifacts) - MAX_ARTIFACTS),
        timeline=timeline(past.journal.events, now_ms if live else None),
        records=past.journal.lines,
    )


def _troubling(past: Past) -> list[int]:
    """What failed, then what waits, each in the plan's order; what was skipped for it is not told again. Of a loop its
    own end is told, of a step whose children failed theirs."""
    plan, state = past.plan, past.state
    failed = [step for step in plan.steps if state.status[step] is Status.FAILED]
    cancelled = [step for step in plan.steps if state.status[step] is Status.CANCELLED]
    waits = [step for step in plan.steps if state.status[step] is Status.WAITING]
    waits = [step for step in waits if step not in state.begun or step in state.unmerged]
    failed = [step for step in failed if step not in plan.loop_of and state.reason[step] != "children-failed"]
    failed.sort(key=lambda step: not is_bad(plan, state, step))
    return [*failed, *waits, *cancelled]


def _artifacts(past: Past) -> list[ArtifactRow]:
    return [
        ArtifactRow(past.plan.addresses[step], one["name"], one["path"], one["sha256"], one["bytes"])
        for step, record in sorted(past.ledger.records.items())
        for one in record.artifacts
    ]


def _phases(past: Past, tail: Callable[[Record], Sequence[str]]) -> list[Phase]:
    plan, state = past.plan, past.state
    rank = {status: number for number, status in enumerate(_URGENT)}
    steps = sorted(plan.steps, key=lambda step: (rank.get(state.status[step], len(rank)), step))
    listed = set(steps[:MAX_ROWS])
    with_logs = {step for step in sorted(past.ledger.records) if past.ledger.records[step].logs}
    logged = with_logs if len(with_logs) <= MAX_LOGS else set[int]()
    groups = [
        (name, _within(plan, [number])) for number, name in enumerate(plan.phase_names) if plan.phase_owner[number] < 0
    ]
    if plan.finally_steps:
        groups.append(("finally", list(plan.finally_steps)))
    described = {phase["name"]: phase.get("description", "") for phase in plan.head["phases"]}
    counted = {*plan.counted, *(gate for gates in plan.phase_gates for gate in gates)}
    found = []
    for name, here in groups:
        counts = Counter(state.status[step].word for step in here if step in counted)
        left = Counter(state.status[step].word for step in here if step not in listed)
        rows = [_row(past, step, name, tail if step in logged else None) for step in here if step in listed]
        found.append(Phase(name, described.get(name, ""), counts, rows, left))
    return found


def _within(plan: Compiled, phases: Sequence[int]) -> list[int]:
    """The steps of these phases in the plan's order, each followed by those that it has opened."""
    found: list[int] = []
    for phase in phases:
        for step in sorted((*plan.phase_gates[phase], *plan.phase_nodes[phase])):
            found += [step, *_within(plan, plan.bodies.get(step, ()))]
    return found


def _changed(past: Past, step: int) -> list[str]:
    """Of a loop: what was other from one iteration to the next, the last ones."""
    if not past.plan.is_loop(step) or step not in past.plan.bodies:
        return []
    told = []
    for one in changes(past.plan, past.state, step)[-MAX_ITERATIONS:]:
        lines = list(one["changed"])
        more = f" and {len(lines) - MAX_CHANGES:,} more" if len(lines) > MAX_CHANGES else ""
        told.append(f"iteration {one['iteration']} changed {'; '.join(lines[:MAX_CHANGES]) or 'nothing'}{more}")
    return told


def _row(past: Past, step: int, phase: str, tail: Callable[[Record], Sequence[str]] | None) -> Row:
    plan, state = past.plan, past.state
    record, document = past.ledger.records.get(step) or Record(), plan.action(step).step
    kind = kind_of(document)
    status, started = state.status[step], record.started_at
    took = record.took_ms if status >= Status.SUCCEEDED else None
    sentence = state.sentence.get(step, "") if state.reason[step] not in (None, "ok") else ""
    if status is Status.QUEUED and started is not None:
        sentence = "was interrupted"
    return Row(
        plan.addresses[step],
        phase,
        kind,
        status.word,
        state.reason[step],
        sentence.partition(" — ")[0] if kind == "gate" else sentence,
        record.attempt,
        started,
        took if kind != "gate" else None,
        record.tests,
        tail(record) if tail is not None and status is Status.SUCCEEDED else (),
        _changed(past, step),
    )

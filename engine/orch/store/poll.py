"""How does a run stand? Computed from the journal, the lock and the beat; nothing is written."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orch.gates.verdict import Context, Verdict
from orch.model.compiled import GATE, Compiled
from orch.model.events import Event
from orch.model.fold import apply, interrupt
from orch.model.pausing import pause
from orch.model.state import RunState
from orch.model.status import Status
from orch.model.times import to_iso
from orch.problems.problem import Exit, OrchError, Problem
from orch.store import journal
from orch.store.beat import INTERVAL_SECONDS, STALE_AFTER_SECONDS
from orch.store.errors import approve_command, command_of, error_name, settle_commands
from orch.store.ledger import Ledger
from orch.store.manifests import error_list, status_counts
from orch.store.rundir import RunDir
from orch.store.standing import Standing, look

FORMAT_VERSION = 1
WAITING_POLL_SECONDS = 30
Judge = Callable[[Mapping[str, Any], Mapping[str, Any], float, Context], Verdict]


def poll(
    run: RunDir,
    plan: Compiled,
    *,
    now_ms: int,
    steady: float,
    host: str,
    since: int | None = None,
    judge: Judge | None = None,
) -> dict[str, Any]:
    """The poll document of `runs.md`; what does not apply is absent. `host` is this machine as owners write it and
    `steady` its clock that nobody sets: about an owner elsewhere, lock and clock say nothing. With `since`, `commands`
    and `errors` hold only what changed after that cursor. Raises OrchError for a bad journal or cursor."""
    standing = look(run, host=host, steady=steady)
    found = journal.read(run.journal, plan.digest)
    if since is not None and not 0 <= since <= found.lines:
        problem = Problem("O620", f"{since} is no cursor of run {run.run_id}", hint=f"orch poll {run.run_id}")
        raise OrchError(problem, Exit.USAGE)
    state, ledger, touched, earlier = _follow(plan, found.events, since or 0)
    plan = state.plan
    closed = None if standing.queued else ledger.closed  # who waits for a place goes on with what had closed
    dead = closed is None and standing.status == "interrupted"
    if dead:
        interrupt(plan, state)
    pause(plan, state)
    doubts = settle_commands(run.run_id, plan, state)
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "status": closed.status if closed else standing.status,
        "status_detail": closed.reason if closed else standing.detail,
        "started_at": to_iso(ledger.openings[0].at) if ledger.openings else None,
        "completed_at": to_iso(closed.at) if closed and closed.status != "waiting" else None,
        "polled_at": to_iso(now_ms),
        "manifest": f"{run.artifact_root}/manifest.json",
        "artifact_root": run.artifact_root,
        "heartbeat": None if standing.queued else _heartbeat(standing, now_ms, live=closed is None),
        "counts": status_counts(plan, state),
        "commands": [_command(plan, state, ledger, step) for step in touched if plan.kinds[step] != GATE],
        "waiting": _waiting(run, plan, state, ledger, judge, doubts),
        "errors": error_list(plan, ledger)[earlier:],
        "next": _next(run, standing, state, closed.status if closed else standing.status, doubts),
        "cursor": found.lines,
        "next_poll_after_seconds": None if dead else INTERVAL_SECONDS,
    }
    if closed:
        document["next_poll_after_seconds"] = WAITING_POLL_SECONDS if closed.status == "waiting" else None
    return {key: value for key, value in document.items() if value is not None}


def _follow(plan: Compiled, events: Iterable[Event], since: int) -> tuple[RunState, Ledger, list[int], int]:
    """State and ledger; the steps that an event after `since` is about (from the start: all of them), in the plan's
    order; how many failures came before."""
    state = RunState.new(plan)
    plan = state.plan
    ledger = Ledger(plan)
    touched: set[int] = set() if since else set(plan.steps)
    earlier = 0
    for seq, event in enumerate(events, 1):
        apply(plan, state, event)
        step = ledger.apply(event, state)
        if seq <= since:
            earlier = len(ledger.failures)
        elif step >= 0:
            touched.add(step)
    return state, ledger, sorted(touched), earlier


def _next(run: RunDir, standing: Standing, state: RunState, status: str, doubts: Mapping[int, str]) -> str | None:
    """The command that gets the run going again: what is in doubt is settled, and what lacks an approval approved,
    before it is resumed."""
    resume = f"orch resume {run.run_id}"
    if status in ("waiting", "interrupted"):
        first = approve_command(state.plan, state) if status == "waiting" else None
        return next(iter(doubts.values()), first or resume)
    if status == "running" and standing.detail == "hung" and standing.owner is not None:
        owner = standing.owner
        kill = f"kill -9 {owner.pid}"
        return f"{f'ssh {shlex.quote(owner.host)} {kill}' if standing.elsewhere else kill} && {resume}"
    return None


def _heartbeat(standing: Standing, now_ms: int, *, live: bool) -> dict[str, Any] | None:
    pulse = standing.pulse
    if pulse is None:
        return None
    age = max(0, now_ms - pulse.at) / 1000
    fields = {
        "updated_at": to_iso(pulse.at),
        "age_seconds": age,
        "stale": live and standing.elsewhere and age > STALE_AFTER_SECONDS,
        "interval_seconds": INTERVAL_SECONDS,
        "stale_after_seconds": STALE_AFTER_SECONDS,
    }
    if live and standing.detail == "hung":
        fields["hung_seconds"] = standing.still_seconds
    return fields


def _command(plan: Compiled, state: RunState, ledger: Ledger, step: int) -> dict[str, Any]:
    status, record = state.status[step], ledger.records.get(step)
    fields: dict[str, Any] = {
        "index": step + 1,
        "address": plan.addresses[step],
        "command": command_of(plan, step),
        "status": status.word,
        "reason": state.reason[step],
        "summary": state.sentence.get(step) or None,
    }
    if record is not None:
        if record.command is not None:
            fields["command"] = record.command
        fields["exit_code"] = record.exit_code
        fields["started_at"] = _iso(record.started_at)
        fields["completed_at"] = _iso(record.completed_at) if status >= Status.SUCCEEDED else None
        if record.failures:
            fields["error_file"] = error_name(record.failures[-1], plan.addresses[step])
    return {key: value for key, value in fields.items() if value is not None}


def _waiting(
    run: RunDir, plan: Compiled, state: RunState, ledger: Ledger, judge: Judge | None, doubts: Mapping[int, str]
) -> list[dict[str, Any]]:
    """What waits for a person: gates as they were last looked at, and steps in doubt."""
    found = []
    for step in plan.steps:
        if state.status[step] is not Status.WAITING or state.reason[step] in ("retry-delay", "unmerged"):
            continue
        if step in state.begun:  # it waits for another that is told, too
            continue
        address, record = plan.addresses[step], ledger.records.get(step)
        fields: dict[str, Any] = {"reason": state.reason[step], "sentence": state.sentence.get(step)}
        if plan.kinds[step] != GATE:
            fields["next"] = doubts.get(step)
            found.append({"step": address, **fields})
            continue
        if judge is not None and record is not None and record.facts is not None:
            gate = plan.action(step).step["gate"]
            verdict = judge(gate, record.facts, record.looked_at / 1000, Context(run=run.run_id))
            fields |= {"have": verdict.have, "need": verdict.need, "next": verdict.next}
        found.append({"gate": address, **fields})
    return [{key: value for key, value in fields.items() if value is not None} for fields in found]


def _iso(at: int | None) -> str | None:
    return None if at is None else to_iso(at)

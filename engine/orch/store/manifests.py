"""The node manifest and the run manifest, as bytes: pure, so that they can be written, checked and made again."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

from orch.model.compiled import GATE, Compiled
from orch.model.derive import left_trees
from orch.model.encoding import encoder
from orch.model.events import Requested
from orch.model.names import branch_of
from orch.model.plan import kind_of
from orch.model.state import RunState
from orch.model.status import Status
from orch.model.times import to_iso
from orch.store.atomic import read_file
from orch.store.beat import INTERVAL_SECONDS, STALE_AFTER_SECONDS
from orch.store.errors import command_of, error_name
from orch.store.ledger import Ledger, Record
from orch.store.rundir import KIND, RunDir

FORMAT_VERSION = 1
_encode = encoder(compact=False)
_WORDS = {status: status.word for status in Status}


class _Fixed(NamedTuple):
    """What a manifest takes from the plan, encoded once for all steps that share an action."""

    kind: str
    command: str
    cwd: str
    rest: str


class NodeManifests:
    """Makes the manifests of one plan's steps: one key a line."""

    def __init__(self, plan: Compiled) -> None:
        self._plan = plan
        self._fixed: dict[int, _Fixed] = {}
        self._end = f',\n  "plan_digest": "{plan.digest}"\n}}\n'

    def build(self, step: int, state: RunState, record: Record) -> bytes:
        """The manifest of a step that is not running."""
        plan = self._plan
        fixed = self._fixed.get(plan.actions[step])
        if fixed is None:
            fixed = self._fixed[plan.actions[step]] = self._fix(step)
        phase, status, reason = plan.phase_of[step], state.status[step], state.reason[step]
        parts = [
            f'{{\n  "format_version": {FORMAT_VERSION},\n  "address": {_encode(plan.addresses[step])}',
            f'"phase": "{plan.phase_names[phase] if phase >= 0 else "finally"}"',
            f'{fixed.kind},\n  "status": "{_WORDS[status]}"',
        ]
        add = parts.append
        if reason is not None:
            add(f'"reason": "{reason}"')
        if step in state.sentence and reason is not None:
            add(f'"sentence": {_encode(state.sentence[step])}')
        if record.attempt:
            add(f'"attempt": {record.attempt}')
        _add_times(record, status, parts)
        if record.exit_code is not None:
            add(f'"exit_code": {record.exit_code}')
        if record.command is not None:
            add(f'"command": {_encode(record.command)}')
        elif fixed.command:
            add(fixed.command)
        if record.cwd is not None:
            add(f'"cwd": {_encode(record.cwd)}')
        elif fixed.cwd:
            add(fixed.cwd)
        if step in plan.matrix:
            add(f'"matrix": {_encode(plan.matrix[step])}')
        if record.inputs or record.outputs or record.artifacts or record.logs or record.failures:
            self._add_results(step, record, parts)
        _add_rare(record, parts)
        if fixed.rest:
            add(fixed.rest)
        return (",\n  ".join(parts) + self._end).encode()

    def _fix(self, step: int) -> _Fixed:
        document = self._plan.action(step).step
        rest: dict[str, Any] = {}
        if self._plan.kinds[step] == GATE:
            rest["gate"] = document["gate"]
        else:
            rest["effect"] = document.get("effect", "idempotent")
        for key in ("allow_failure", "workspace", "writes", "tags", "description"):
            if key in document:
                rest[key] = document[key]
        if "adapter" in document and "one_of" not in document:
            rest["adapter"] = f"{document['adapter']['name']} {document['adapter']['command']}"
        command = command_of(self._plan, step)
        cwd = None if "gate" in document else document.get("cwd", ".")
        return _Fixed(
            f'"kind": "{kind_of(document)}"',
            "" if command is None else f'"command": {_encode(command)}',
            "" if cwd is None else f'"cwd": {_encode(cwd)}',
            ",\n  ".join(f'"{key}": {_encode(value)}' for key, value in rest.items()),
        )

    def _add_results(self, step: int, record: Record, parts: list[str]) -> None:
        if record.inputs:
            inputs = [
                {"artifact": f"{address}.{artifact['name']}", "sha256": artifact["sha256"]}
                for address, artifacts in record.inputs.items()
                for artifact in artifacts
            ]
            parts.append(f'"inputs": {_encode(inputs)}')
        if record.outputs:
            parts.append(f'"outputs": {_encode(record.outputs)}')
        if record.artifacts:
            parts.append(f'"artifacts": {_encode(list(record.artifacts))}')
        parts.extend(f'"{name}": {_encode(log)}' for name, log in record.logs.items())
        if record.failures:
            files = [error_name(number, self._plan.addresses[step]) for number in record.failures]
            parts.append(f'"error_files": {_encode(files)}')


def _add_times(record: Record, status: Status, parts: list[str]) -> None:
    started, completed = record.started_at, record.completed_at
    if started is not None:
        parts.append(f'"started_at": "{to_iso(started)}"')
    if completed is not None and status >= Status.SUCCEEDED:
        parts.append(f'"completed_at": "{to_iso(completed)}"')
        if started is not None:
            parts.append(f'"duration_seconds": {(completed - started - record.idle_ms) / 1000}')


def _add_rare(record: Record, parts: list[str]) -> None:
    if record.adapter is not None:
        parts.append(f'"adapter": {_encode(record.adapter)}')
    if record.cache is not None:
        parts.append(f'"cache": {_encode(record.cache)}')
    if record.tests is not None:
        parts.append(f'"tests": {_encode(record.tests)}')
    if record.merged is not None:
        parts.append(f'"merged": "{record.merged}"')
    if record.idempotency_key is not None:
        parts.append(f'"idempotency_key": {_encode(record.idempotency_key)}')
    if record.settled_by is not None:
        parts.append(f'"settled_by": {_encode(record.settled_by)}')
    facts = record.facts_digest()
    if facts is not None:
        parts.append(f'"facts": "{facts}"')


def run_manifest(run: RunDir, plan: Compiled, state: RunState, ledger: Ledger, head: str, token_sha256: str) -> bytes:
    """The manifest of a run: as it closed, or as it stood when its present owner began; one that died before its first
    record leaves it without times. `head` is the sha256 (hex) of the last record then. What is not known yet is
    absent."""
    closed, opened = ledger.closed, ledger.openings[-1] if ledger.openings else None
    began = to_iso(ledger.openings[0].at) if opened is not None else None
    at = to_iso(closed.at) if closed is not None else to_iso(opened.at) if opened is not None else None
    ended = closed is not None and closed.status != "waiting"
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "task_id": run.task,
        "pipeline": plan.head["pipeline"],
        "kind": KIND,
        "status": "running" if closed is None else closed.status,
        "status_detail": None if closed is None else closed.reason,
        "summary": None if closed is None else closed.summary,
        "epoch": 0 if opened is None else opened.epoch,
        "started_at": began,
        "updated_at": at,
        "completed_at": at if ended else None,
        "duration_seconds": ledger.worked_ms / 1000 if ended else None,
        "owner": None if opened is None else opened.owner,
        "heartbeat_at": at,
        "heartbeat_interval_seconds": INTERVAL_SECONDS,
        "heartbeat_stale_after_seconds": STALE_AFTER_SECONDS,
        "artifact_root": run.artifact_root,
        "workspace": _workspace(run, plan, state, ledger),
        "resume_token_sha256": token_sha256,
        "resume_events": resume_events(ledger),
        "gates": [_gate(plan, state, gate) for gates in plan.phase_gates for gate in gates],
        "nodes": status_counts(plan, state),
        "errors": error_list(plan, ledger),
        "containment": None if opened is None else opened.containment,
        "versions": None if opened is None else opened.versions,
        "outputs": None if closed is None else closed.outputs,
        "plan_digest": plan.digest,
        "journal_head": head,
    }
    present = [f"  {_encode(key)}: {_encode(value)}" for key, value in document.items() if value is not None]
    return ("{\n" + ",\n".join(present) + "\n}\n").encode()


def noted_head(run: RunDir) -> str | None:
    """The head of the journal with which the run's manifest was written; None where that cannot be read: a power cut
    took it, and it is written again when the run is carried on."""
    try:
        return str(json.loads(read_file(run.manifest))["journal_head"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _workspace(run: RunDir, plan: Compiled, state: RunState, ledger: Ledger) -> dict[str, Any] | None:
    """The run's branch, the commit that it is compared with, and the folder of its trees as long as that is there."""
    if "workspace" not in plan.head:
        return None
    found = {"branch": branch_of(run.run_id), "base": plan.head["base"]}
    gone = state.closed == "succeeded" and not left_trees(plan, state)
    return found if gone or not ledger.openings else {**found, "trees": ledger.openings[0].owner["trees"]}


def resume_events(ledger: Ledger) -> list[dict[str, Any]]:
    """Every attempt to carry the run on, refused ones too, in order."""
    found: list[tuple[int, dict[str, Any]]] = []
    for opened in ledger.openings[1:]:
        actor = f"{opened.owner.get('host', '')}:{opened.owner.get('pid', '')}"
        reason = "retry" if opened.reset else "resume"
        event = {"timestamp": to_iso(opened.at), "actor": actor, "reason": reason, "outcome": "accepted"}
        found.append((opened.at, {**event, "detail": f"epoch {opened.epoch}"}))
    found.extend((asked.at, _asked(asked)) for asked in ledger.requests if asked.verb in ("resume", "retry"))
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _asked(asked: Requested) -> dict[str, Any]:
    outcome = "accepted" if asked.outcome == "accepted" else "blocked"
    return {
        "timestamp": to_iso(asked.at),
        "actor": asked.actor,
        "reason": asked.verb,
        "outcome": outcome,
        "detail": asked.detail,
    }


def status_counts(plan: Compiled, state: RunState) -> dict[str, int]:
    """How many nodes (gates are listed apart) are in which status; statuses that none has are absent."""
    found = Counter(state.status[step] for step in plan.counted)
    if state.closed == "waiting":  # nothing runs: what has opened others waits as they do
        found[Status.WAITING] += found.pop(Status.RUNNING, 0)
    return {_WORDS[status]: found[status] for status in Status if found[status]}


def error_list(plan: Compiled, ledger: Ledger) -> list[dict[str, Any]]:
    """The failed attempts, with their error artifacts."""
    return [
        {
            "address": plan.addresses[failure.step],
            "attempt": failure.attempt,
            "reason": failure.reason,
            "summary": failure.error.get("summary", failure.reason),
            "error_file": error_name(failure.number, plan.addresses[failure.step]),
        }
        for failure in ledger.failures
    ]


def _gate(plan: Compiled, state: RunState, gate: int) -> dict[str, Any]:
    fields = {
        "address": plan.addresses[gate],
        "status": _WORDS[state.status[gate]],
        "reason": state.reason[gate],
        "sentence": state.sentence.get(gate) if state.reason[gate] is not None else None,
    }
    return {key: value for key, value in fields.items() if value is not None}

"""The gates of a run or of a pipeline, looked at now; and writing down what a person decided about one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from orch.app.context import Context
from orch.app.gatewatch import ProjectGates
from orch.app.people import places, started_by
from orch.app.planning import PlanRequest, make_plan
from orch.app.project import load
from orch.app.prospects import plan_gates
from orch.app.root import RUNS, find_root
from orch.app.runplan import plan_of
from orch.gates.verdict import Context as CommandContext
from orch.governance.decide import Request, Written
from orch.governance.seen import Seen
from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.plan.named import named
from orch.problems.problem import Exit, OrchError, Problem
from orch.store.glance import glance
from orch.store.journal import read
from orch.store.ledger import replay
from orch.store.manifests import NodeManifests
from orch.store.rundir import RunDir, find, newest

if TYPE_CHECKING:
    from orch.gates.facts import ApprovalFacts

_ENDED = ("succeeded", "failed", "cancelled")
Warn = Callable[[Sequence[Problem]], None]
Kind = Literal["approved", "rejected", "revoked"]


@dataclass(frozen=True, slots=True)
class Target:
    """Which gates are meant: those of a run, or those of a pipeline with its inputs, or (nothing given) those of the
    newest waiting run, else of the only pipeline."""

    run: str | None = None
    pipeline: str | None = None
    inputs: tuple[str, ...] = ()
    task: str | None = None


@dataclass(frozen=True, slots=True)
class GateView:
    """A gate as it stands now. `facts` are those of `orch.gates.facts`; a check gate has none. `behind_nodes`: nodes of
    the run may be at work while it is shut."""

    address: str
    gate: Mapping[str, Any]
    status: str
    reason: str
    sentence: str
    have: int = 0
    need: int = 0
    missing: tuple[str, ...] = ()
    next: str | None = None
    facts: Mapping[str, Any] | None = None
    behind_nodes: bool = False


@dataclass(frozen=True, slots=True)
class _Subject:
    """Whose gates: the plan, what is known of its run, and how to look."""

    plan: Compiled
    state: RunState
    gates: ProjectGates
    root: str
    run: RunDir | None


def gates(context: Context, target: Target, warn: Warn, gate: str | None = None) -> list[GateView]:
    """The gates that are meant, in the plan's order; one of them where `gate` names it (by id or address)."""
    subject = _resolve(context, target, gate, warn)
    now_ms = context.clock.now_ms()
    steps = _steps(subject.plan) if gate is None else [_step(subject, gate)]
    return [_view(subject, step, max(now_ms, subject.state.latest_ms)) for step in steps]


def decide(
    context: Context,
    kind: Kind,
    gate: str,
    role: str,
    by: str | None,
    reason: str,
    target: Target,
    warn: Warn,
    digest: str | None = None,
) -> Written:
    """Write a decision about a gate's subject: the one with this digest, or the present one whatever it is. Raises
    OrchError where the person may not, or the subject has another digest by now."""
    from orch.governance.decide import decide as write

    subject = _resolve(context, target, gate, warn)
    load(subject.root)  # who may decide is what it says today: its mistakes come first
    step = _step(subject, gate)
    planned = subject.plan.action(step).step["gate"]
    if planned["kind"] != "approval":
        message = f"`{gate}` is a {planned['kind']} gate: nobody approves it"
        raise OrchError(Problem("O317", message, hint=f"orch gate show {gate}"), Exit.USAGE)
    at_ms = max(context.clock.now_ms(), subject.state.latest_ms)
    facts, _, _ = subject.gates.examine(subject.state, step, at_ms)
    inside = context.env.get("ORCH_RUN_ID")
    where = subject.gates.where().of(planned)
    seen = None if digest is None else Seen(digest, subject.gates.command.show(gate))
    request = Request(kind, role, by, reason, seen)
    return write(request, planned, cast("ApprovalFacts", facts), where, at_ms / 1000, inside)


def _view(subject: _Subject, step: int, at_ms: int) -> GateView:
    plan, state = subject.plan, subject.state
    gate, address = plan.action(step).step["gate"], plan.addresses[step]
    if gate["kind"] == "check":
        sentence = state.sentence.get(step, f"`{gate['expr']}`")
        return GateView(address, gate, state.status[step].word, state.reason[step] or "", sentence)
    facts, verdict, _ = subject.gates.examine(state, step, at_ms)
    return GateView(
        address,
        gate,
        verdict.status,
        verdict.reason,
        verdict.sentence,
        verdict.have,
        verdict.need,
        verdict.missing,
        verdict.next,
        facts,
        plan.is_behind_nodes(step),
    )


def _resolve(context: Context, target: Target, gate: str | None, warn: Warn) -> _Subject:
    root = find_root(context.cwd)
    if target.run is not None:
        return _of_run(context, root, find(os.path.join(root, RUNS), target.run))
    if target.pipeline is None and not target.inputs:
        waiting = _newest_waiting(context, root, gate, warn)
        if waiting is not None:
            return waiting
    request = PlanRequest(_declaring(context, root, target, gate), target.inputs, task=target.task)
    try:
        planned = make_plan(context, request)
    except OrchError as error:
        if error.problems[0].code != "O286" or target.inputs:
            raise
        asked = error.problems[0]
        asked = asked._replace(message=f"no run waits at a gate; {asked.message}", hint=f"--pipeline, {asked.hint}")
        raise OrchError(asked, error.exit) from error
    return _Subject(planned.compiled, RunState.new(planned.compiled), plan_gates(context, planned, request), root, None)


def _newest_waiting(context: Context, root: str, gate: str | None, warn: Warn) -> _Subject | None:
    for run in newest(os.path.join(root, RUNS)):
        try:
            if glance(run.journal).status in _ENDED:
                continue
            subject = _of_run(context, root, run)
        except (OrchError, OSError) as error:  # a damaged run says nothing about the gates of another
            warn([_passed_over(run, error)])
            continue
        if gate is None or named(subject.plan, gate, _steps(subject.plan)):
            return subject
    return None


def _passed_over(run: RunDir, error: OrchError | OSError) -> Problem:
    code, why = (
        (error.problems[0].code, error.problems[0].message)
        if isinstance(error, OrchError)
        else ("O287", f"it cannot be read: {error.strerror}")
    )
    hint = f"orch verify {run.run_id}"
    return Problem(code, f"{run.run_id} is passed over: {why}", hint=hint, severity="warning")


def _declaring(context: Context, root: str, target: Target, gate: str | None) -> str | None:
    """The pipeline that is meant: as given, or the only one below pipelines/ that has the gate."""
    folder = os.path.join(root, "pipelines")
    if target.pipeline is not None or gate is None or not os.path.isdir(folder):
        return target.pipeline
    from orch.source.read import parse
    from orch.spec.load import load_pipeline

    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith((".yaml", ".yml")):
            try:
                with open(path, "rb") as file:
                    pipeline = load_pipeline(parse(file.read(), f"pipelines/{name}"))
            except (OrchError, OSError):
                continue
            ids = {one for phase in pipeline.phases.values() for one in phase.gates}
            if gate.rpartition(".")[2] in ids:
                found.append(path)
    if len(found) == 1:
        return found[0]
    names = ", ".join(os.path.relpath(path, root) for path in found)
    message = f"the gate `{gate}` is declared by {len(found)} pipelines" if found else f"no pipeline declares `{gate}`"
    hint = f"--pipeline one of: {names}" if found else "orch gate list --pipeline PIPELINE"
    if not found and (waiting := _newest_waiting(context, root, None, lambda problems: None)) is not None:
        run, plan = waiting.gates.command.run, waiting.plan
        message = f"no run waits at a gate `{gate}`, and no pipeline declares it"
        hint = f"run {run} has: {', '.join(plan.addresses[step] for step in _steps(plan)) or 'none'}"
    raise OrchError(Problem("O318", message, hint=hint), Exit.USAGE)


def _of_run(context: Context, root: str, run: RunDir) -> _Subject:
    plan = plan_of(run)
    events = read(run.journal, plan.digest).events
    state, ledger = replay(plan, events)
    plan = state.plan
    manifests = NodeManifests(plan)
    watch = ProjectGates(
        plan,
        places(context, root, plan.head, started_by(events)),
        CommandContext(run=run.run_id),
        manifest=lambda step: manifests.build(step, state, ledger.records[step]),
    )
    watch.remember(events)
    return _Subject(plan, state, watch, root, run)


def _steps(plan: Compiled) -> list[int]:
    return [step for steps in plan.phase_gates for step in steps]


def _step(subject: _Subject, gate: str) -> int:
    plan, steps = subject.plan, _steps(subject.plan)
    found = named(plan, gate, steps)
    if len(found) == 1:
        return found[0]
    if found:
        message = f"`{gate}` is a gate of {len(found)} child pipelines"
        hint = f"one of: {', '.join(plan.addresses[step] for step in found)}"
        raise OrchError(Problem("O318", message, hint=hint), Exit.USAGE)
    known = ", ".join(sorted(plan.addresses[step] for step in steps))
    name = plan.head["pipeline"]["name"]
    raise OrchError(Problem("O318", f"{name} has no gate `{gate}`", hint=f"it has: {known or 'none'}"), Exit.USAGE)

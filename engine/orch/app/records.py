"""What the runs say of themselves: lists, manifests, logs, errors, polls, and whether all of it holds together."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from orch.app.branches import is_branch_gone
from orch.app.context import Context
from orch.app.root import RUNS, find_root
from orch.app.runplan import plan_of
from orch.model.attempt import LOG_CAP_BYTES
from orch.model.compiled import Compiled
from orch.model.events import Finished, Settled
from orch.model.fold import fold, interrupt
from orch.model.names import file_stem
from orch.model.pausing import pause
from orch.model.state import RunState
from orch.model.status import Status
from orch.plan.compile import compile_plan
from orch.plan.named import meant
from orch.problems.problem import OrchError
from orch.review.past import Past
from orch.store.errors import error_bytes, retry_command
from orch.store.glance import glance
from orch.store.journal import read
from orch.store.ledger import Record, replay
from orch.store.lock import is_held
from orch.store.logs import started
from orch.store.manifests import NodeManifests, run_manifest
from orch.store.poll import poll as ask
from orch.store.rundir import RunDir, find, newest, pipeline_of, token_digest
from orch.store.standing import Standing, look
from orch.store.verify import Verified
from orch.store.verify import verify as check

_PROBE = re.compile(r"\.probe\d+$")


class RunRow(NamedTuple):
    """A run in a list; of one that has closed nothing is verified, and one that has not is `damaged` where its journal
    cannot be read. Times are milliseconds."""

    run_id: str
    task: str
    pipeline: str
    status: str
    reason: str
    summary: str
    started_ms: int | None
    elapsed_ms: int | None


def past(context: Context, ref: str) -> Past:
    """Read a run from its plan and journal. Raises OrchError for a run that is not there or is damaged."""
    run = find(os.path.join(find_root(context.cwd), RUNS), ref)
    planned = plan_of(run)
    now = _look(context, run)
    journal = read(run.journal, planned.digest)
    state, ledger = replay(planned, journal.events)
    plan = state.plan
    if ledger.closed is not None and not now.queued:
        return Past(run, planned, plan, journal, state, ledger, ledger.closed.status, ledger.closed.reason)
    if now.status == "interrupted":
        interrupt(plan, state)
    return Past(run, planned, plan, journal, state, ledger, now.status, now.detail)


class Listed(NamedTuple):
    """Runs, newest first; `more` says that there are older ones."""

    rows: list[RunRow]
    more: bool


def list_runs(
    context: Context,
    *,
    task: str | None = None,
    limit: int | None = None,
    prefix: str = "",
    wanted: Callable[[RunRow], bool] = lambda row: True,
) -> Listed:
    """The runs of the project, or of a task, whose ids begin so, that are wanted; with `limit` the newest of them."""
    runs = newest(os.path.join(find_root(context.cwd), RUNS), task, prefix)
    names: dict[str, str] = {}
    rows = (row for run in runs if wanted(row := _row(context, run, names)))
    return Listed(list(islice(rows, limit)), next(rows, None) is not None)


def show(context: Context, ref: str, wanted: Callable[[Compiled, RunState], set[int]] | None = None) -> dict[str, Any]:
    """The run's manifest as the journal gives it, whatever lies in the files, and that of each step, or of each that is
    wanted; of one that nothing has happened to yet, too."""
    told = past(context, ref)
    pause(told.plan, told.state)
    known = told.ledger.records
    steps = told.plan.steps if wanted is None else sorted(wanted(told.plan, told.state).intersection(told.plan.steps))
    manifests = NodeManifests(told.plan)
    manifest: dict[str, Any] = json.loads(
        run_manifest(told.run, told.plan, told.state, told.ledger, told.journal.head, token_digest(told.run))
    )
    manifest["status"] = told.status
    if told.detail is not None:
        manifest["status_detail"] = told.detail
    if told.status == "succeeded" and is_branch_gone(context, told.run, told.plan):
        manifest["workspace"]["gone"] = True
    if "trees" in manifest.get("workspace", {}):
        from orch.store.worktrees import worktrees

        manifest["workspace"]["worktrees"] = worktrees(manifest["workspace"]["trees"])
    manifest["steps"] = [json.loads(manifests.build(step, told.state, known.get(step) or Record())) for step in steps]
    if wanted is None and (empty := told.plan.empty_matrices()):
        manifest["empty_matrices"] = [told.plan.addresses[group] for group in empty]
    return manifest


class LogFile(NamedTuple):
    """A log: whose and which it is, its file (absolute), and how many bytes its record says that its middle lacks."""

    title: str
    path: str
    cut: int


def logs(context: Context, ref: str, address: str | None = None) -> list[LogFile]:
    """The logs of a run, of one step, or of the children of a matrix, in the order in which the attempts were started;
    those of attempts that are running or were interrupted, too."""
    run = find(os.path.join(find_root(context.cwd), RUNS), ref)
    folder = f"{run.path}/logs"
    plan = plan_of(run)
    stems = None
    if address is not None:
        step = plan.index_of.get(address, -1)
        if step < 0 or (not plan.is_group(step) and plan.body(step) is not None):
            plan = fold(plan, read(run.journal, plan.digest).events).plan  # the run may have added it
        stems = {file_stem(plan.addresses[step]) for step in meant(plan, address, run.run_id)}
    sizes: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith((".out", ".err")) and (
                stems is None or _PROBE.sub("", name[:-4]).rpartition(".")[0] in stems
            ):
                sizes[name] = entry.stat().st_size
    # only a log of the full size can lack anything: else the journal need not be read
    cuts = _cuts(run, plan) if any(size == LOG_CAP_BYTES for size in sizes.values()) else {}
    starts = started(run.journal) if len(sizes) > 1 or address is None else {}
    attempts = {name: _attempt(starts, name) for name in sizes}
    places = {attempt: place for place, attempt in enumerate(starts)}
    names = sorted(sizes, key=lambda name: (places.get(attempts[name], len(places)), name))
    return [
        LogFile(_title(name, starts.get(attempts[name])), f"{folder}/{name}", cuts.get(f"logs/{name}", 0))
        for name in names
    ]


def _attempt(starts: Mapping[str, str], name: str) -> str:
    """The attempt of a log; of a probe or a check, the one that it belongs to. Empty where it is not known."""
    stem = name[:-4]
    while stem and stem not in starts:
        stem = stem.rpartition(".")[0]
    return stem


def _title(name: str, address: str | None) -> str:
    """The address as it can be typed, and which log of the step it is; where that is not known, the file's name."""
    if address is None:
        return name
    number, *parts, stream = name[len(file_stem(address)) + 1 :].split(".")
    return ", ".join([f"{address}  attempt {number}", *parts, {"out": "stdout", "err": "stderr"}[stream]])


def _cuts(run: RunDir, plan: Compiled) -> dict[str, int]:
    try:
        events = read(run.journal, plan.digest).events
    except OrchError:
        return {}  # a damaged journal is no reason to show no log
    logged = (event for event in events if isinstance(event, Finished | Settled) and event.logs)
    return {log["path"]: log["truncated_bytes"] for event in logged for log in (event.logs or {}).values()}


def standing(context: Context, ref: str) -> str:
    """What the run closed with; else whether it has an owner: `running` or `interrupted`."""
    return _row(context, find(os.path.join(find_root(context.cwd), RUNS), ref), {}).status


def is_running(context: Context, ref: str) -> bool:
    """Does somebody own the run at this moment?"""
    return is_held(find(os.path.join(find_root(context.cwd), RUNS), ref))


def errors(context: Context, ref: str, *, standing: bool = False) -> list[dict[str, Any]]:
    """The error artifacts of a run, made from its journal and logs; `standing` leaves out what came right in the end: a
    later attempt, or a later iteration of the loop that it was in."""
    from orch.run.again import failed_steps

    told = past(context, ref)
    again, found = set(failed_steps(told.plan, told.state)), []
    for failure in told.ledger.failures:
        if standing and _came_right(told, failure.step):
            continue
        document: dict[str, Any] = json.loads(error_bytes(told.run, told.plan, failure))
        if failure.step not in again and document["details"].get("suggestion") == retry_command(told.run.run_id):
            del document["details"]["suggestion"]  # a retry would leave it as it is
        found.append(document)
    return found


def _came_right(told: Past, step: int) -> bool:
    loops = [one for one in told.plan.owners(step) if told.plan.is_loop(one)]
    return any(told.state.status[one] is Status.SUCCEEDED for one in (step, *loops))


def _look(context: Context, run: RunDir) -> Standing:
    return look(run, host=os.uname().nodename, steady=context.clock.steady())


def _row(context: Context, run: RunDir, names: dict[str, str]) -> RunRow:
    """`names` are the pipelines of the plans seen so far, by the plan's digest."""
    seen = glance(run.journal)
    status, reason = seen.status, seen.reason
    if status is None:
        now = _look(context, run)
        seen = glance(run.journal)  # an owner that has closed meanwhile is not dead
        status, reason = (seen.status, seen.reason) if seen.status else (now.status, now.detail)
        if status == "interrupted" and _is_damaged(run, seen.plan):
            status, reason = "damaged", None
    elapsed = seen.updated_at - seen.started_at if seen.updated_at and seen.started_at else None
    name = names.get(seen.plan or "")
    if name is None:
        name = str((pipeline_of(run) or {}).get("name", "?"))
        if seen.plan:
            names[seen.plan] = name
    return RunRow(run.run_id, run.task, name, status, reason or "", seen.summary or "", seen.started_at, elapsed)


def _is_damaged(run: RunDir, plan_digest: str | None) -> bool:
    """Does nobody own the run for the reason that its journal cannot be read? One without a record is whole."""
    try:
        read(run.journal, plan_digest or "")
    except (OrchError, OSError):
        return True
    return False


def verify(context: Context, ref: str, head: str | None = None) -> Verified:
    """Does everything in the run's directory hold together?"""
    from orch.gates.judge import judge

    run = find(os.path.join(find_root(context.cwd), RUNS), ref)
    return check(run, head=head.removeprefix("sha256:") if head else None, compiler=compile_plan, judge=judge)


def poll(context: Context, ref: str, since: int | None = None) -> dict[str, Any]:
    """How is the run doing? Writes nothing."""
    from orch.gates.judge import judge

    run = find(os.path.join(find_root(context.cwd), RUNS), ref)
    plan = plan_of(run)
    now_ms, steady = context.clock.now_ms(), context.clock.steady()
    return ask(run, plan, now_ms=now_ms, steady=steady, host=os.uname().nodename, since=since, judge=judge)

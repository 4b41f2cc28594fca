"""What `--select` and `--exclude` leave of a plan; the last runs of the pipeline, where they compare with them."""

from __future__ import annotations

import os
import time
from itertools import chain, islice
from typing import TYPE_CHECKING

from orch.app.context import Context
from orch.app.planning import PlanRequest
from orch.app.root import RUNS
from orch.model.caching import FILE, FILES, laid_out
from orch.model.compiled import GATE, Compiled
from orch.model.events import Finished, Started
from orch.model.plan import Plan
from orch.model.state import RunState
from orch.model.status import Status
from orch.plan.modified import modified
from orch.plan.select import Earlier, asks_for_earlier, select
from orch.plan.selectable import IN_A_PLAN
from orch.problems.problem import Exit, OrchError
from orch.selection.parse import parse, refusal
from orch.store.rundir import RunDir, cache_folder, load_plan, newest, pipeline_of

if TYPE_CHECKING:
    from orch.review.past import Past

_RUNS = 20
"""Of each of these the whole journal is read; a step that none of them shows counts as modified."""


def selected(
    context: Context, request: PlanRequest, root: str, plan: Plan, compiled: Compiled
) -> tuple[Plan, Compiled]:
    """The plan with what is not selected marked. Raises OrchError (2) where nothing is, or no run can be compared with,
    (3) where a selected step reads one that is not."""
    wanted = parse(request.select, IN_A_PLAN) if request.select else None
    excluded = parse(request.exclude, IN_A_PLAN) if request.exclude else None
    earlier = None
    if asks_for_earlier(wanted) or asks_for_earlier(excluded):
        state = any(one is not None and one.asks("state") for one in (wanted, excluded))
        earlier = _earlier(context, root, plan, compiled, _RUNS if state else 0)
    return select(plan, compiled, wanted, excluded, earlier)


def _earlier(context: Context, root: str, plan: Plan, compiled: Compiled, most: int) -> Earlier:
    """A step is compared with the last run in which it has succeeded, so that a change is not forgotten by a run that
    did not come to it; `most` runs are looked at."""
    path = plan.doc["pipeline"]["path"]
    runs = (run for run in newest(os.path.join(root, RUNS)) if (pipeline_of(run) or {}).get("path") == path)
    if (last := next(runs, None)) is None:
        problem = refusal(f"there is no run of {path} that `status:` or `state:` could look at", f"orch apply {path}")
        raise OrchError(problem, Exit.USAGE)
    told = _past(context, root, last)
    words = {address: told.state.status[step].word for step, address in enumerate(told.plan.addresses)}
    left = {step["address"] for step in plan.doc["steps"]}
    changed: set[str] = set()
    seen: dict[str, dict[str, str]] = {}
    for run in islice(chain((last,), runs), most):
        try:
            told = told if run is last else _past(context, root, run)
        except (OrchError, OSError):
            continue  # what cannot be read has shown nothing
        went = left & {told.plan.addresses[step] for step in told.plan.steps if _went(told, step)}
        if went:
            left -= went
            changed |= went & modified(plan.doc, load_plan(run).doc)
            seen |= _seen(told, went)
        if not left:
            break
    return Earlier(last.run_id, words, changed | left | _other_files(root, compiled, seen))


def _past(context: Context, root: str, run: RunDir) -> Past:
    from orch.app.records import past

    return past(context._replace(cwd=root), run.run_id)


def _went(told: Past, step: int) -> bool:
    """Did it come to the end that it was for? A gate that nobody asks for has nothing more to do."""
    plan, status = told.plan, told.state.status[step]
    if plan.kinds[step] == GATE and told.state.reason[step] == "if-false":
        return True
    return status is Status.SUCCEEDED or (status is Status.FAILED and plan.may_fail(step))


def _seen(told: Past, steps: set[str]) -> dict[str, dict[str, str]]:
    """What those with `cache` among the steps had read in that run, as far as it has looked at it."""
    return {
        event.address: event.cache["inputs"]
        for event in told.journal.events
        if isinstance(event, Started | Finished)
        and event.address in steps
        and event.cache is not None
        and "inputs" in event.cache
    }


def _other_files(root: str, plan: Compiled, seen: dict[str, dict[str, str]]) -> set[str]:
    """The steps that would read other files now than those seen."""
    if not seen:
        return set()
    from orch.run.reads import globs_of
    from orch.store.fingerprints import Fingerprints, Unreadable

    runs = os.path.join(root, RUNS)
    prints = Fingerprints(root, f"{cache_folder(runs) or runs}/files.json", time.time_ns)
    state, found = RunState.new(plan), set()
    for step in plan.steps:
        address = plan.addresses[step]
        globs = globs_of(plan, state, step) if address in seen else None
        if globs is None:
            continue
        old = {name: digest for name, digest in seen[address].items() if name.startswith((FILE, FILES))}
        try:
            now, _ = laid_out({glob: prints.files(glob) for glob in globs})
        except Unreadable:
            now = {}
        if now != old:
            found.add(address)
    return found

"""What `--select` and `--exclude` leave of a plan; the last run of the pipeline, where they compare with it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from orch.app.context import Context
from orch.app.planning import PlanRequest
from orch.app.root import RUNS
from orch.model.caching import FILE, FILES, laid_out
from orch.model.compiled import Compiled
from orch.model.events import Finished, Started
from orch.model.plan import Plan
from orch.model.state import RunState
from orch.plan.modified import modified
from orch.plan.select import Earlier, asks_for_earlier, select
from orch.plan.selectable import IN_A_PLAN
from orch.problems.problem import Exit, OrchError
from orch.selection.parse import parse, refusal
from orch.store.rundir import cache_folder, load_plan, newest, pipeline_of

if TYPE_CHECKING:
    from orch.review.past import Past


def selected(
    context: Context, request: PlanRequest, root: str, plan: Plan, compiled: Compiled
) -> tuple[Plan, Compiled]:
    """The plan with what is not selected marked. Raises OrchError (2) where nothing is, or no run can be compared with,
    (3) where a selected step reads one that is not."""
    wanted = parse(request.select, IN_A_PLAN) if request.select else None
    excluded = parse(request.exclude, IN_A_PLAN) if request.exclude else None
    earlier = None
    if asks_for_earlier(wanted) or asks_for_earlier(excluded):
        earlier = _last_run(context, root, plan, compiled)
    return select(plan, compiled, wanted, excluded, earlier)


def _last_run(context: Context, root: str, plan: Plan, compiled: Compiled) -> Earlier:
    from orch.app.records import past

    path = plan.doc["pipeline"]["path"]
    for run in newest(os.path.join(root, RUNS)):
        if (pipeline_of(run) or {}).get("path") == path:
            told = past(context._replace(cwd=root), run.run_id)
            words = {address: told.state.status[step].word for step, address in enumerate(told.plan.addresses)}
            earlier = load_plan(run)
            changed = modified(plan.doc, earlier.doc) | _other_files(context, root, compiled, told)
            return Earlier(run.run_id, words, changed)
    problem = refusal(f"there is no run of {path} that `status:` or `state:` could look at", f"orch apply {path}")
    raise OrchError(problem, Exit.USAGE)


def _other_files(context: Context, root: str, plan: Compiled, told: Past) -> set[str]:
    """The steps with `cache` that would read other files than in that run, as far as it has looked at them."""
    seen = {
        event.address: event.cache["inputs"]
        for event in told.journal.events
        if isinstance(event, Started | Finished) and event.cache is not None and "inputs" in event.cache
    }
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

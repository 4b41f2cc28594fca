"""What `--select` and `--exclude` leave of a plan; the last run of the pipeline, where they compare with it."""

from __future__ import annotations

import os

from orch.app.context import Context
from orch.app.planning import PlanRequest
from orch.app.root import RUNS
from orch.model.compiled import Compiled
from orch.model.plan import Plan
from orch.plan.select import Earlier, asks_for_earlier, select
from orch.plan.selectable import IN_A_PLAN
from orch.problems.problem import Exit, OrchError
from orch.selection.parse import parse, refusal
from orch.store.rundir import load_plan, newest, pipeline_of


def selected(
    context: Context, request: PlanRequest, root: str, plan: Plan, compiled: Compiled
) -> tuple[Plan, Compiled]:
    """The plan with what is not selected marked. Raises OrchError (2) where nothing is, or no run can be compared with,
    (3) where a selected step reads one that is not."""
    wanted = parse(request.select, IN_A_PLAN) if request.select else None
    excluded = parse(request.exclude, IN_A_PLAN) if request.exclude else None
    earlier = None
    if asks_for_earlier(wanted) or asks_for_earlier(excluded):
        earlier = _last_run(context, root, plan.doc["pipeline"]["path"])
    return select(plan, compiled, wanted, excluded, earlier)


def _last_run(context: Context, root: str, path: str) -> Earlier:
    from orch.app.records import past

    for run in newest(os.path.join(root, RUNS)):
        if (pipeline_of(run) or {}).get("path") == path:
            told = past(context._replace(cwd=root), run.run_id)
            words = {address: told.state.status[step].word for step, address in enumerate(told.plan.addresses)}
            return Earlier(run.run_id, load_plan(run), words)
    problem = refusal(f"there is no run of {path} that `status:` or `state:` could look at", f"orch apply {path}")
    raise OrchError(problem, Exit.USAGE)

"""The critical path of a plan: the chain that took longest in the newest runs of the pipeline that succeeded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice

from orch.app.planning import Planned
from orch.app.root import RUNS
from orch.model.chain import Critical, longest_chain
from orch.model.compiled import GATE
from orch.problems.problem import OrchError
from orch.run.forecast import Prospect
from orch.store.durations import durations
from orch.store.glance import glance
from orch.store.rundir import newest, pipeline_of

LOOKED_AT = 20  # runs of whatever pipeline, each at the cost of a glance
MEASURED = 3


def critical_path(planned: Planned, prospects: Sequence[Prospect]) -> Critical | None:
    """The chain over the steps that are not left out; None where no run is known or none took any time."""
    plan = planned.compiled
    wanted = {
        address
        for step, (address, kind, prospect) in enumerate(zip(plan.addresses, plan.kinds, prospects, strict=False))
        if kind != GATE and prospect.word != "skip" and step not in plan.bodies  # a child pipeline is its own steps
    }
    took: dict[str, int] = {}
    runs: list[str] = []
    try:
        for run in islice(newest(os.path.join(planned.root, RUNS)), LOOKED_AT):
            if len(runs) == MEASURED or wanted <= took.keys():
                break
            if (pipeline_of(run) or {}).get("path") != plan.head["pipeline"]["path"]:
                continue
            if glance(run.journal).status == "succeeded":
                runs.append(run.run_id)
                took = durations(run.journal) | took  # the newest that has a step counts
    except OrchError:
        return None  # a folder for runs that is not safe stops those who would run
    if not took:
        return None
    chain = longest_chain(plan, [took.get(address, 0) if address in wanted else 0 for address in plan.addresses])
    names = [plan.addresses[step] for step in chain if step not in plan.bodies]
    found = Critical([(address, took.get(address)) for address in names], runs)
    return found if found.total_ms else None

"""Why a step of a run stands as it does: the run is read, the step is found, and the explanation made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from orch.app.context import Context
from orch.app.records import past
from orch.app.root import find_root
from orch.model.compiled import Compiled
from orch.problems.problem import Exit, OrchError, Problem
from orch.review.case import Asked
from orch.review.explanation import Explanation
from orch.review.past import Past
from orch.review.why import explain
from orch.run.again import failed_steps
from orch.store.atomic import read_file
from orch.store.cas import Cas
from orch.store.errors import error_bytes
from orch.store.ledger import Failure


def explain_step(context: Context, ref: str, address: str) -> tuple[str, Explanation]:
    """The run's id and the explanation of a step, which is named by its address, or by an id that is its own. Raises
    OrchError for a run or a step that is not there."""
    told = past(context, ref)
    return told.run.run_id, explain(told, named(told, address), asked(context, told))


def asked(context: Context, told: Past) -> Asked:
    """What explaining takes from the world: the ends of logs, and where the pipeline lies from here."""

    def detail(failure: Failure) -> Mapping[str, Any]:
        document: dict[str, Any] = json.loads(error_bytes(told.run, told.plan, failure))
        return document

    cas = Cas(told.run.path, durable=False)

    def stored(sha256: str) -> bytes | None:
        try:
            return read_file(cas.path_of(sha256))
        except OSError:
            return None

    path = os.path.join(find_root(context.cwd), told.plan.head["pipeline"]["path"])
    shown = os.path.relpath(path, os.path.realpath(context.cwd))
    return Asked(detail, failed_steps(told.plan, told.state), shown, stored)


def named(told: Past, address: str) -> int:
    """The index of a step, or of a matrix."""
    plan = told.plan
    found = plan.index_of.get(address, plan.ids.get(address))
    if found is None:
        raise OrchError(_unknown(told.run.run_id, plan, address), Exit.USAGE)
    return found


def _unknown(run_id: str, plan: Compiled, address: str) -> Problem:
    from difflib import get_close_matches

    near = get_close_matches(address, [*plan.index_of, *plan.ids], 1, 0.6)
    meant = near[0] if near else None
    if meant in plan.ids:
        at = plan.ids[meant]
        meant = next(name for name, index in plan.index_of.items() if index == at)
    hint = f"did you mean `{meant}`?" if meant is not None else f"orch runs show {run_id} lists the addresses"
    return Problem("O609", f"{run_id} has no step `{address}`", hint=hint)

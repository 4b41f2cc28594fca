"""Why a step of a run stands as it does: the run is read, the step is found, and the explanation made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from orch.app.context import Context
from orch.app.records import past
from orch.app.root import find_root
from orch.model.pausing import pause
from orch.plan.named import one
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
    """The run's id and the explanation of a step, named by its address or a shorter name of its own. Raises
    OrchError for a run or a step that is not there."""
    told = past(context, ref)
    pause(told.plan, told.state)
    return told.run.run_id, explain(told, one(told.plan, address, told.run.run_id), asked(context, told))


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

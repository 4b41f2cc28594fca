"""What has changed among the files that a run was planned from: the run does not see it."""

from __future__ import annotations

import hashlib
import os

from orch.app.context import Context
from orch.app.library import resource_file
from orch.app.root import RUNS, find_root
from orch.problems.problem import Problem
from orch.store.rundir import damaged_plan, find, load_plan


def drift(context: Context, ref: str) -> list[Problem]:
    """A warning for each file that is other than when the run was planned."""
    root = find_root(context.cwd)
    run = find(os.path.join(root, RUNS), ref)
    try:
        doc = load_plan(run).doc
    except ValueError as error:
        raise damaged_plan(run, error) from error
    hint = (
        f"the run goes on with what was planned; a new run would use the change: orch apply {doc['pipeline']['path']}"
    )
    return [
        Problem("O288", f"{resource['path']} {changed} since this run was planned", hint=hint, severity="warning")
        for resource in doc["resources"]
        if (changed := how_changed(resource_file(root, resource["path"]), resource["sha256"]))
    ]


def how_changed(path: str, sha256: str) -> str | None:
    """`is gone` or `has changed`; None for a file that is as it was."""
    try:
        with open(path, "rb") as file:
            return None if hashlib.sha256(file.read()).hexdigest() == sha256 else "has changed"
    except OSError:
        return "is gone"

"""A plan that was saved: exactly that is run, or nothing."""

from __future__ import annotations

import hashlib
import os

from orch.app.context import Context
from orch.app.planning import Planned, PlanRequest
from orch.app.root import find_root
from orch.model.plan import FORMAT_VERSION, Plan, load
from orch.plan.compile import compile_plan
from orch.problems.problem import Exit, OrchError, Problem


def load_saved(context: Context, path: str, request: PlanRequest) -> Planned:
    """Read plan.json as `orch plan -o` wrote it. Raises OrchError (6) where a file that it was made from is no longer
    the same, (2) where the command line asks for something else than was planned, (3) where it is not a plan."""
    extra = [name for name in ("inputs", "select", "jobs", "task", "fail_fast") if getattr(request, name)]
    if extra:
        flag = {"inputs": "--input", "fail_fast": "--fail-fast"}.get(extra[0], f"--{extra[0]}")
        hint = f"orch plan PIPELINE {flag} … -o {path}"
        raise OrchError(
            Problem("O288", f"a saved plan is run as it is: {flag} belongs to `orch plan`", hint=hint), Exit.USAGE
        )
    plan = _read(os.path.join(context.cwd, path), path)
    root = find_root(context.cwd)
    blobs: dict[str, bytes] = {}
    for resource in plan.doc["resources"]:
        data = _content(os.path.join(root, resource["path"]))
        if data is None or hashlib.sha256(data).hexdigest() != resource["sha256"]:
            what = "is gone" if data is None else "has changed"
            message = f"{resource['path']} {what} since {path} was made"
            hint = f"orch plan {plan.doc['pipeline']['path']} -o {path}"
            raise OrchError(Problem("O288", message, hint=hint), Exit.CONFLICT)
        blobs[resource["sha256"]] = data
    return Planned(root, plan, compile_plan(plan), blobs)


def _read(file: str, display: str) -> Plan:
    try:
        with open(file, "rb") as stream:
            plan = load(stream.read())
        if plan.doc["format_version"] != FORMAT_VERSION:
            message = f"{display} has plan format {plan.doc['format_version']}, and this orch knows {FORMAT_VERSION}"
            raise OrchError(Problem("O288", message, hint="make a new plan"), Exit.CONFLICT)
    except OSError as error:
        problem = Problem(
            "O287", f"{display} cannot be read: {error.strerror}", hint=f"orch plan PIPELINE -o {display}"
        )
        raise OrchError(problem, Exit.USAGE) from error
    except (ValueError, KeyError, RecursionError) as error:
        message = f"{display} is not a saved plan: {error}"
        raise OrchError(Problem("O288", message, hint=f"orch plan PIPELINE -o {display}"), Exit.INVALID) from error
    return plan


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None

"""A plan that was saved: exactly that is run, or nothing."""

from __future__ import annotations

import json
import os

from orch.app.context import Context
from orch.app.drift import how_changed
from orch.app.library import resource_file
from orch.app.planning import Planned, PlanRequest, make_plan
from orch.app.root import find_root
from orch.model.plan import FORMAT_VERSION, Plan, load
from orch.problems.problem import Exit, OrchError, Problem


def load_saved(context: Context, path: str, request: PlanRequest) -> Planned:
    """Read plan.json as `orch plan -o` wrote it, and make it once more: nothing of the file is believed. Raises
    OrchError (6) where a file that it was made from has changed or the plan made now is another, (2) where the command
    line asks for something else than was planned, (3) where it is not a plan."""
    file = os.path.join(context.cwd, path)
    saved, asked, resources = _read(file, path)
    _refuse_flags(request, asked, path)
    root = find_root(context.cwd)
    command = f"orch plan {asked.pipeline} -o {path}"
    for name, sha256 in resources:
        changed = how_changed(resource_file(root, name), sha256)
        if changed:
            problem = Problem("O288", f"{name} {changed} since {path} was made", hint=command)
            raise OrchError(problem, Exit.CONFLICT)
    made = make_plan(context._replace(cwd=root), asked._replace(saved=file))
    if made.plan.data != saved.data:
        moved = made.compiled.head.get("base") != saved.doc.get("base")
        why = "HEAD is another commit" if moved else "it was edited, or made by another version of orch"
        message = f"{path} is not the plan that {asked.pipeline} gives: {why}"
        raise OrchError(Problem("O288", message, hint=command), Exit.CONFLICT)
    return made


def _refuse_flags(request: PlanRequest, asked: PlanRequest, path: str) -> None:
    flags = ("inputs", "select", "exclude", "jobs", "task", "fail_fast", "dirty")
    extra = next((name for name in flags if getattr(request, name)), None)
    if extra is None:
        return
    flag = {"inputs": "--input", "fail_fast": "--fail-fast"}.get(extra, f"--{extra}")
    message, hint = f"{flag} belongs to `orch plan`", f"orch plan {asked.pipeline} {flag} … -o {path}"
    if extra == "dirty":  # each time another commit: no plan can hold it
        message, hint = "it begins at a commit, so --dirty has no place", f"orch apply {asked.pipeline} --dirty"
    raise OrchError(Problem("O288", f"a saved plan is run as it is: {message}", hint=hint), Exit.USAGE)


def _asked(saved: Plan) -> PlanRequest:
    """The request that the saved plan answers."""
    doc = saved.doc
    # by their addresses: what a selection compared with the last run may be other by now; that of a step with a child
    # pipeline would mean all that is in it
    kept = [step for step in doc["steps"] if step.get("selected", True)]
    selected = [step["address"] for step in kept if "pipeline" not in step]
    return PlanRequest(
        pipeline=doc["pipeline"]["path"],
        inputs=tuple(f"{name}={_given(value)}" for name, value in doc["inputs"].items()),
        select=tuple(selected) if len(kept) < len(doc["steps"]) else (),
        jobs=doc["max_in_flight"],
        task=doc["task"] if doc["task"] != "-" else None,
        fail_fast=doc["fail_fast"],
    )


def _given(value: object) -> str:
    """An input's value as `--input` takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(file: str, display: str) -> tuple[Plan, PlanRequest, list[tuple[str, str]]]:
    """The plan, the request that it answers, and the files that it says it was made from."""
    try:
        with open(file, "rb") as stream:
            plan = load(stream.read())
        asked = _asked(plan)
        resources = [(str(resource["path"]), str(resource["sha256"])) for resource in plan.doc["resources"]]
        if plan.doc["format_version"] != FORMAT_VERSION:
            message = f"{display} has plan format {plan.doc['format_version']}, and this orch knows {FORMAT_VERSION}"
            raise OrchError(Problem("O288", message, hint="make a new plan"), Exit.CONFLICT)
    except OSError as error:
        problem = Problem(
            "O287", f"{display} cannot be read: {error.strerror}", hint=f"orch plan PIPELINE -o {display}"
        )
        raise OrchError(problem, Exit.USAGE) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{display} is not a saved plan: {error}"
        raise OrchError(Problem("O288", message, hint=f"orch plan PIPELINE -o {display}"), Exit.INVALID) from error
    return plan, asked, resources

"""Is everything that people wrote here right? Pipelines, orch.yaml and decisions, each with all its problems."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orch.app.context import Context
from orch.app.project import load
from orch.app.root import PROJECT_FILE, find_root, shown
from orch.problems.problem import OrchError, Problem
from orch.source.limits import SIZE_VARIABLE, size_limit


class Validated(NamedTuple):
    """How many files were read, and what is wrong with them."""

    files: int
    problems: list[Problem]


def validate(context: Context, paths: Sequence[str]) -> Validated:
    """Check these files and folders; without any, orch.yaml, pipelines/ and the decisions of the project."""
    root = find_root(context.cwd)
    max_bytes = size_limit(context.env.get(SIZE_VARIABLE))
    problems: list[Problem] = []
    files = 0
    for path in _files(context.cwd, root, paths):
        files += 1
        try:
            problems += _check(root, path, shown(root, context.cwd, path), max_bytes)
        except OrchError as error:
            problems += error.problems
    return Validated(files, problems)


def _files(cwd: str, root: str, paths: Sequence[str]) -> Iterator[str]:
    if not paths:
        found = [os.path.join(root, name) for name in (PROJECT_FILE, "pipelines", "tasks")]
        paths = [path for path in found if os.path.lexists(path)]
    for given in paths:
        path = os.path.join(cwd, given)
        if not os.path.isdir(path):
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                whole = os.path.join(folder, name)
                if name.endswith((".yaml", ".yml")) and _is_ours(os.path.relpath(whole, root)):
                    yield whole


def _is_ours(path: str) -> bool:
    """Below tasks/ only decisions are ours."""
    parts = path.split(os.sep)
    return parts[0] != "tasks" or "decisions" in parts[:-1]


def _check(root: str, path: str, display: str, max_bytes: int) -> list[Problem]:
    """Raise OrchError for mistakes; the rest are warnings."""
    from orch.source.read import parse
    from orch.spec.load import load_pipeline, load_project

    data = _read(path, display)
    if _is_decision(display):
        from orch.governance.decisions import parse_decision

        parse_decision(data, display)
        return []
    document = parse(data, display, max_bytes=max_bytes)
    is_project = os.path.basename(display) == PROJECT_FILE or document.data.get("kind") == "Project"
    if is_project:
        load_project(document)
        return []
    from orch.governance.roles import check_roles

    pipeline = load_pipeline(document)
    if not any(gate.approval for phase in pipeline.phases.values() for gate in phase.gates.values()):
        return []
    try:
        project = load(root).project
    except OrchError:
        return []  # orch.yaml has mistakes of its own, and they come first
    return check_roles(pipeline, project, document)


def _is_decision(display: str) -> bool:
    parts = display.split(os.sep)
    return parts[0] == "tasks" and len(parts) > 2 and parts[-2] == "decisions"


def _read(path: str, display: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        hint = "orch validate, without a path, checks the whole project"
        raise OrchError(Problem("O287", f"{display} cannot be read: {error.strerror}", hint=hint)) from error

"""Is everything that people wrote here right? Pipelines, orch.yaml, adapters, decisions: each with all its problems."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orch.app.cases import Plans, is_case, load_case_of
from orch.app.context import Context
from orch.app.project import BEGIN, load
from orch.app.root import PROJECT_FILE, find_root, shown
from orch.problems.problem import Exit, OrchError, Problem
from orch.source.document import Document
from orch.source.limits import SIZE_VARIABLE, size_limit

MARKER = "adapter.yaml"
ADAPTER_DEPTH = len(("adapters", "NAME", MARKER))


class Validated(NamedTuple):
    """How many files were read, and what is wrong with them."""

    files: int
    problems: list[Problem]


def validate(context: Context, paths: Sequence[str]) -> Validated:
    """Check these files and folders; without any, orch.yaml, pipelines/ with the cases there, the decisions and the
    adapters of the project, and whether it replaces what ships with orch without saying so."""
    root = find_root(context.cwd)
    max_bytes = size_limit(context.env.get(SIZE_VARIABLE))
    hint = "orch validate, without a path, checks the whole project"
    absent = [path for path in paths if not os.path.lexists(os.path.join(context.cwd, path))]
    if absent:
        raise OrchError(
            [Problem("O287", f"{path} cannot be read: No such file or directory", hint=hint) for path in absent],
            Exit.USAGE,
        )
    problems: list[Problem] = []
    files = 0
    library, replaced = _library(root)
    for path in _files(context.cwd, root, library, paths):
        files += 1
        try:
            if is_case(path):
                found: Sequence[Problem] = _check_test(context, path, shown(root, context.cwd, path))
            else:
                found = _check(root, path, shown(root, context.cwd, path), max_bytes)
        except OrchError as error:
            found = error.problems
        problems += [problem for problem in found if problem not in problems]  # a child may have been told of already
    if not paths:
        problems += [problem for problem in replaced if problem not in problems]
    return Validated(files, problems)


def _library(root: str) -> tuple[str, list[Problem]]:
    """The folder of the project's own library, and what is wrong with its names."""
    from orch.app.library import library_of

    try:
        file = load(root)
    except OrchError:
        return root, []  # told where orch.yaml itself is checked
    folder = os.path.normpath(os.path.join(root, file.project.library))
    try:
        library_of(root, file)
    except OrchError as error:
        return folder, error.problems
    return folder, []


def _files(cwd: str, root: str, library: str, paths: Sequence[str]) -> Iterator[str]:
    if not paths:
        found = [os.path.join(root, name) for name in (PROJECT_FILE, "pipelines", "tasks")]
        paths = [path for path in (*found, os.path.join(library, "adapters")) if os.path.lexists(path)]
    for given in paths:
        path = os.path.join(cwd, given)
        if not os.path.isdir(path):
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                whole = os.path.join(folder, name)
                if name.endswith((".yaml", ".yml")) and _is_ours(whole, root, library):
                    yield whole


def _is_ours(path: str, root: str, library: str) -> bool:
    """Below tasks/ only decisions are ours, below adapters/ the marker files and the cases beside one."""
    if (parts := os.path.relpath(path, root).split(os.sep))[0] == "tasks":
        return "decisions" in parts[:-1]
    if (parts := os.path.relpath(path, library).split(os.sep))[0] == "adapters":
        return (len(parts) == ADAPTER_DEPTH and parts[-1] == MARKER) or _is_case(path)
    return True


def _is_case(path: str) -> bool:
    folder, name = os.path.split(os.path.dirname(path))
    return name == "cases" and os.path.isfile(os.path.join(folder, MARKER))


def _check(root: str, path: str, display: str, max_bytes: int) -> list[Problem]:
    """Raise OrchError for mistakes; the rest are warnings."""
    from orch.source.read import HEADER, parse
    from orch.spec.library import adapter_in
    from orch.spec.load import load_adapter, load_case, load_project

    data = _read(path, display)
    if _is_decision(display):
        from orch.governance.decisions import parse_decision

        parse_decision(data, display)
        return []
    if os.path.basename(path) == MARKER:
        adapter_in(os.path.dirname(path), os.path.dirname(display))
        return []
    is_project = os.path.basename(display) == PROJECT_FILE
    document = parse(data, display, max_bytes=max_bytes, begin=BEGIN if is_project else HEADER)
    kind = document.data.get("kind")
    if _is_case(path):
        load_case(document)
    elif is_project or kind == "Project":
        load_project(document)
    elif kind == "Adapter":
        load_adapter(document)
    else:
        return _check_pipeline(root, document, max_bytes)
    return []


def _check_test(context: Context, path: str, display: str) -> list[Problem]:
    """What is wrong with a case, or with the pipeline that it is about."""
    try:
        load_case_of(Plans(context), path, display)
    except OrchError as error:
        return error.problems
    return []


def _check_pipeline(root: str, document: Document, max_bytes: int) -> list[Problem]:
    from orch.app.family import load_family
    from orch.governance.roles import check_roles
    from orch.spec.checks.caches import reads_env

    every = load_family(root, document, max_bytes).every
    gates = [gate for one, _ in every for phase in one.phases.values() for gate in phase.gates.values()]
    if not any(gate.approval for gate in gates) and not any(one.secrets or reads_env(one) for one, _ in every):
        return []
    try:
        project = load(root).project
    except OrchError:
        return []  # orch.yaml has mistakes of its own, and they come first
    warnings: list[Problem] = []
    for one, where in every:
        if one.secrets:
            from orch.app.secrets import check_passed

            check_passed(one, project, where)
        if reads_env(one):
            from orch.app.surroundings import unheard

            warnings += unheard(one, project, where)
        warnings += check_roles(one, project, where)
    return warnings


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

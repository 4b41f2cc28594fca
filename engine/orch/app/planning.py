"""Make a plan: read, check, build, compile, or take the compiled plan of the same content from the cache."""

from __future__ import annotations

import gc
import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from orch import __version__
from orch.app.context import Context
from orch.app.project import load, read_bytes
from orch.app.root import PROJECT_FILE, find_root, is_text, shown
from orch.model.compiled import Action, Compiled, Space
from orch.model.plan import Plan, ResourceDoc, seal
from orch.problems.problem import Exit, OrchError, Problem
from orch.store import plan_cache

if TYPE_CHECKING:
    from orch.source.document import Document
    from orch.spec.pipeline import Pipeline


class PlanRequest(NamedTuple):
    """What the command line asks for. `pipeline` None means the only one below pipelines/. `saved` is the file of the
    plan itself, which is no change of the checkout."""

    pipeline: str | None = None
    inputs: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    jobs: int | None = None
    task: str | None = None
    fail_fast: bool = False
    exclude: tuple[str, ...] = ()
    dirty: bool = False
    saved: str | None = None


class Planned(NamedTuple):
    """A plan ready to be shown or run. `blobs` are the bytes that it was made from, by sha256 (hex)."""

    root: str
    plan: Plan
    compiled: Compiled
    blobs: Mapping[str, bytes]
    warnings: Sequence[Problem] = ()


def make_plan(context: Context, request: PlanRequest) -> Planned:
    """Plan a pipeline. Raises OrchError with every problem of the first stage that has some."""
    collecting = gc.isenabled()
    gc.disable()  # a plan is one growing tree: looking for cycles in it costs a quarter of the time at 100,000 steps
    try:
        return _plan(context, request)
    finally:
        if collecting:
            gc.enable()


def lacking(context: Context, planned: Planned) -> list[Problem]:
    """Warnings of what the plan needs and is not there yet: secrets without a value. Raises OrchError where one that
    can be read stands in what would be shown and saved."""
    if "secrets" not in planned.compiled.head:
        return []
    from orch.app.secrets import missing, open_vault, refuse_kept

    refuse_kept(planned, open_vault(planned.compiled, context.env, planned.root))
    return missing(planned.compiled, context.env, planned.root)


def _plan(context: Context, request: PlanRequest) -> Planned:
    root = find_root(context.cwd)
    path = pipeline_path(context.cwd, root, request.pipeline)
    display = shown(root, context.cwd, path)
    if not is_text(display):
        hint = "rename the folder or the file: names stand in plans and records, which are UTF-8"
        raise OrchError(Problem("O287", f"the path {display} is not UTF-8", hint=hint), Exit.USAGE)
    try:
        text = _read(path, display)
    except OrchError as error:
        from orch.app.nearest import instead

        raise instead(error, context.cwd, root, path) from error
    project_text = read_bytes(root)
    # a node could rewrite the cache: a pipeline with gates is always read from its own text
    # one with secrets is planned before anybody has asked whether a value in it is one of them
    # one with adapters follows from the whole repository, one with a workspace from its commits, and a selection may
    # follow from the last run
    alone = _is_alone(text) and not _looks_back(request) and not request.dirty
    cache = os.path.join(context.cache_dir, "plans") if context.cache_dir and alone else None
    key = _key(context, request, display, text, project_text)
    known = _from_cache(cache, key, root) if cache else None
    made = known or _make(context, request, root, display, text)
    if cache and known is None:
        named = [(path, sha) for path, sha, _ in made.schemas]
        plan_cache.save(cache, key, [made.plan.data, made.plan.digest, _flat(made.compiled), named])
    read = (text, project_text, *(data for _, _, data in made.schemas), *made.resources)
    blobs = {_sha(data): data for data in read if data}
    warnings = made.warnings
    if "secrets" in made.compiled.head:
        from orch.app.secrets import notes

        warnings = [*warnings, *notes(made.compiled, root)]
    return Planned(root, made.plan, made.compiled, blobs, warnings)


def _is_alone(text: bytes) -> bool:
    """Does a pipeline that nobody has parsed certainly have nothing that looks at the world? The keys of that can
    be written with escapes, too: with those that stand for a letter, or broken over two lines, as only a key behind a
    `?` can be."""
    return not (
        any(word in text for word in (b"gates", b"secrets", b"adapter", b"workspace", b"requires"))
        or (b"pipeline" in text and re.search(_OPENS, text) is not None)
        or (b"\\" in text and any(re.search(pattern, text) is not None for pattern in (_ESCAPED_LETTER, _EXPLICIT_KEY)))
    )


def _looks_back(request: PlanRequest) -> bool:
    return any("status:" in text or "state:" in text for text in (*request.select, *request.exclude))


_OPENS = rb"pipelines?[\"']?(?:\s|#[^\n]*\n)*:"
_ESCAPED_LETTER = rb"\\[xuU]"
_EXPLICIT_KEY = rb"(?:^|[\s{,\[])\?\s"


def pipeline_path(cwd: str, root: str, given: str | None) -> str:
    """The file of a pipeline: as given, or the only one below pipelines/. Raises OrchError (2)."""
    if given is not None:
        return os.path.join(cwd, given)
    folder = os.path.join(root, "pipelines")
    try:
        found = sorted(name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")))
    except OSError:
        found = []
    if len(found) == 1:
        return os.path.join(folder, found[0])
    message = "which pipeline?" if found else "there is no pipelines/ folder with a pipeline here"
    names = ", ".join(f"pipelines/{name}" for name in found[:10])
    raise OrchError(Problem("O286", message, hint=f"one of: {names}" if found else "orch init"), Exit.USAGE)


class _Made(NamedTuple):
    """A plan, with the bytes that it was made from beside the pipeline and the project."""

    plan: Plan
    compiled: Compiled
    schemas: list[tuple[str, str, bytes]]
    resources: Sequence[bytes] = ()
    warnings: Sequence[Problem] = ()


def _make(context: Context, request: PlanRequest, root: str, display: str, text: bytes) -> _Made:
    from orch.app.family import load_family
    from orch.app.library import stacks_for
    from orch.governance.roles import check_roles
    from orch.plan.build import Given, build
    from orch.plan.compile import compile_plan
    from orch.source import strict_json
    from orch.source.limits import SIZE_VARIABLE, size_limit
    from orch.source.read import parse
    from orch.spec.checks.caches import reads_env
    from orch.spec.inputs import bind

    max_bytes = size_limit(context.env.get(SIZE_VARIABLE))
    document = parse(text, display, max_bytes=max_bytes)
    family = load_family(root, document, max_bytes)
    pipeline = family.pipeline
    project = load(root)
    warnings: list[Problem] = []
    for one, where in family.every:
        _check_identity(one, project.project.id)
        warnings += check_roles(one, project.project, where)
        if one.secrets:
            from orch.app.secrets import check_passed

            check_passed(one, project.project, where)
        if reads_env(one):
            from orch.app.surroundings import unheard

            warnings += unheard(one, project.project, where)
    inputs = bind(pipeline, _pairs(request.inputs))
    stacks = stacks_for(root, [one for one, _ in family.every], project)
    schemas = _schemas(root, family.every)
    resources: list[ResourceDoc] = [{"kind": "pipeline", "path": display, "sha256": _sha(text)}]
    resources += [{"kind": "pipeline", "path": path, "sha256": child.digest} for path, child in family.opened.items()]
    if project.data:
        resources.append({"kind": "project", "path": PROJECT_FILE, "sha256": _sha(project.data)})
    resources += [{"kind": "schema", "path": path, "sha256": sha} for path, sha, _ in schemas]
    base, start = None, None
    if pipeline.workspace == "branch":
        from orch.app.workspace import base_of, dirt, take_along

        base = base_of(context, root)
        start = take_along(context, root, base) if request.dirty else None
        found = None if request.dirty else dirt(context, root, display, request.saved)
        warnings += [found] if found is not None else []
    elif request.dirty:
        raise _needs_no_branch(display)
    jobs = request.jobs or (project.project.jobs if isinstance(project.project.jobs, int) else context.cores)
    given = Given(
        orch=__version__,
        path=display,
        digest=_sha(text),
        inputs=inputs,
        max_in_flight=jobs,
        task=request.task,
        fail_fast=request.fail_fast,
        schemas={path: strict_json.loads(data) for path, _, data in schemas},
        resources=resources,
        base=base,
        start=start,
        span=partial(family.document.span, key=True),
        value_span=family.document.span,
        stacks=stacks,
        children=family.children,
    )
    plan = seal(build(pipeline, project.project, given))
    compiled = compile_plan(plan)
    if request.select or request.exclude:
        from orch.app.selecting import selected

        plan, compiled = selected(context, request, root, plan, compiled)
    if any("requires" in action.step for action in compiled.action_table):
        from orch.app.programs import missing_programs

        for one, where in family.every:
            warnings += missing_programs(one, where, context.env)
    made = _Made(plan, compiled, schemas, [child.data for child in family.opened.values()], warnings)
    if stacks is None:
        return made
    from orch.app.tools import missing_tools
    from orch.plan.advice import unmet_needs

    files = [data for resource in stacks.used.values() for data in resource.files.values()]
    warnings += [*unmet_needs(plan.doc), *missing_tools(stacks, context.env)]
    return made._replace(resources=[*made.resources, *files])


def _needs_no_branch(display: str) -> OrchError:
    message = f"--dirty: {display} works in the checkout itself, and takes everything as it is"
    return OrchError(Problem("O642", message, hint="leave --dirty out, or set `workspace: branch`"), Exit.USAGE)


def _check_identity(pipeline: Pipeline, project_id: str | None) -> None:
    gates = [
        f"{phase_name}.{name}"
        for phase_name, phase in pipeline.phases.items()
        for name, gate in phase.gates.items()
        if gate.approval is not None
    ]
    if gates and project_id is None:
        message = f"`{gates[0]}` asks for approvals, and this project has no `id` that they could be bound to"
        raise OrchError(Problem("O311", message, hint="orch init"), Exit.INVALID)


def _schemas(root: str, every: Sequence[tuple[Pipeline, Document]]) -> list[tuple[str, str, bytes]]:
    """Path, sha256 and bytes of every schema that these pipelines name. Raises OrchError with all that are none."""
    found: dict[str, tuple[str, str, bytes]] = {}
    problems: list[Problem] = []
    for document, route, work in ((where, *named) for one, where in every for named in one.works()):
        path = schema_path(work.outputs)
        if path is None or path in found:
            continue
        try:
            with open(os.path.join(root, path), "rb") as file:
                data = file.read()
            wrong = _schema_fault(data)
        except OSError as error:
            data, wrong = b"", f"cannot be read: {error.strerror}"
        found[path] = (path, _sha(data), data)
        if wrong:
            at = document.span((*route, "outputs", "schema"))
            hint = f"make {path}, a JSON Schema; it counts from the project's root"
            problems.append(Problem("O285", f"{path} {wrong}", at, hint))
    if problems:
        raise OrchError(problems, Exit.INVALID)
    return list(found.values())


def _schema_fault(data: bytes) -> str | None:
    from orch.source import strict_json
    from orch.spec.output_schema import fault

    try:
        wrong = fault(strict_json.loads(data))
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    return f"is not a JSON Schema: {wrong}" if wrong else None


def schema_path(outputs: Mapping[str, Any]) -> str | None:
    """The path of `outputs: {schema: path}`, told from an output that is called schema."""
    path = outputs.get("schema")
    types = ("string", "number", "integer", "boolean", "list", "object")
    return path if isinstance(path, str) and len(outputs) == 1 and path not in types else None


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or name in pairs:
            message = f"`--input {item}`: " + ("given twice" if equals else "there is no `=`")
            raise OrchError(Problem("O284", message, hint="--input NAME=VALUE"), Exit.USAGE)
        pairs[name] = value
    return pairs


def _read(path: str, display: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        problem = Problem(
            "O287", f"{display} cannot be read: {error.strerror}", hint="make it a file that you may read"
        )
        named = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        raise OrchError(problem, Exit.USAGE if named else Exit.IO) from error


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _key(context: Context, request: PlanRequest, display: str, text: bytes, project_text: bytes) -> str:
    parts = [
        _engine(),
        sys.implementation.cache_tag,
        display,
        request.inputs,
        request.select,
        request.jobs,
        request.task,
        request.fail_fast,
        request.exclude,
    ]
    digest = hashlib.sha256(repr([*parts, context.cores]).encode())
    for data in (text, project_text):
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def _engine() -> str:
    """What makes plans: the version, and in a checkout the sizes and times of the modules too."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.basename(os.path.dirname(package)) in ("site-packages", "dist-packages"):
        return __version__
    found = [__version__]
    for part in ("model", "plan", "spec", "spec/checks", "spec/expressions", "app"):
        with os.scandir(os.path.join(package, part)) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(".py"):  # not what the interpreter keeps beside them
                    status = entry.stat()
                    found.append(f"{entry.name} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(found)


def _flat(compiled: Compiled) -> list[Any]:
    tuples: dict[str, list[Any]] = {"action_table": [*compiled.action_table], "spaces": [*compiled.spaces]}
    return [
        [tuple(one) for one in tuples[name]] if name in tuples else value
        for name, value in zip(Compiled._fields, compiled, strict=True)
    ]


_TABLE, _SPACES = Compiled._fields.index("action_table"), Compiled._fields.index("spaces")


def _from_cache(cache: str, key: str, root: str) -> _Made | None:
    value = plan_cache.load(cache, key)
    if value is None:
        return None
    data, digest, flat, named = value
    schemas: list[tuple[str, str, bytes]] = []
    for path, sha in named:
        try:
            content = _read(os.path.join(root, path), path)
        except OrchError:
            return None
        if _sha(content) != sha:
            return None
        schemas.append((path, sha, content))
    flat[_TABLE] = [Action(*action) for action in flat[_TABLE]]
    flat[_SPACES] = [Space(*space) for space in flat[_SPACES]]
    return _Made(Plan(data, digest), Compiled(*flat), schemas)

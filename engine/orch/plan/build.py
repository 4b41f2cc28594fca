"""Pipeline → plan: a list of small transforms, read top to bottom. Pure; inputs are bound and files are read before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from orch.model.names import TASK
from orch.model.plan import FORMAT_VERSION, GroupDoc, PhaseDoc, PlanDoc, ResourceDoc, StepDoc
from orch.plan.children import child_doc, opened, secrets_of
from orch.plan.fill import fill
from orch.plan.gates import gate_doc
from orch.plan.limits import add_limits
from orch.plan.nodes import Expansion, after_setup, dynamic_doc, expand_node, node_doc
from orch.problems.problem import Exit, OrchError, Problem, Span
from orch.source.document import Route
from orch.spec.expressions.parse import parse_template
from orch.spec.expressions.tree import references
from orch.spec.matrix import is_dynamic
from orch.spec.node import Node, Work, setup_of
from orch.spec.pipeline import Pipeline
from orch.spec.project import Project

if TYPE_CHECKING:  # loaded only where a node names an adapter
    from orch.plan.adapter_nodes import Stacks
    from orch.spec.children import Child
    from orch.spec.library import Resource


@dataclass(frozen=True, slots=True)
class Given:
    """What a plan is made of beside the pipeline. `path` and `digest` are the pipeline file's; `schemas` maps the paths
    of output schemas to their content; `task` is what the command line asked for; `span` gives the places of keys in
    the file, `value_span` those of values; `stacks` is needed where a node names an adapter, `children` where one
    opens a pipeline, `base` where the run gets a branch: the commit that it begins at; `start` is there where it takes
    along what no commit held. Of a child pipeline `owner` is the address of the node that opens it."""

    orch: str
    path: str
    digest: str
    inputs: Mapping[str, Any]
    max_in_flight: int
    task: str | None = None
    fail_fast: bool = False
    schemas: Mapping[str, Any] = field(default_factory=dict)
    resources: Sequence[ResourceDoc] = ()
    stacks: Stacks | None = None
    base: str | None = None
    start: str | None = None
    children: Mapping[str, Child] = field(default_factory=dict)
    owner: str = ""
    span: Callable[[Route], Span | None] = lambda route: None
    value_span: Callable[[Route], Span | None] = lambda route: None


def build(pipeline: Pipeline, project: Project, given: Given) -> PlanDoc:
    """The plan as data. The pipeline has been checked: what is raised here concerns inputs only."""
    doc = _head(pipeline, project, given)
    add_limits(doc, pipeline, given.value_span)
    if project.notify is not None:
        doc["notify"] = list(project.notify)
    _add_steps(doc, pipeline, project, given)
    if given.stacks is not None:
        doc["resources"] += [one for used in given.stacks.used.values() for one in resource_docs(used)]
    return doc


def _head(pipeline: Pipeline, project: Project, given: Given) -> PlanDoc:
    has_approvals = any(
        gate.approval
        for one in opened(pipeline, given.children)
        for phase in one.phases.values()
        for gate in phase.gates.values()
    )
    identity = {"name": project.name, "id": project.id}
    branch = {"workspace": "branch", "base": given.base, "start": given.start} if given.base else {}
    head = {
        "format_version": FORMAT_VERSION,
        "orch": given.orch,
        "pipeline": {"name": pipeline.name, "path": given.path, "digest": given.digest},
        "project": {key: value for key, value in identity.items() if value is not None},
        "task": _task(pipeline, given),
        "inputs": dict(given.inputs),
        "max_in_flight": given.max_in_flight,
        "durability": project.durability,
        "fail_fast": given.fail_fast,
        **{key: value for key, value in branch.items() if value is not None},
        "env_pass": list(project.env.pass_),
        "people": {handle: list(person.emails) for handle, person in project.people.items()} if has_approvals else {},
        "roles": {role: list(handles) for role, handles in project.roles.items()} if has_approvals else {},
        "resources": list(given.resources),
        "phases": [],
        "groups": [],
        "steps": [],
        "outputs": dict(pipeline.outputs),
        **({"secrets": secrets} if (secrets := secrets_of(pipeline, given.children)) else {}),
    }
    return cast(PlanDoc, head)


def _task(pipeline: Pipeline, given: Given) -> str:
    planned = str(fill(pipeline.task, {"inputs": given.inputs}, "task"))
    if given.task is not None and planned not in ("-", given.task):
        message = f"--task {given.task} differs from the pipeline's task `{planned}`"
        raise OrchError(
            Problem("O282", message, hint="leave --task out, or set the input that the task comes from"), Exit.USAGE
        )
    task = given.task if given.task is not None else planned
    if not TASK.fullmatch(task):
        raise OrchError(_bad_task(pipeline, task, from_option=given.task is not None), Exit.USAGE)
    return task


def _bad_task(pipeline: Pipeline, task: str, *, from_option: bool) -> Problem:
    source, hint = "", "--task 0042"
    if not from_option:
        names = [
            f"`{'.'.join((read.root, *map(str, read.parts)))}`"
            for read in references(parse_template(pipeline.task) or ["const", 0])
        ]
        source, hint = f" (from {', '.join(names)})", "set the input that the task comes from"
    shown = task if len(task) <= 48 else task[:47] + "…"
    return Problem("O289", f"`{shown}`{source} cannot be a task", hint=f"{hint}: up to 64 letters, digits, `_` and `-`")


def _phases(pipeline: Pipeline, owner: str) -> list[PhaseDoc]:
    docs: list[PhaseDoc] = []
    prefix = f"{owner}/" if owner else ""
    for name, phase in pipeline.phases.items():
        given = phase.needs is not None
        needs = [prefix + need for need in phase.needs or ()] if given else [docs[-1]["name"]] if docs else []
        doc: PhaseDoc = {"name": prefix + name, "needs": needs}
        if phase.protected:
            doc["protected"] = list(phase.protected)
        if phase.description:
            doc["description"] = phase.description
        docs.append(doc)
    if owner and pipeline.finally_:
        docs.append({"name": f"{prefix}finally", "needs": [], "final": True})
    if owner:
        for doc in docs:
            doc["owner"] = owner
    return docs


_MADE_OF_MORE = {"adapter", "loop", "pipeline", "matrix", "workspace"}


def _add_steps(doc: PlanDoc, pipeline: Pipeline, project: Project, given: Given) -> None:
    scope = {"inputs": given.inputs, "task": doc["task"]}
    child = pipeline.name if given.owner else None
    prefix = f"{given.owner}/" if given.owner else ""
    expansions: dict[str, Expansion] = {}
    for phase_name, phase in pipeline.phases.items():
        for node_id, node in phase.nodes.items():
            if node.matrix is not None and not is_dynamic(node.matrix):
                try:
                    expansions[node_id] = expand_node(f"{prefix}{phase_name}.{node_id}", node, scope)
                except OrchError as error:
                    raise _placed(error, given, ("phases", phase_name, "nodes", node_id), node) from error
    addresses = {
        node_id: f"{prefix}{phase_name}.{node_id}"
        for phase_name, phase in pipeline.phases.items()
        for node_id in phase.nodes
    }
    rows = _phases(pipeline, given.owner)
    for row, (phase_name, phase) in zip(rows, pipeline.phases.items(), strict=False):
        doc["phases"].append(row)
        for gate_id, gate in phase.gates.items():
            address = f"{row['name']}.{gate_id}"
            doc["steps"].append(gate_doc(address, gate, scope, addresses, expansions, project, child))
        for node_id, node in phase.nodes.items():
            step = node_doc(node, pipeline.defaults, addresses, given.schemas)
            if node.model_fields_set.isdisjoint(_MADE_OF_MORE):
                doc["steps"].append(cast(StepDoc, {"address": addresses[node_id], **step}))
                continue
            make = partial(_made, step, node, pipeline, given, ("phases", phase_name, "nodes", node_id))
            add = partial(_add, doc, node, project, given)
            if node_id not in expansions:
                made = make(scope) if node.matrix is None else dynamic_doc(node, make(scope))
                add(addresses[node_id], made)
                continue
            expansion = expansions[node_id]
            group: GroupDoc = {"address": expansion.address}
            if node.max_parallel is not None:
                group["max_parallel"] = node.max_parallel
            if not expansion.children and "needs" in step:
                group["needs"] = step["needs"]
            doc["groups"].append(group)
            for address, values in expansion.children:
                add(address, make({**scope, "matrix": values}), matrix=values, group=expansion.address)
    doc["phases"] += rows[len(pipeline.phases) :]
    for node_id, last in pipeline.finally_.items():
        step = node_doc(last, pipeline.defaults, {}, given.schemas)
        step = _with_adapter(step, last, given, ("finally", node_id), scope)
        doc["steps"].append(step_doc(f"{prefix}finally.{node_id}", step))


def _add(
    doc: PlanDoc, node: Node, project: Project, given: Given, address: str, made: dict[str, Any], **more: Any
) -> None:
    """Add the step of a node, and behind it all of the pipeline that it opens."""
    doc["steps"].append(step_doc(address, made, **more))
    if node.pipeline is not None:
        child = given.children[node.pipeline]
        inner = replace(
            given,
            inputs=made["pipeline"]["inputs"],
            children=child.children,
            owner=address,
            span=partial(child.document.span, key=True),
            value_span=child.document.span,
        )
        _add_steps(doc, child.pipeline, project, inner)


def _made(
    step: dict[str, Any], node: Node, pipeline: Pipeline, given: Given, route: Route, scope: Mapping[str, Any]
) -> dict[str, Any]:
    """The step of a node, with the command of its adapter, or the nodes of its loop, or the inputs of its pipeline."""
    if node.pipeline is not None:
        return {**step, "pipeline": child_doc(node, given.children[node.pipeline], scope, given.value_span, route)}
    setup = _setup(step, node, given, route, scope)
    if node.loop is None:
        return {**_with_adapter(step, node, given, route, scope), **({} if setup is None else {"setup": setup})}
    loop: dict[str, Any] = {"until": node.loop.until, "max_iterations": node.loop.max_iterations}
    if node.loop.stop_if_unchanged is not None:
        loop["stop_if_unchanged"] = node.loop.stop_if_unchanged
    loop["nodes"] = [
        {"id": name, **_with_adapter(content, inner, given, (*route, "loop", "nodes", name), scope)}
        for name, inner in node.loop.nodes.items()
        for content in [node_doc(inner, pipeline.defaults, {}, given.schemas)]
    ]
    if setup is not None:
        loop["nodes"] = after_setup(setup, loop["nodes"])
    return {**step, "loop": loop}


def _setup(
    step: dict[str, Any], node: Node, given: Given, route: Route, scope: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What sets the node's own tree up."""
    name = setup_of(node)
    if name is None:
        return None
    assert given.stacks is not None, "a pipeline with adapters is planned with a library"
    try:
        return given.stacks.setup(name, str(fill(step.get("cwd", "."), scope, "cwd")))
    except OrchError as error:
        raise _at(given, (*route, "workspace", "setup"), error) from error


def _with_adapter(
    step: dict[str, Any], node: Work, given: Given, route: Route, scope: Mapping[str, Any]
) -> dict[str, Any]:
    if node.adapter is None:
        return step
    assert given.stacks is not None, "a pipeline with adapters is planned with a library"
    try:
        return given.stacks.step(step, node, scope)
    except OrchError as error:
        raise _at(given, (*route, "adapter"), error) from error


def _at(given: Given, route: Route, error: OrchError) -> OrchError:
    """The problems, at this value where they have no place of their own."""
    at = given.value_span(route)
    return OrchError([problem._replace(at=problem.at or at) for problem in error.problems], error.exit)


def resource_docs(resource: Resource) -> list[ResourceDoc]:
    """The files of a resource of the library, as they stand in a plan."""
    folder = resource.path.rpartition("/")[0]
    return [
        {
            "kind": "adapter",
            "name": resource.name,
            "origin": resource.origin,
            "path": f"{folder}/{file}",
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for file, data in resource.files.items()
    ]


def _placed(error: OrchError, given: Given, route: Route, node: Node) -> OrchError:
    """The problems of a matrix, at its `key` or at itself."""
    problems = [
        problem._replace(
            at=given.span((*route, "key" if node.key is not None and problem.code != "O220" else "matrix"))
        )
        for problem in error.problems
    ]
    return OrchError(problems, error.exit)


def step_doc(address: str, content: Mapping[str, Any], **more: Any) -> StepDoc:
    """A step with its address first."""
    return cast(StepDoc, {"address": address, **content, **more})

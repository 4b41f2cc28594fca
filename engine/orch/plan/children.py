"""Node → the child pipeline that it opens: its inputs are bound, here and now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orch.plan.fill import fill
from orch.problems.problem import Exit, OrchError, Problem, Span
from orch.source.document import Route
from orch.spec.node import Node
from orch.spec.pipeline import Pipeline
from orch.spec.values import mismatch

if TYPE_CHECKING:  # loaded only where a node opens a pipeline
    from orch.spec.children import Child


def opened(pipeline: Pipeline, children: Mapping[str, Child]) -> Iterator[Pipeline]:
    """The pipeline, and all that is opened in it, each once for every file that names it."""
    yield pipeline
    for child in children.values():
        yield from opened(child.pipeline, child.children)


def secrets_of(pipeline: Pipeline, children: Mapping[str, Child]) -> dict[str, str]:
    """The secrets that the pipeline and its children declare. Raises OrchError where one name means two."""
    found = dict(pipeline.secrets)
    problems: list[Problem] = []
    for child in children.values():
        for name, reference in secrets_of(child.pipeline, child.children).items():
            if found.setdefault(name, reference) != reference:
                message = f"the secret `{name}` comes from another place than in the pipeline that opens this one"
                at = child.document.span(("secrets", name), key=True)
                problems.append(
                    Problem("O234", message, at, "one run has one of each name: rename one, or let both agree")
                )
    if problems:
        raise OrchError(problems, Exit.INVALID)
    return found


def child_doc(
    node: Node, child: Child, scope: Mapping[str, Any], span: Callable[[Route], Span | None], route: Route
) -> dict[str, Any]:
    """What the plan says of a child: its file, its inputs, the texts of its outputs. `scope` is what is known at
    planning. Raises OrchError where an input does not fit, or its task is another than the run's."""
    pipeline = child.pipeline
    inputs = bind_child(node, child, scope, span, route)
    task = fill(pipeline.task, {"inputs": inputs}, "task")
    if task not in ("-", scope["task"]):
        message = f"`{pipeline.name}` is about the task `{str(task)[:64]}`, and this run about `{scope['task']}`"
        hint = "a child's task is that of its run: give it the input that its task comes from"
        raise OrchError(Problem("O282", message, span((*route, "pipeline")), hint), Exit.INVALID)
    return {
        "name": pipeline.name,
        "path": child.document.path,
        "digest": child.digest,
        "inputs": inputs,
        "outputs": dict(pipeline.outputs),
    }


def bind_child(
    node: Node, child: Child, scope: Mapping[str, Any], span: Callable[[Route], Span | None], route: Route
) -> dict[str, Any]:
    """The inputs of a child. Raises OrchError with all that do not fit, each at the place of its value."""
    pipeline = child.pipeline
    inputs: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, declared in pipeline.inputs.items():
        if name not in node.with_:
            default = declared.default
            inputs[name] = list(default) if isinstance(default, tuple) else default
            continue
        given = node.with_[name]
        what = f"the input `{name}` of `{pipeline.name}`"
        value: Any
        try:
            value = [fill(one, scope, what) for one in given] if isinstance(given, tuple) else fill(given, scope, what)
        except OrchError as error:
            problems += [problem._replace(at=span((*route, "with", name))) for problem in error.problems]
            continue
        inputs[name] = value
        if wrong := mismatch(declared, value):
            problems.append(
                Problem("O112", f"{what}: `{str(value)[:48]}` {wrong[0]}", span((*route, "with", name)), wrong[1])
            )
    if problems:
        raise OrchError(problems, Exit.INVALID)
    return inputs

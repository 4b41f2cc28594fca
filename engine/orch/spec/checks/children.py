"""Nodes that open a pipeline: what stands beside it, and what they give to its inputs."""

from __future__ import annotations

from collections.abc import Iterator

from orch.source.document import Route
from orch.spec.checks import matrices, views
from orch.spec.checks.texts import View, check_template
from orch.spec.children import Child, inputs_text
from orch.spec.expressions.wording import nearest
from orch.spec.graph import Graph
from orch.spec.matrix import is_dynamic
from orch.spec.node import BodyNode, Node, Work, is_apart
from orch.spec.pipeline import Pipeline
from orch.spec.report import Report
from orch.spec.values import mismatch

_BESIDE = {
    "pipeline",
    "with_",
    "needs",
    "trigger_rule",
    "if_",
    "matrix",
    "key",
    "max_parallel",
    "workspace",
    "allow_failure",
    "tags",
    "description",
}
_KINDS = ("run", "adapter", "loop")
_NOW = "a child pipeline is part of the plan, so all about it is known when the plan is made: "


def check_children(graph: Graph, report: Report) -> None:
    """Report what is wrong with nodes that open a pipeline."""
    for phase, name, node in graph.with_more:
        route: Route = ("phases", phase, "nodes", name)
        if node.pipeline is not None:
            _check(graph, report, route, node, node.pipeline)
        elif node.with_:
            hint = "remove it, or name the pipeline that takes these inputs: `pipeline: pipelines/deploy.yaml`"
            report.add("O121", "`with` belongs to a `pipeline`", (*route, "with"), hint, key=True)


def _check(graph: Graph, report: Report, route: Route, node: Node, path: str) -> None:
    for key in sorted(node.model_fields_set - _BESIDE):
        if key not in _KINDS:  # two kinds are told elsewhere
            hint = f"the steps of {path[:64]} have keys of their own: write it there"
            report.add("O121", f"`{key}` beside `pipeline`", (*route, key), hint, key=True)
    if "${{" in path:
        hint = f"{_NOW}write the path out; for a choice, write a node with an `if` for each"
        report.add("O233", "the path of a child pipeline is a constant", (*route, "pipeline"), hint)
    if is_dynamic(node.matrix):
        hint = f"{_NOW}write the values out, or take them from an input: `${{{{ inputs.sites }}}}`"
        report.add("O233", "a matrix of child pipelines is known only after a node", (*route, "matrix"), hint, key=True)
        return
    known, partial = matrices.root(graph, node)
    plan = views.planning(graph, **known)
    view = View(
        plan.roots,
        None,
        plan.unsure,
        lambda _: f"{_NOW}give it a constant, an input or a value of the matrix",
        partial,
    )
    for name, value in node.with_.items():
        for place, text in enumerate(value) if isinstance(value, tuple) else [(None, value)]:
            if isinstance(text, str):
                at = (*route, "with", name) if place is None else (*route, "with", name, place)
                check_template(graph, report, view, at, text)
    if node.workspace == "readonly":
        hint = "write it for the nodes of the child; a child as a whole can have a tree of its own: `worktree`"
        report.add("O522", "`readonly` beside `pipeline`", (*route, "workspace"), hint, key=True)
    child = graph.children.get(path)
    if child is not None:
        _check_inputs(report, route, node, child.pipeline)
        inner = next(_own_trees(child), None) if node.workspace != "shared" else None
        if inner is not None:
            message = f"a tree of its own for `{inner}` inside of one"
            report.add(
                "O522", message, (*route, "workspace"), "let either the child have one, or nodes of it", key=True
            )
        for key, name in dict.fromkeys(_of_the_runs_tree(child)) if is_apart(node) else ():
            message = f"{key} of `{name}` in {path[:64]} holds in the run's own tree only"
            hint = "open it in the run's tree: remove `workspace`; or remove the key there"
            report.add("O522", message, (*route, "workspace"), hint, key=True)


def _own_trees(child: Child) -> Iterator[str]:
    """The nodes of a child that work in trees of their own."""
    for phase in child.pipeline.phases.values():
        for name, node in phase.nodes.items():
            if is_apart(node):
                yield name
            elif inner := child.children.get(node.pipeline or ""):
                yield from _own_trees(inner)


def _of_the_runs_tree(child: Child) -> Iterator[tuple[str, str]]:
    """What nodes of a child have that holds for the run's own tree alone, and whose it is."""
    pipeline = child.pipeline
    nodes: dict[str, Work] = dict(pipeline.finally_)
    for phase in pipeline.phases.values():
        for name, node in phase.nodes.items():
            nodes |= {name: node, **(node.loop.nodes if node.loop is not None else {})}
            if inner := child.children.get(node.pipeline or ""):
                yield from _of_the_runs_tree(inner)
    for name, work in nodes.items():
        if isinstance(work, BodyNode) and work.cache is not None:
            yield "`cache`", name
        if not isinstance(work.effect, str):
            yield "`effect: { once: … }`", name


def _check_inputs(report: Report, route: Route, node: Node, child: Pipeline) -> None:
    for name, value in node.with_.items():
        declared = child.inputs.get(name)
        if declared is None:
            near = nearest(name, child.inputs)
            hint = f"did you mean `{near}`?" if near else inputs_text(child)
            report.add("O114", f"`{child.name}` has no input `{name}`", (*route, "with", name), hint, key=True)
        elif not _is_computed(value) and (wrong := mismatch(declared, value)):
            message = f"the input `{name}` of `{child.name}`: `{str(value)[:48]}` {wrong[0]}"
            report.add("O112", message, (*route, "with", name), wrong[1])
    for name, declared in child.inputs.items():
        if declared.default is None and name not in node.with_:
            key = "with" if node.with_ else "pipeline"
            hint = f"write `with: {{ {name}: … }}`"
            report.add("O113", f"the input `{name}` of `{child.name}` must be given", (*route, key), hint, key=True)


def _is_computed(value: object) -> bool:
    return any(isinstance(one, str) and "${{" in one for one in (value if isinstance(value, tuple) else (value,)))

"""The matrices of a pipeline: axes, `include`, `exclude` and `key`."""

from __future__ import annotations

from typing import Any

from orch.problems.problem import OrchError
from orch.source.document import Route
from orch.spec.checks import shapes, views
from orch.spec.checks.texts import View, check_template
from orch.spec.expressions.check import ANY, Known, ListOf, Shape, shape_of
from orch.spec.expressions.parse import ExpressionError, parse_template
from orch.spec.expressions.tree import references
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.graph import Graph
from orch.spec.matrix import combinations, expand, reads_nodes
from orch.spec.node import Node
from orch.spec.report import Report

_LISTS = ("include", "exclude")


def check_matrices(graph: Graph, report: Report) -> None:
    """Report what is wrong with matrices, and with the keys that only they use."""
    for phase, name, node in graph.with_more:
        if node.matrix is not None:
            route = ("phases", phase, "nodes", name)
            before = len(report.problems)
            _check_matrix(graph, report, (*route, "matrix"), node.matrix)
            if len(report.problems) == before:
                _check_key(graph, report, route, node)
        elif node.key is not None or node.max_parallel is not None:
            key = "key" if node.key is not None else "max_parallel"
            message = f"`{key}` without a `matrix`"
            at = ("phases", phase, "nodes", name, key)
            report.add("O221", message, at, "remove it, or write `matrix: { lang: [python, node] }`", key=True)


def root(graph: Graph, node: Node) -> tuple[dict[str, Shape], frozenset[str]]:
    """The root `matrix` of a node's texts, and the names below it that not every child has."""
    if node.matrix is None:
        return {}, frozenset()
    rows = _static_rows(node.matrix)
    if rows is not None:
        names = sorted({name for row in rows for name in row})
        known = {name: shapes.of_values([row[name] for row in rows if name in row]) for name in names}
        known.update({name: ANY for name in _axes(node.matrix) if name not in known})
        return {"matrix": Known(known)}, frozenset(name for name in names if any(name not in row for row in rows))
    open_shapes: dict[str, Shape] = {}
    for entry in node.matrix.get("include", []):
        open_shapes.update(dict.fromkeys(entry, ANY))
    for name, values in _axes(node.matrix).items():
        added = isinstance(values, str) or name in open_shapes
        open_shapes[name] = _item(graph, values) if added and name not in open_shapes else ANY
        if isinstance(values, list) and open_shapes[name] is ANY:
            open_shapes[name] = shapes.of_values(values)
    return {"matrix": Known(open_shapes)}, frozenset()


def _axes(matrix: dict[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in matrix.items() if name not in _LISTS}


def _static_rows(matrix: dict[str, Any]) -> list[dict[str, Any]] | None:
    axes = _axes(matrix)
    if not all(isinstance(values, list) for values in axes.values()):
        return None
    try:
        return combinations(axes, matrix.get("include", []), matrix.get("exclude", []))
    except (OrchError, AttributeError, TypeError):
        return None


def _item(graph: Graph, text: str) -> Shape:
    try:
        tree = parse_template(text)
    except ExpressionError:
        return ANY
    if tree is None or reads_nodes(text):
        return ANY
    shape = shape_of(tree, views.planning(graph).roots)
    return shape.item if isinstance(shape, ListOf) else ANY


def _check_matrix(graph: Graph, report: Report, route: Route, matrix: dict[str, Any]) -> None:
    axes = _axes(matrix)
    for name, values in axes.items():
        if isinstance(values, str):
            _check_computed(graph, report, (*route, name), name, values)
        elif not isinstance(values, list):
            report.add("O220", f"the axis `{name}` is not a list", (*route, name), f"write `{name}: [a, b]`")
        else:
            for index, value in enumerate(values):
                _check_constant(report, (*route, name, index), value)
    for name in _LISTS:
        entries = matrix.get(name, [])
        if not isinstance(entries, list):
            report.add("O220", f"`{name}` is not a list", (*route, name), f"write `{name}: [{{ lang: python }}]`")
            continue
        for index, entry in enumerate(entries):
            _check_entry(report, (*route, name, index), name, entry, axes)
    if not axes and not matrix.get("include"):
        report.add("O220", "a matrix without an axis", route, "write `matrix: { lang: [python, node] }`", key=True)


def _check_entry(report: Report, route: Route, name: str, entry: Any, axes: dict[str, Any]) -> None:
    if not isinstance(entry, dict) or not entry:
        report.add(
            "O220", f"an entry of `{name}` is a mapping of values", route, f"write `{name}: [{{ lang: python }}]`"
        )
        return
    for key, value in entry.items():
        if name == "exclude" and key not in axes:
            near = nearest(key, axes)
            hint = f"did you mean `{near}`?" if near else f"the axes are {names_text(axes)}"
            report.add("O220", f"`exclude` names `{key[:48]}`, which is not an axis", (*route, key), hint, key=True)
        elif name == "include" and key not in axes and (near := nearest(key, axes)):
            hint = f"did you mean the axis `{near}`? If this is a new value, give it a name of its own"
            report.add("O220", f"`include` names `{key[:48]}`, which is almost an axis", (*route, key), hint, key=True)
        _check_constant(report, (*route, key), value)


def _check_constant(report: Report, route: Route, value: Any) -> None:
    if isinstance(value, str) and "${{" in value:
        hint = "let an input give the whole axis: `${{ inputs.langs }}`"
        report.add("O220", "the values of a matrix are constants", route, hint)
    elif value is None:
        report.add("O220", "a value of a matrix is empty", route, "write a value, or remove it")


def _check_computed(graph: Graph, report: Report, route: Route, name: str, text: str) -> None:
    try:
        tree = parse_template(text)
    except ExpressionError:
        tree = None
    late = tree is not None and reads_nodes(text)
    view = views.node(graph, str(route[1]), str(route[3]), {}) if late else views.planning(graph)
    before = len(report.problems)
    tree = check_template(graph, report, view, route, text)
    if len(report.problems) > before:
        return
    shape = ANY if late else shape_of(tree, view.roots) if tree is not None else None
    if shape is None or not (isinstance(shape, ListOf) or shape is ANY):
        hint = f"write `{name}: [a, b]`, or one `${{{{ }}}}` that is an input of type list"
        report.add("O220", f"the axis `{name}` is not a list", route, hint)


def _check_key(graph: Graph, report: Report, route: Route, node: Node) -> None:
    known, partial = root(graph, node)
    plan = views.planning(graph, **known)
    if node.key is not None:
        before = len(report.problems)
        view = View(plan.roots, maybe_roots=partial)
        check_template(graph, report, view, (*route, "key"), node.key)
        if len(report.problems) > before:
            return
    inputs = {
        name: list(declared.default) if isinstance(declared.default, tuple) else declared.default
        for name, declared in graph.pipeline.inputs.items()
        if declared.default is not None
    }
    texts = [text for text in (*_axes(node.matrix or {}).values(), node.key) if isinstance(text, str)]
    used = {
        (reference.root, *reference.parts[:1])
        for text in texts
        for reference in references(parse_template(text) or ["const", 0])
    }
    if any(path[0] != "matrix" and not (path[0] == "inputs" and path[-1] in inputs) for path in used):
        return  # known only when the plan is made, and checked again then
    try:
        expand(node.matrix, node.key, {"inputs": inputs})
    except OrchError as error:
        for problem in error.problems:
            part = "key" if node.key is not None and problem.code != "O220" else "matrix"
            report.add(problem.code, problem.message, (*route, part), problem.hint, key=True)

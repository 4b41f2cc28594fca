"""The texts, paths and outputs of nodes and `finally` nodes."""

from __future__ import annotations

from orch.source.document import Route
from orch.spec.checks import matrices, views
from orch.spec.checks.adapter_nodes import check_adapter_node
from orch.spec.checks.caches import check_cache
from orch.spec.checks.paths import check_path
from orch.spec.checks.secrets import check_node_secrets
from orch.spec.checks.shapes import has_schema
from orch.spec.checks.texts import NO_VALUE, SECRET, View, check_bare, check_template, way_of
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.graph import Graph
from orch.spec.kinds import report_kinds
from orch.spec.node import NODE_KINDS, OUTPUT_TYPES, WORK_KINDS, Node, Work
from orch.spec.report import Report

_PLAIN = {"run", "needs", "timeout", "description", "tags", "trigger_rule", "allow_failure"}


def check_nodes(graph: Graph, report: Report) -> None:
    """Report what is wrong inside nodes."""
    for phase_name, phase in graph.pipeline.phases.items():
        for name, node in phase.nodes.items():
            if _is_plain(node):
                continue
            matrix, partial = matrices.root(graph, node)
            view = views.node(graph, phase_name, name, matrix)
            view = View(view.roots, view.over, view.unsure, view.hint, partial)
            check_work(graph, report, view, ("phases", phase_name, "nodes", name), node)
    if graph.pipeline.finally_:
        ended = views.ended(graph)
        for name, last in graph.pipeline.finally_.items():
            check_work(graph, report, ended, ("finally", name), last)


def _is_plain(node: Node) -> bool:
    """Most nodes of a large pipeline are a script and their needs: nothing here concerns them."""
    script = node.run
    return isinstance(script, str) and node.model_fields_set <= _PLAIN and "${{" not in script and not script.isspace()


def check_work(graph: Graph, report: Report, view: View, route: Route, node: Work) -> None:
    """Report what is wrong with a command and all that belongs to it."""
    if node.if_ is not None:
        check_bare(graph, report, view, (*route, "if"), node.if_)
    loop = node.loop if isinstance(node, Node) else None
    child = node.pipeline if isinstance(node, Node) else None
    if [node.run, node.adapter, loop, child].count(None) != 3:
        known = NODE_KINDS if isinstance(node, Node) else WORK_KINDS
        report_kinds(report, route, [key for key in report.written(route) if key in NODE_KINDS], "node", known)
    if node.run is not None:
        _check_command(graph, report, view, (*route, "run"), node.run, "run")
    check_adapter_node(graph, report, view, route, node)
    check_env(graph, report, view, (*route, "env"), node.env)
    check_node_secrets(graph, report, route, node)
    if node.cwd is not None:
        check_template(graph, report, view, (*route, "cwd"), node.cwd)
        check_path(report, (*route, "cwd"), node.cwd, "a working directory")
    for name, path in node.artifacts.items():
        check_template(graph, report, view, (*route, "artifacts", name), path)
        check_path(report, (*route, "artifacts", name), path, "it", "`cwd`")
    check_cache(graph, report, view, route, node)
    if node.outputs:
        _check_outputs(report, (*route, "outputs"), node)
    if not isinstance(node.effect, str):
        check_template(graph, report, view, (*route, "effect", "once"), node.effect.once)
        if node.effect.probe is not None:
            _check_command(graph, report, view, (*route, "effect", "probe"), node.effect.probe, "probe")
        elif node.retry is not None and node.retry.limit:
            hint = "add a `probe` that says whether it was done, or remove `retry`"
            message = "`retry` of a `once` step without a `probe` could do it twice"
            report.add("O115", message, (*route, "retry"), hint, key=True)
        elif node.retry is None and (given := graph.pipeline.defaults.retry) and given.limit:
            line = report.document.span(("defaults", "retry"), key=True).line
            hint = "add a `probe` that says whether it was done, or write `retry: { limit: 0 }` here"
            message = f"`retry` of `defaults` (line {line}) reaches a `once` step without a `probe`"
            report.add("O115", message, (*route, "effect"), hint, key=True)


def _check_command(
    graph: Graph, report: Report, view: View, route: Route, command: str | tuple[str, ...], what: str
) -> None:
    if not isinstance(command, str):
        for index, argument in enumerate(command):
            check_template(graph, report, view, (*route, index), argument)
    elif (offset := command.find("${{")) >= 0:
        end = command.find("}}", offset)
        part = (command, offset, (end + 2 if end > 0 else len(command)) - offset)
        inner = command[offset : offset + part[2]]
        if secret := SECRET.search(inner):
            part = (command, offset + secret.start(), len(secret[0]))
            report.inside("O501", NO_VALUE, route, part, way_of(secret[1]))
            return
        hint = f'write `env: {{ VALUE: "{inner[:60]}" }}`, and "$VALUE" in the script'
        report.inside("O210", "`${{ }}` in a script: values go through `env`", route, part, hint)
    if isinstance(command, str) and not command.strip():
        report.add("O104", f"`{what}` is empty", route, f"write `{what}: make test`")
    elif not isinstance(command, str) and not command[0].strip():
        report.add("O104", f"`{what}` names no program", (*route, 0), f"write `{what}: [make, test]`")


def check_env(graph: Graph, report: Report, view: View, route: Route, env: dict[str, str]) -> None:
    """The variables of a node or of `defaults`."""
    for name, value in env.items():
        if name.startswith("ORCH_"):
            hint = "the variables that begin with ORCH_ tell a command about its run: use another name"
            report.add("O116", f"`{name[:48]}` is set by orch", (*route, name), hint, key=True)
        check_template(graph, report, view, (*route, name), value)


def _check_outputs(report: Report, route: Route, node: Work) -> None:
    if has_schema(node.outputs):
        path = node.outputs["schema"]
        if "${{" in path:
            report.add("O104", "the path of a schema is a constant", (*route, "schema"), "write the path out")
        else:
            check_path(report, (*route, "schema"), path, "a schema")
        return
    for name, kind in node.outputs.items():
        if isinstance(kind, str) and kind in OUTPUT_TYPES:
            continue
        if name == "schema" and isinstance(kind, str):
            hint = "a schema says all outputs: write `outputs: { schema: schemas/plan.json }` alone"
            report.add("O104", "`schema` beside other outputs", (*route, name), hint, key=True)
            continue
        near = nearest(kind, OUTPUT_TYPES) if isinstance(kind, str) else None
        hint = f"did you mean `{near}`?" if near else f"the types are {names_text(OUTPUT_TYPES)}"
        shown = f"`{kind[:48]}`" if isinstance(kind, str) else "this"
        report.add("O104", f"{shown} is not the type of an output", (*route, name), hint)

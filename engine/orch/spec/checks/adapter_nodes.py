"""The keys of a node that runs a command of an adapter."""

from __future__ import annotations

from orch.source.document import Route
from orch.spec.checks.texts import View, check_template
from orch.spec.graph import Graph
from orch.spec.matrix import is_dynamic, reads_nodes
from orch.spec.node import Node, Work
from orch.spec.report import Report

AUTO = "auto"


def check_adapter_node(graph: Graph, report: Report, view: View, route: Route, node: Work) -> None:
    """Report what is wrong with `adapter` and the keys that belong to it."""
    if node.adapter is None:
        for key in ("command", "args", "one_of"):
            if getattr(node, key):
                hint = "remove it, or write `adapter: auto` in place of the other kind key"
                report.add("O410", f"`{key}` belongs to an `adapter`", (*route, key), hint, key=True)
        return
    if node.command is None:
        hint = "write `command: test`: setup, build, lint, format, check or test"
        report.add("O102", "`command` is missing beside `adapter`", (*route, "adapter"), hint, key=True)
    for index, argument in enumerate(node.args):
        check_template(graph, report, view, (*route, "args", index), argument)
    check_template(graph, report, view, (*route, "adapter"), node.adapter)
    computed = "${{" in node.adapter
    if computed and node.one_of is None:
        hint = "say what it may be: `one_of: [python, node]`"
        report.add("O409", "a computed `adapter` without `one_of`", (*route, "adapter"), hint)
    elif node.one_of is not None and not computed:
        hint = f"remove it: the adapter is always `{node.adapter[:48]}`"
        report.add("O409", "`one_of` beside a name that is not computed", (*route, "one_of"), hint, key=True)
    elif node.one_of is not None and AUTO in node.one_of:
        hint = "name the adapters; `adapter: auto` alone looks at the repository"
        at = (*route, "one_of", node.one_of.index(AUTO))
        report.add("O409", "`auto` is not one of several", at, hint)
    late = isinstance(node, Node) and is_dynamic(node.matrix)
    if node.cwd is not None and (reads_nodes(node.cwd) or ((late or "loop" in route) and "matrix" in node.cwd)):
        hint = "use inputs, the task, or a matrix that is known then"
        report.add("O409", "the `cwd` of an adapter node is looked at when the plan is made", (*route, "cwd"), hint)

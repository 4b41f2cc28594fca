"""Secrets: what is declared has a source, what a node names is declared, and nothing else takes their names."""

from __future__ import annotations

from orch.source.document import Route
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.graph import Graph
from orch.spec.node import Work
from orch.spec.pipeline import Pipeline
from orch.spec.report import Report
from orch.spec.secrets import is_reference, is_reserved


def check_secrets(pipeline: Pipeline, report: Report) -> None:
    """Report what is wrong with the secrets that a pipeline declares."""
    for name, text in pipeline.secrets.items():
        route: Route = ("secrets", name)
        if is_reserved(name):
            hint = "every command needs that variable as it is: give the secret another name"
            report.add("O503", f"`{name[:48]}` cannot be a secret", route, hint, key=True)
        if text.startswith("vault:"):
            hint = f'let a command fetch it before orch is started: `{name[:48]}: "env:{name[:48]}"`'
            report.add("O110", "references to a vault are not part of this version yet", route, hint)
        elif not is_reference(text):
            hint = f'write `{name[:48]}: "env:{name[:48]}"`, or `"file:PATH"` with the whole path or one from the root'
            report.add("O504", f"this does not say where the value of `{name[:48]}` comes from", route, hint)


def check_node_secrets(graph: Graph, report: Report, route: Route, node: Work) -> None:
    """Report what is wrong with the secrets that a node asks for."""
    declared = graph.pipeline.secrets
    for index, name in enumerate(node.secrets):
        at: Route = (*route, "secrets", index)
        if name not in declared:
            near = nearest(name, declared)
            known = f"the secrets are {names_text(declared)}" if declared else "this pipeline declares none"
            hint = f"did you mean `{near}`?" if near else f'{known}: `secrets: {{ {name[:48]}: "env:{name[:48]}" }}`'
            report.add("O502", f"there is no secret `{name[:48]}`", at, hint)
        elif name in node.secrets[:index]:
            report.add("O503", f"`{name}` is named twice", at, "remove one")
        elif name in node.env or name in graph.pipeline.defaults.env:
            where = "`env`" if name in node.env else "`defaults.env`"
            report.add("O503", f"`{name}` is set by {where} too", at, "rename one of the two")

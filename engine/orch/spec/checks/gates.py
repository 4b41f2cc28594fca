"""The texts of gates: conditions, subjects, evidence."""

from __future__ import annotations

import re

from orch.source.document import Route
from orch.spec.checks import views
from orch.spec.checks.paths import check_path
from orch.spec.checks.shapes import of_outputs
from orch.spec.checks.texts import View, check_bare, check_template
from orch.spec.expressions.check import Known
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.gate import Approval
from orch.spec.graph import Graph
from orch.spec.report import Report

_ARTIFACT = re.compile(r"artifact:([^.]*)\.(.*)", re.DOTALL)


def check_gates(graph: Graph, report: Report) -> None:
    """Report what is wrong inside gates."""
    plan = views.planning(graph)
    for phase_name, phase in graph.pipeline.phases.items():
        for name, gate in phase.gates.items():
            route = ("phases", phase_name, "gates", name)
            view = views.gate(graph, phase_name)
            if gate.if_ is not None:
                check_bare(graph, report, view, (*route, "if"), gate.if_)
            if gate.approval is not None:
                _check_approval(graph, report, view, plan, (*route, "approval"), gate.approval)
            elif gate.freshness is not None:
                path = (*route, "freshness", "path")
                check_template(graph, report, plan, path, gate.freshness.path)
                check_path(report, path, gate.freshness.path, "a file")
            elif gate.check is not None:
                check_bare(graph, report, view, (*route, "check", "expr"), gate.check.expr)


def _check_approval(graph: Graph, report: Report, view: View, plan: View, route: Route, approval: Approval) -> None:
    for index, subject in enumerate(approval.subject):
        at = (*route, "subject", index)
        if subject == "git:diff":
            if graph.pipeline.workspace != "branch":
                message = "`git:diff` is the difference of the run's branch, and this pipeline's runs have none"
                report.add("O520", message, at, "set `workspace: branch` on the pipeline, or name the files")
        elif subject.startswith(("artifact:", "output:")):
            _check_node_subject(graph, report, view, at, subject)
        else:
            check_template(graph, report, plan, at, subject)
            check_path(report, at, subject, "a subject")
    for index, name in enumerate(approval.evidence):
        at = (*route, "evidence", index)
        if name in approval.evidence[:index]:
            report.add("O213", f"`{name[:48]}` is named twice in `evidence`", at, "remove one of the two")
        else:
            _is_over(graph, report, view, at, name)


def _check_node_subject(graph: Graph, report: Report, view: View, route: Route, subject: str) -> None:
    name = subject.partition(":")[2].partition(".")[0]
    if name in graph.nodes and graph.nodes[name].matrix is not None:
        hint = "let a node that needs it put what is approved into one artifact"
        report.add("O212", f"`{name}` is a matrix: it has no one output or artifact", route, hint)
        return
    if subject.startswith("output:"):
        name = subject.removeprefix("output:")
        if _is_over(graph, report, view, route, name) and of_outputs(graph.nodes[name].outputs) == Known({}):
            report.add("O212", f"`{name}` declares no outputs", route, "declare them: `outputs: { verdict: string }`")
        return
    found = _ARTIFACT.fullmatch(subject)
    if found is None:
        hint = "write `artifact:<node>.<name>`"
        report.add("O212", f"`{subject[:64]}` does not name an artifact", route, hint)
        return
    name, artifact = found.groups()
    if not _is_over(graph, report, view, route, name):
        return
    declared = graph.nodes[name].artifacts
    if artifact not in declared:
        near = nearest(artifact, declared)
        hint = f"did you mean `{near}`?" if near else f"it declares {names_text(declared)}"
        report.add("O212", f"`{name}` has no artifact `{artifact[:48]}`", route, hint)


def _is_over(graph: Graph, report: Report, view: View, route: Route, name: str) -> bool:
    if name not in graph.nodes:
        near = nearest(name, graph.nodes)
        hint = f"did you mean `{near}`?" if near else f"the nodes are {names_text(graph.nodes)}"
        report.add("O207", f"there is no node `{name[:48]}`", route, hint)
        return False
    if view.over is None or name not in view.over():
        message = f"`{name}` is not certainly over when this gate is looked at"
        report.add("O208", message, route, view.hint(name))
        return False
    return True

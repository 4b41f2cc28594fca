"""Are stubs such as this plan could see, and what do they say of each step? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orch.model.compiled import Compiled
from orch.model.status import FAILED_REASONS
from orch.model.stubs import Stub, Stubs
from orch.plan.called import Names
from orch.source.document import Route
from orch.spec import stubs as written
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.output_types import TYPES, schema_of
from orch.spec.report import Report

_OF_GATES = ("check-failed",)
REASONS = {
    "succeeded": ("ok",),
    "failed": tuple(reason for reason in FAILED_REASONS if reason not in _OF_GATES),
    "skipped": ("no-tests",),
}
"""How an attempt can end; the first is meant where none is written."""


def held_against(plan: Compiled, stubs: written.Stubs, report: Report, route: Route = ()) -> Stubs:
    """The stubs by address. What is not right is added to the report; `route` leads to them in its document."""
    names = Names(plan)
    nodes: dict[str, tuple[Stub, ...]] = {}
    for name, attempts in stubs.nodes.items():
        at = (*route, "nodes", name)
        if (address := names.node(name, report, at)) is None:
            continue
        if (document := names.document(address)) is None:
            hint = "say below `nodes` how the nodes inside of it end: `goal.test`, or `build.goal[login_form]#2.test`"
            report.add("O292", f"`{name}` has no attempts of its own: it ends as its nodes do", at, hint, key=True)
            continue
        several = isinstance(report.written(at), list)
        nodes[address] = tuple(
            _stub(document.get("outputs", {}), one, report, (*at, index) if several else at)
            for index, one in enumerate(attempts)
        )
    gates: dict[str, tuple[str, str]] = {}
    for name, word in stubs.gates.items():
        at = (*route, "gates", name)
        if (address := names.gate(name, report, at)) is None:
            continue
        if plan.action(plan.index_of[address]).step["gate"]["kind"] == "check":
            hint = "say below `nodes` what the nodes give that it reads"
            report.add("O292", f"`{name}` is a check, which follows from outputs", at, hint, key=True)
            continue
        gates[address] = ("succeeded", "ok") if word == "open" else ("waiting", word)
    return Stubs(nodes, gates)


def _stub(declared: Mapping[str, Any], one: written.NodeStub, report: Report, route: Route) -> Stub:
    reasons = REASONS[one.status]
    reason = one.reason or reasons[0]
    if reason not in reasons:
        near = nearest(reason, reasons)
        hint = f"did you mean `{near}`?" if near else f"an attempt that is {one.status} has {names_text(reasons)}"
        report.add("O292", f"no attempt ends {one.status} with `{reason[:48]}`", (*route, "reason"), hint)
    if one.outputs is not None:
        _check_outputs(declared, one, report, (*route, "outputs"))
    code = one.exit_code
    if code is None:
        code = 0 if one.status == "succeeded" else 1 if reason == "command-failed" else None
    elif (code == 0) != (one.status == "succeeded") and reason in ("ok", "command-failed"):
        report.add("O292", f"no attempt ends {one.status} with exit code {code}", (*route, "exit_code"), "leave it out")
    return Stub(one.status, reason, code, one.outputs, one.probe)


def _check_outputs(declared: Mapping[str, Any], one: written.NodeStub, report: Report, route: Route) -> None:
    if one.status != "succeeded":
        report.add("O292", "only an attempt that succeeds gives outputs", route, "leave them out", key=True)
        return
    outputs = one.outputs or {}
    if not declared:
        if outputs:
            hint = "declare them in the pipeline: `outputs: { name: type }`"
            report.add("O291", "the node declares no outputs", route, hint, key=True)
    elif (schema := schema_of(declared)) is not None:
        from orch.spec.output_schema import first_fault

        if (wrong := first_fault(outputs, schema)) is not None:
            report.add("O291", f"not as the schema of the node says: {wrong.message}", (*route, *wrong.path))
    else:
        _check_types(declared, outputs, report, route)


def _check_types(declared: Mapping[str, str], outputs: Mapping[str, Any], report: Report, route: Route) -> None:
    for name in declared:
        if name not in outputs:
            hint = f"write `{name}`, of type {declared[name]}"
            report.add("O291", f"`{name}` is missing, which the node declares", route, hint, key=True)
    for name, value in outputs.items():
        at = (*route, name)
        if name not in declared:
            near = nearest(name, declared)
            hint = f"did you mean `{near}`?" if near else f"the node declares {names_text(declared)}"
            report.add("O291", f"the node does not declare `{name[:48]}`", at, hint, key=True)
        elif not TYPES[declared[name]](value):
            report.add("O291", f"`{name}` is not of type {declared[name]}, as the node declares", at)

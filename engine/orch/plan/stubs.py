"""Are stubs such as this plan could see, and what do they say of each step? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orch.model.compiled import GATE, Compiled
from orch.model.status import FAILED_REASONS
from orch.model.stubs import Stub, Stubs
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
        several = isinstance(report.written(at), list)
        nodes[address] = tuple(
            _stub(plan, names.step(address), one, report, (*at, index) if several else at)
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


class Names:
    """The names that the steps of a plan may be called by."""

    def __init__(self, plan: Compiled) -> None:
        self._plan = plan
        gates = {address for step, address in enumerate(plan.addresses) if plan.kinds[step] == GATE}
        self._gates = _with_ids(sorted(gates), plan)
        self._nodes = _with_ids((address for address in plan.index_of if address not in gates), plan)

    def node(self, name: str, report: Report, route: Route) -> str | None:
        """The address that is meant, of a node or a whole matrix; None where there is none, which is reported."""
        return self._meant(name, "node", self._nodes, report, route)

    def gate(self, name: str, report: Report, route: Route) -> str | None:
        """The address of the gate that is meant; None where there is none, which is reported."""
        return self._meant(name, "gate", self._gates, report, route)

    def step(self, address: str) -> int:
        """The step of an address, of a matrix any of its children; -1 where it has none."""
        index = self._plan.index_of[address]
        if not self._plan.is_group(index):
            return index
        return next(iter(self._plan.group_children.get(index, ())), -1)

    def _meant(self, name: str, what: str, known: Mapping[str, str], report: Report, route: Route) -> str | None:
        if (address := known.get(name)) is not None:
            return address
        others = self._gates if what == "node" else self._nodes
        near = nearest(name, known)
        if name in others:
            hint = f"move it below `{'gates' if what == 'node' else 'nodes'}`"
        else:
            hint = f"did you mean `{near}`?" if near else f"known here: {names_text(dict.fromkeys(known.values()))}"
        report.add("O290", f"the pipeline has no {what} `{name[:100]}`", route, hint, key=True)
        return None


def _with_ids(addresses: Iterable[str], plan: Compiled) -> dict[str, str]:
    every = {address: address for address in addresses}
    by_index = {plan.index_of[address]: address for address in every}
    return every | {name: by_index[index] for name, index in plan.ids.items() if index in by_index}


def _stub(plan: Compiled, step: int, one: written.NodeStub, report: Report, route: Route) -> Stub:
    reasons = REASONS[one.status]
    reason = one.reason or reasons[0]
    if reason not in reasons:
        near = nearest(reason, reasons)
        hint = f"did you mean `{near}`?" if near else f"an attempt that is {one.status} has {names_text(reasons)}"
        report.add("O292", f"no attempt ends {one.status} with `{reason[:48]}`", (*route, "reason"), hint)
    if one.outputs is not None:
        _check_outputs(plan, step, one, report, (*route, "outputs"))
    code = one.exit_code
    if code is None:
        code = 0 if one.status == "succeeded" else 1 if reason == "command-failed" else None
    elif (code == 0) != (one.status == "succeeded") and reason in ("ok", "command-failed"):
        report.add("O292", f"no attempt ends {one.status} with exit code {code}", (*route, "exit_code"), "leave it out")
    return Stub(one.status, reason, code, one.outputs, one.probe)


def _check_outputs(plan: Compiled, step: int, one: written.NodeStub, report: Report, route: Route) -> None:
    if one.status != "succeeded":
        report.add("O292", "only an attempt that succeeds gives outputs", route, "leave them out", key=True)
        return
    declared: Mapping[str, Any] = plan.action(step).step.get("outputs", {}) if step >= 0 else {}
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


def read_steps(plan: Compiled) -> list[int]:
    """The steps that expressions of others, or of the pipeline's outputs, read; in the plan's order."""
    names = {node for action in plan.action_table for node in action.reads} | set(plan.output_reads)
    read = {plan.ids[name] for name in names if name in plan.ids}
    read |= {child for index in list(read) for child in plan.group_children.get(index, ())}
    return sorted(index for index in read if not plan.is_group(index))

"""Is what a case says such as this plan could come to? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orch.gates.rehearsed import Said
from orch.model.compiled import Compiled
from orch.model.status import (
    CANCELLED_REASONS,
    FAILED_REASONS,
    SKIPPED_REASONS,
    SUCCEEDED_REASONS,
    WAITING_REASONS,
)
from orch.model.stubs import Stub, Stubs
from orch.plan.called import Names
from orch.plan.stubs import held_against
from orch.spec.case import Ending, PipelineCase
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.report import Report

OF_STATUS: Mapping[str, tuple[str, ...]] = {
    "succeeded": tuple(reason for reason in SUCCEEDED_REASONS if reason != "cached"),  # a rehearsal has no cache
    "failed": tuple(reason for reason in FAILED_REASONS if reason != "check-failed"),
    "skipped": SKIPPED_REASONS,
    "cancelled": CANCELLED_REASONS,
    "waiting": ("in-doubt",),
    "queued": (),
}
GATE_WORDS = (
    "open",
    *(reason for reason in WAITING_REASONS if reason not in ("in-doubt", "retry-delay")),
    "check-failed",
    "expression-error",
    "if-false",
    "phase-not-reached",
    "cancelled",
    "queued",
)


class Case(NamedTuple):
    """A case, with addresses. `said` None: approvals without a stub are open."""

    stubs: Stubs
    said: tuple[Said, ...] | None
    authors: tuple[str, ...]
    status: str | None
    nodes: Mapping[str, Ending]
    gates: Mapping[str, str]
    order: tuple[str, ...]
    outputs: Mapping[str, Any]


def case_of(plan: Compiled, case: PipelineCase, report: Report) -> Case:
    """The case by addresses. What is not right is added to the report."""
    names, expect = Names(plan), case.expect
    stubs = held_against(plan, case.stubs, report, ("stubs",))
    nodes = {}
    for name, ending in expect.nodes.items():
        if (address := names.node(name, report, ("expect", "nodes", name))) is not None:
            nodes[address] = ending
        _check_reason(name, ending, report)
    gates = {}
    for name, word in expect.gates.items():
        at = ("expect", "gates", name)
        if (address := names.gate(name, report, at)) is not None:
            gates[address] = word
        if word not in GATE_WORDS:
            near = nearest(word, GATE_WORDS)
            hint = f"did you mean `{near}`?" if near else f"a gate is {names_text(GATE_WORDS)}"
            report.add("O292", f"no gate is `{word[:48]}`", at, hint)
    order = _order(expect.order, names, report)
    for name in expect.outputs:
        if name not in plan.outputs:
            hint = f"its outputs are {names_text(plan.outputs)}"
            report.add("O290", f"the pipeline has no output `{name}`", ("expect", "outputs", name), hint, key=True)
    said = _decisions(plan, case, names, report)
    default = stubs._replace(default=Stub())
    return Case(default, said, case.authors, expect.status, nodes, gates, order, expect.outputs)


def _order(called: tuple[str, ...], names: Names, report: Report) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for index, name in enumerate(called):
        at = ("expect", "order", index)
        address = names.node(name, report, at)
        if address is not None and address in found:
            message = f"`{name}` stands in this order already, as `{found[address]}`"
            report.add("O292", message, at, "name each node once: none begins after it has ended itself")
        elif address is not None:
            found[address] = name
    return tuple(found)


def _check_reason(name: str, ending: Ending, report: Report) -> None:
    reasons = OF_STATUS[ending.status]
    if ending.reason is not None and ending.reason not in reasons:
        near = nearest(ending.reason, reasons)
        hint = f"did you mean `{near}`?" if near else f"a node that is {ending.status} has {names_text(reasons)}"
        message = f"no node is {ending.status} with `{ending.reason[:48]}`"
        report.add("O292", message, ("expect", "nodes", name, "reason"), hint)


def _decisions(plan: Compiled, case: PipelineCase, names: Names, report: Report) -> tuple[Said, ...] | None:
    roles: Mapping[str, list[str]] = plan.head["roles"]
    people = {*plan.head["people"], *(handle for handles in roles.values() for handle in handles)}
    for index, author in enumerate(case.authors):
        _check_known(author, "person", people, report, ("authors", index))
    if case.decisions is None:
        return None
    said = []
    for index, one in enumerate(case.decisions):
        at = ("decisions", index)
        _check_known(one.role, "role", roles, report, (*at, "role"))
        _check_known(one.by, "person", people, report, (*at, "by"))
        address = names.gate(one.gate, report, (*at, "gate"))
        if address is None:
            continue
        if (kind := plan.action(plan.index_of[address]).step["gate"]["kind"]) != "approval":
            message = f"`{one.gate}` is a {kind} gate: nobody decides about it"
            report.add("O292", message, (*at, "gate"), "say below `stubs` how it stands, or what nodes give")
        said.append(Said(address, one.decision, one.role, one.by))
    return tuple(said)


def _check_known(name: str, what: str, known: Any, report: Report, route: tuple[str | int, ...]) -> None:
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean `{near}`?" if near else f"known there: {names_text(known)}"
        report.add("O294", f"orch.yaml has no {what} `{name}`", route, hint)

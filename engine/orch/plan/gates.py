"""Gate → step: subjects filled in, references as full addresses, trust raised to the project's floor. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from orch.model.names import step_name
from orch.model.plan import StepDoc
from orch.plan.fill import fill
from orch.plan.nodes import Expansion
from orch.spec.gate import Approval, Freshness, Gate
from orch.spec.project import Project

_TRUST = ("file", "committed")


def gate_doc(
    address: str,
    gate: Gate,
    scope: Mapping[str, Any],
    addresses: Mapping[str, str],
    expansions: Mapping[str, Expansion],
    project: Project,
    child: str | None = None,
) -> StepDoc:
    """The step of a gate. `addresses` maps node ids to addresses; `expansions` holds those that are matrices; `child`
    is the name of the child pipeline that it stands in."""
    name = step_name(address)
    content: dict[str, Any]
    if gate.approval is not None:
        content = _approval(name, gate.approval, scope, addresses, expansions, project)
    elif gate.freshness is not None:
        content = _freshness(name, gate.freshness, scope)
    else:
        assert gate.check is not None, "a gate has exactly one kind"
        content = {"kind": "check", "name": name, "expr": gate.check.expr}
    if child is not None:  # its decisions are the child's, its commands name this place of it
        content |= {"pipeline": child, "called": address}
        if scope["inputs"] and gate.approval is not None:  # what is decided is decided about a child with these
            inputs = json.dumps(scope["inputs"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            content["inputs"] = hashlib.sha256(inputs.encode()).hexdigest()
    doc: StepDoc = {"address": address, "gate": content}
    if gate.if_ is not None:
        doc["if"] = gate.if_
    if gate.description:
        doc["description"] = gate.description
    return doc


def _approval(
    name: str,
    approval: Approval,
    scope: Mapping[str, Any],
    addresses: Mapping[str, str],
    expansions: Mapping[str, Expansion],
    project: Project,
) -> dict[str, Any]:
    evidence: list[str] = []
    for node in approval.evidence:
        expansion = expansions.get(node)
        evidence += [child for child, _ in expansion.children] if expansion else [addresses[node]]
    floor = "committed" if approval.exclude else "file"
    trust = max(approval.trust or floor, project.policy.trust, key=_TRUST.index)
    return {
        "kind": "approval",
        "name": name,
        "subject": [_subject(str(fill(item, scope, f"subject of `{name}`")), addresses) for item in approval.subject],
        "require": dict(approval.require),
        "exclude": list(approval.exclude),
        "max_age_seconds": approval.max_age,
        "evidence": evidence,
        "trust": trust,
    }


def _freshness(name: str, freshness: Freshness, scope: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "freshness",
        "name": name,
        "path": str(fill(freshness.path, scope, f"path of `{name}`")),
        "max_age_seconds": freshness.max_age,
        "field": freshness.field,
    }


def _subject(item: str, addresses: Mapping[str, str]) -> str:
    kind, colon, reference = item.partition(":")
    if not colon or kind not in ("artifact", "output"):
        return item
    node, _, rest = reference.partition(".")
    return f"{kind}:{addresses[node]}{'.' + rest if rest else ''}"

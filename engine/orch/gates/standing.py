"""Does this one decision count? Pure: who decided what, against the gate, the facts and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orch.gates import dates, words
from orch.gates.facts import ApprovalFacts, DecisionFacts, inputs_of
from orch.gates.verdict import Reason

Effect = Literal["counts", "rejects", "shuts", "void"]
_TRUST = ("file", "committed", "signed")


@dataclass(frozen=True, slots=True)
class Standing:
    """`counts` fills a place, `rejects` and `shuts` keep the gate shut, `void` does nothing. `why` is for people;
    `reason` is what the gate is shut for where only this decision is in the way; `days_left` until it expires."""

    effect: Effect
    decision: DecisionFacts
    why: str = ""
    reason: Reason = "needs-decision"
    uncommitted: bool = False
    days_left: int | None = None


def trust_of(gate: Mapping[str, Any], facts: ApprovalFacts) -> str:
    """The stricter of what the plan pinned and today's policy."""
    pinned: str = gate.get("trust", "file")
    return max(pinned, facts["trust_floor"], key=_TRUST.index)


def standing(decision: DecisionFacts, gate: Mapping[str, Any], facts: ApprovalFacts, at: float) -> Standing:
    """The first thing that is wrong with the decision, or that it counts. Foreign and withdrawn decisions are void;
    what names an unknown role or person may be a rejection that was mistyped, and shuts."""
    if "problem" in decision:
        return Standing("shuts", decision, f"{decision['file']} does not hold: {words.trouble(decision['problem'])}")
    role, by = decision["role"], decision["by"]
    who = f"decision of {by} as {role}"
    for key in ("project", "pipeline", "task"):
        if decision[key] != facts[key]:
            return Standing("void", decision, f"{who} is for another {key}: {decision[key]}")
    if decision["gate"] != gate["name"]:
        return Standing("void", decision, f"{who} is for another gate: {decision['gate']}")
    if decision.get("inputs") not in (None, inputs_of(gate)):
        return Standing("void", decision, f"{who} is for other inputs of {decision['pipeline']}")
    if decision["decision"] == "revoked":
        return Standing("void", decision, f"{by} revoked the decision as {role}")
    pinned, today = facts["roles"]["pinned"], facts["roles"]["today"]
    if role not in pinned and role not in today:
        return Standing("shuts", decision, f"{who} in {decision['file']} names a role that orch.yaml does not know")
    if by not in facts["people"]:
        return Standing("shuts", decision, f"{who} in {decision['file']} names a person that orch.yaml does not know")
    was_given, is_given = by in pinned.get(role, ()), by in today.get(role, ())
    if decision["decision"] == "rejected" and (was_given or is_given):
        return _rejected(decision, gate, facts)
    if not is_given:
        return Standing("void", decision, f"{who} does not count: orch.yaml does not give {by} that role")
    if not was_given:
        return Standing("void", decision, f"{who} does not count: {by} did not have that role when the run was planned")
    return _approved(decision, gate, facts, at)


def is_for_all(decision: DecisionFacts, gate: Mapping[str, Any]) -> bool:
    """Whether it names no inputs, and the gate's pipeline was opened with some: it may shut, and never opens."""
    return "inputs" in gate and "inputs" not in decision


def _rejected(decision: DecisionFacts, gate: Mapping[str, Any], facts: ApprovalFacts) -> Standing:
    why = f"rejected by {decision['by']} as {decision['role']}"
    if is_for_all(decision, gate):
        why += f" for all inputs of {decision['pipeline']}"
    if decision["subject"] != facts["subject"]["digest"]:
        why += f", about other content: {words.changed(decision.get('changed'))}"
    if decision["place"] == "HEAD":
        why += f"; {decision['file']} differs in the working tree, but is not committed so"
    return Standing("rejects", decision, why, "rejected")


def _approved(decision: DecisionFacts, gate: Mapping[str, Any], facts: ApprovalFacts, at: float) -> Standing:
    by = decision["by"]
    who = f"decision of {by} as {decision['role']}"
    if is_for_all(decision, gate):
        return Standing("void", decision, f"{who} names no inputs, and {decision['pipeline']} was opened with some")
    if decision["role"] not in gate["require"]:
        return Standing("void", decision, f"{who} fills no place: the gate does not ask for that role")
    if by in facts.get("authors", {"handles": []})["handles"]:
        return Standing("void", decision, f"{who} does not count: {by} is an author of the subject")
    if any(problem["kind"] == "not-known-yet" for problem in facts["subject"]["problems"]):
        return Standing("void", decision, f"{who} cannot be compared with the subject yet")
    if decision["subject"] != facts["subject"]["digest"]:
        what = words.changed(decision.get("changed"))
        return Standing("void", decision, f"{who} is about other content: {what}", "stale")
    moment = dates.parse_moment(decision["date"])
    if moment is None or dates.is_future(moment, at):
        return Standing("void", decision, f"{who} is dated {decision['date']}, in the future", "not-yet-valid")
    limit = gate.get("max_age_seconds")
    age = dates.age_seconds(moment, at)
    if limit is not None and age > limit:
        why = f"{who} is {words.age(age)} old, limit {words.age(limit)}"
        return Standing("void", decision, why, "expired")
    if trust_of(gate, facts) != "file" and (decision["place"] == "HEAD" or not decision["committed"]):
        why = f"{decision['file']} is not committed as it is" + (
            f" ({words.trouble(facts['git'])})" if "git" in facts else ""
        )
        return Standing("void", decision, why, uncommitted=decision["place"] == "tree")
    left = None if limit is None else int((limit - age) // dates.DAY_SECONDS)
    return Standing("counts", decision, days_left=left)

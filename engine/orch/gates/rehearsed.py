"""The facts of an approval gate in a run that is only simulated: the decisions and authors that a case names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orch.gates.facts import (
    ApprovalFacts,
    AuthorFacts,
    DecisionFacts,
    RoleFacts,
    SubjectFacts,
    inputs_of,
    subject_digest,
)

_FILES = [["100644", "0" * 64, "the-subject"]]
_WORDS = {"approve": "approved", "reject": "rejected"}


class Said(NamedTuple):
    """Somebody decided (approve or reject) about the gate of an address."""

    gate: str
    decision: str
    role: str
    by: str


def rehearsed_facts(
    gate: Mapping[str, Any], head: Mapping[str, Any], said: Iterable[Said], authors: Sequence[str], day: str
) -> ApprovalFacts:
    """What the gate would see if these were all the decisions about it, each committed and about the subject as it is,
    made on that day. `head` is the plan's."""
    digest = subject_digest(_FILES)
    decisions = [_decision(one, gate, head, digest, day) for one in said]
    roles = {role: list(handles) for role, handles in head["roles"].items()}
    facts = ApprovalFacts(
        kind="approval",
        project=head["project"].get("id"),
        pipeline=head["pipeline"]["name"],
        task=head["task"],
        trust_floor="file",
        subject=SubjectFacts(digest=digest, files=_FILES, problems=[]),
        decisions=decisions,
        people=sorted({*head["people"], *(handle for handles in roles.values() for handle in handles)}),
        roles=RoleFacts(pinned=roles, today=roles),
    )
    if "author" in gate.get("exclude", ()):
        facts["authors"] = AuthorFacts(handles=list(authors), problems=[])
    return facts


def _decision(one: Said, gate: Mapping[str, Any], head: Mapping[str, Any], digest: str, day: str) -> DecisionFacts:
    facts = DecisionFacts(
        file=f"{gate['name']}.{one.role}.{one.by}.yaml",
        place="tree",
        committed=True,
        decision=_WORDS[one.decision],
        role=one.role,
        by=one.by,
        date=day,
        subject=digest,
        project=head["project"].get("id", ""),
        pipeline=head["pipeline"]["name"],
        task=head["task"],
        gate=gate["name"],
    )
    if inputs := inputs_of(gate):
        facts["inputs"] = inputs
    return facts

"""A gate as the journal saw it last: what it asks, who decided, and about what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from orch.gates.facts import ApprovalFacts
from orch.gates.standing import standing
from orch.review.case import Case

_MAX_FILES = 50


class DecisionSeen(NamedTuple):
    """`effect` is counts, rejects, shuts or void, and `why` says why it does not count."""

    by: str
    role: str
    decision: str
    date: str
    comment: str
    subject: str
    effect: str
    why: str

    @property
    def effects(self) -> str:
        """Both in one."""
        return f"{self.effect}: {self.why}" if self.why else self.effect


class GateSeen(NamedTuple):
    """`subject` is the digest of what is asked about, `files` the first of its lines (mode, sha256, path); `looked_ms`
    when it was looked at last, 0 for never."""

    address: str
    gate: dict[str, Any]
    status: str
    reason: str | None
    sentence: str
    subject: str | None
    files: Sequence[Sequence[str]]
    more_files: int
    decisions: Sequence[DecisionSeen]
    looked_ms: int


def gate_seen(case: Case) -> GateSeen:
    """The gate as it was last looked at."""
    record, gate = case.record, case.doc["gate"]
    facts: Any = record.facts or {}
    subject = facts.get("subject") or {}
    files = subject.get("files") or []
    decisions = []
    for one in facts.get("decisions", ()):
        stands = standing(one, gate, cast(ApprovalFacts, facts), record.looked_at / 1000)
        told = (
            one["by"],
            one["role"],
            one["decision"],
            one["date"],
            one.get("reason", ""),
            one["subject"],
        )
        decisions.append(DecisionSeen(*told, stands.effect, stands.why))
    return GateSeen(
        case.address,
        gate,
        case.state.status[case.step].word,
        case.reason,
        case.state.sentence.get(case.step, "").partition(" — ")[0],
        subject.get("digest"),
        files[:_MAX_FILES],
        max(0, len(files) - _MAX_FILES),
        decisions,
        record.looked_at,
    )

"""May this gate open? Pure: the gate as planned, the facts as observed and the time come in as values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, cast

from orch.gates import words
from orch.gates.facts import ApprovalFacts, FreshnessFacts, Trouble, subject_digest
from orch.gates.freshness import WARN_DAYS, judge_freshness
from orch.gates.matching import fill
from orch.gates.standing import Standing, is_for_all, standing, trust_of
from orch.gates.verdict import Context, Reason, Verdict

_WEIGHT: tuple[Reason, ...] = ("stale", "expired", "not-yet-valid")


def judge(gate: Mapping[str, Any], facts: Mapping[str, Any], at: float, context: Context) -> Verdict:
    """`gate` is the plan's, `facts` are those of `orch.gates.facts`, `at` is UTC seconds since the epoch and never
    below the largest time in the journal. The same arguments give the same verdict, word for word."""
    if gate["kind"] == "freshness":
        return judge_freshness(gate, cast(FreshnessFacts, facts), at, context)
    return _judge_approval(gate, cast(ApprovalFacts, facts), at, context)


def _judge_approval(gate: Mapping[str, Any], facts: ApprovalFacts, at: float, context: Context) -> Verdict:
    # roles that few have are filled first, so that whoever is missing can be found among more
    authors = facts.get("authors", {"handles": []})["handles"]
    by_scarcity = sorted(gate["require"], key=lambda role: (len(_able(role, facts).difference(authors)), role))
    places = [role for role in by_scarcity for _ in range(gate["require"][role])]
    standings = [standing(decision, gate, facts, at) for decision in facts["decisions"]]
    troubles = _troubles(gate, facts)
    offers: dict[str, list[str]] = {}
    for one in standings:
        if one.effect == "counts" and not troubles:
            offers.setdefault(one.decision["role"], []).append(one.decision["by"])
    seats = sorted(zip(places, fill(places, offers), strict=True), key=lambda seat: seat[0])
    missing = tuple(role for role, person in seats if person is None)
    have, need = len(places) - len(missing), len(places)
    notes = [one.why for one in standings if one.effect != "counts" and not _said_by_tree(one, standings)]
    if "unread" in facts:
        notes = []  # nobody is known then, which says nothing about who decided

    rejecting = next((one for one in standings if one.effect == "rejects"), None)
    if rejecting is not None:
        others = [note for note in notes if note != rejecting.why]
        command = _supersede(gate, facts, rejecting, standings, context)
        said = f"{_joined(rejecting.why, others)} — to supersede it: {command}"
        return Verdict("waiting", "rejected", said, have, need, missing, command)
    if troubles:
        command = _remedy(troubles[0]) or context.show(_called(gate))
        said = "; ".join(f"{about}: {words.trouble(what)}" for about, what in _told(troubles))
        return Verdict("waiting", "needs-decision", f"{_joined(said, notes)} — {command}", have, need, missing, command)
    if missing:
        headline = f"needs {len(missing)} more: {', '.join(missing)}"
        notes += _nobody(missing, facts)
        seated = {person for _, person in seats if person is not None}
        command = _supply(gate, facts, missing, seated, standings, context)
        said = f"{_joined(headline, notes)} — {command}"
        return Verdict("waiting", _reason(standings, missing), said, have, need, missing, command)
    if any(one.effect == "shuts" for one in standings):
        command = context.show(_called(gate))
        said = f"{_joined('shut by a decision that cannot be taken at its word', notes)} — {command}"
        return Verdict("waiting", "needs-decision", said, have, need, (), command)
    return _open([(role, person or "") for role, person in seats], standings, notes)


def _open(seats: Sequence[tuple[str, str]], standings: Sequence[Standing], notes: list[str]) -> Verdict:
    lasts = {(one.decision["role"], one.decision["by"]): one.days_left for one in standings if one.effect == "counts"}
    limits = [left for seat in seats if (left := lasts[seat]) is not None]
    left = min(limits) if limits else None
    said = "approved by " + ", ".join(f"{person} as {role}" for role, person in seats)
    warn = left is not None and left <= WARN_DAYS
    if warn:
        said += f"; the first of these expires in {words.days(left or 0)}"
    return Verdict("succeeded", "ok", _joined(said, notes), len(seats), len(seats), days_left=left, warn=warn)


def _troubles(gate: Mapping[str, Any], facts: ApprovalFacts) -> list[tuple[str, Trouble]]:
    """What keeps the gate shut whoever decides. The digest is computed again: a record that says another is wrong."""
    subject = facts["subject"]
    found = [("orch.yaml", facts["unread"])] if "unread" in facts else []
    found += [("the subject", what) for what in subject["problems"]]
    if not found and not subject["files"]:
        found.append(("the subject", Trouble(kind="empty", about="")))
    if not found and subject["digest"] != subject_digest(subject["files"]):
        found.append(("the subject", Trouble(kind="bad-file", about="its digest is not that of its files")))
    if facts["project"] is None:
        found.append(("the project", Trouble(kind="bad-file", about="orch.yaml has no id")))
    if trust_of(gate, facts) == "signed":
        found.append(("the policy", Trouble(kind="signed", about="")))
    if "author" in gate.get("exclude", ()) and "authors" not in facts:
        found.append(("the authors", Trouble(kind="bad-file", about="they were not looked for")))
    if "authors" in facts:
        found += [("the authors", what) for what in facts["authors"]["problems"]]
    return found


def _told(troubles: Sequence[tuple[str, Trouble]]) -> list[tuple[str, Trouble]]:
    """The first few; the rest is counted by the command that follows."""
    return list(troubles[: words.NAMES_SHOWN])


def _remedy(trouble: tuple[str, Trouble]) -> str | None:
    about, what = trouble
    if what["kind"] == "shallow":
        return "git fetch --unshallow"
    if what["kind"] == "uncommitted":
        folder, _, name = what["about"].rpartition("/")
        return _commit(folder or "." if "\\" in name else what["about"])  # an escape is not how git calls the file
    return {"the project": "orch init", "orch.yaml": "orch validate"}.get(about)


def _commit(path: str) -> str:
    return f"git add -- {shlex.quote(path)} && git commit -m {shlex.quote('Record ' + path)} -- {shlex.quote(path)}"


def _supply(
    gate: Mapping[str, Any],
    facts: ApprovalFacts,
    missing: Sequence[str],
    seated: set[str],
    standings: Sequence[Standing],
    context: Context,
) -> str:
    """A decision that only has to be committed comes before asking for another. Who fills a place already fills no
    other; where one person is left who may, it is they who are asked."""
    for one in standings:
        if one.uncommitted and one.decision["role"] in missing:
            return _commit(one.decision["file"])
    left = _able(missing[0], facts).difference(facts.get("authors", {"handles": []})["handles"], seated)
    return context.approve(
        _called(gate), missing[0], left.pop() if len(left) == 1 else None, facts["subject"]["digest"]
    )


def _supersede(
    gate: Mapping[str, Any], facts: ApprovalFacts, rejecting: Standing, standings: Sequence[Standing], context: Context
) -> str:
    """What lifts a rejection: the commit of what already supersedes it in the tree; else an approval, or its
    withdrawal where that person may not approve, or an approval would leave it there."""
    one = rejecting.decision
    if one["place"] == "HEAD" and _in_tree(rejecting, standings):
        return _commit(one["file"])
    role, by = one["role"], one["by"]
    if (
        role in gate["require"]
        and not is_for_all(one, gate)
        and by in _able(role, facts)
        and by not in facts.get("authors", {"handles": []})["handles"]
    ):
        return context.approve(_called(gate), role, by, facts["subject"]["digest"])
    return context.revoke(_called(gate), role, by)


def _nobody(missing: Sequence[str], facts: ApprovalFacts) -> list[str]:
    """Places that no decision can fill, because nobody may decide."""
    authors = facts.get("authors", {"handles": []})["handles"]
    said = []
    for role in sorted(set(missing)):
        able = _able(role, facts)
        if not able:
            said.append(f"orch.yaml gives the role {role} to nobody")
        elif not able - set(authors):
            said.append(f"everybody with the role {role} is an author")
    return said


def _able(role: str, facts: ApprovalFacts) -> set[str]:
    """Who has the role, both as the run was planned and today."""
    return set(facts["roles"]["pinned"].get(role, ())) & set(facts["roles"]["today"].get(role, ()))


def _reason(standings: Sequence[Standing], missing: Sequence[str]) -> Reason:
    """Where decisions for the missing roles are there but do not count, the gate is shut for their reason."""
    found = {one.reason for one in standings if one.effect == "void" and one.decision["role"] in missing}
    return next((reason for reason in _WEIGHT if reason in found), "needs-decision")


def _said_by_tree(one: Standing, standings: Sequence[Standing]) -> bool:
    """A committed file that the tree has in another form is spoken of once, as the tree's."""
    return one.decision["place"] == "HEAD" and one.effect == "void" and _in_tree(one, standings)


def _in_tree(one: Standing, standings: Sequence[Standing]) -> bool:
    return any(other.decision["file"] == one.decision["file"] and other is not one for other in standings)


def _joined(headline: str, notes: Sequence[str]) -> str:
    return "; ".join([headline, *notes])


def _called(gate: Mapping[str, Any]) -> str:
    """What a command names it by: one of a child pipeline by its address, since there may be several of one name."""
    return str(gate.get("called", gate["name"]))

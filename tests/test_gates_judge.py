"""May this gate open? The verdicts of approval and freshness gates from facts alone."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.gates.dates import age_seconds, is_future, parse_moment
from orch.gates.facts import subject_digest
from orch.gates.judge import judge
from orch.gates.matching import fill
from orch.gates.verdict import Context, Verdict

FILES = [["100644", "a" * 64, "tasks/0001-prd.md"]]
DIGEST = subject_digest(FILES)
OTHER = subject_digest([["100644", "b" * 64, "tasks/0001-prd.md"]])
RUN = Context(run="20261122-1")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2026-11-22T12:00:00")
ROLES = {"product": ["lead", "dev1"], "engineering": ["lead", "dev1", "dev2"], "design": ["writer"]}


def decision(by: str = "lead", role: str = "product", **other: Any) -> dict[str, Any]:
    return {
        "file": f"tasks/0001/decisions/ship.prd.{role}.{by}.yaml",
        "place": "tree",
        "committed": False,
        "decision": "approved",
        "role": role,
        "by": by,
        "date": "2026-11-20",
        "subject": DIGEST,
        "project": "id-1",
        "pipeline": "ship",
        "task": "0001",
        "gate": "prd",
    } | other


def facts(*decisions: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "kind": "approval",
        "project": "id-1",
        "pipeline": "ship",
        "task": "0001",
        "trust_floor": "file",
        "subject": {"digest": DIGEST, "files": FILES, "problems": []},
        "decisions": list(decisions),
        "people": ["dev1", "dev2", "lead", "writer"],
        "roles": {"pinned": ROLES, "today": ROLES},
    } | other


def gate(**other: Any) -> dict[str, Any]:
    return {
        "kind": "approval",
        "name": "prd",
        "subject": ["tasks/0001-prd.md"],
        "require": {"product": 1},
        "exclude": [],
        "max_age_seconds": None,
        "evidence": [],
        "trust": "file",
    } | other


def look(*decisions: dict[str, Any], now: float = NOW, of: dict[str, Any] | None = None, **other: Any) -> Verdict:
    return judge(of or gate(), facts(*decisions, **other), now, RUN)


def test_a_gate_without_decisions_says_what_is_missing_and_the_command_that_supplies_it() -> None:
    command = f"orch approve prd --role product --by NAME --run 20261122-1 --subject {DIGEST}"
    assert look() == Verdict(
        "waiting", "needs-decision", f"needs 1 more: product — {command}", 0, 1, ("product",), command
    )


def test_a_command_without_a_run_names_the_pipeline_and_its_inputs() -> None:
    context = Context(None, "pipelines/ship.yaml", (("task", "0001"), ("note", "it's new")))
    command = judge(gate(), facts(), NOW, context).next
    assert command == (
        "orch approve prd --role product --by NAME --pipeline pipelines/ship.yaml"
        f""" --input task=0001 --input 'note=it'"'"'s new' --subject {DIGEST}"""
    )
    context = Context(None, "pipelines/ship.yaml", task="0002")
    assert judge(gate(), facts(), NOW, context).next == (
        f"orch approve prd --role product --by NAME --pipeline pipelines/ship.yaml --task 0002 --subject {DIGEST}"
    )


@pytest.mark.parametrize(
    ("roles", "other", "who"),
    [
        ({"product": ["lead"]}, {}, "lead"),
        ({"product": ["lead", "dev1"]}, {}, "NAME"),
        ({"product": ["lead", "dev1"]}, {"authors": {"handles": ["lead"], "problems": []}}, "dev1"),
        ({"product": []}, {}, "NAME"),
    ],
)
def test_a_printed_approval_names_who_decides_where_only_one_person_can(
    roles: dict[str, list[str]], other: dict[str, Any], who: str
) -> None:
    known = {"authors": {"handles": [], "problems": []}, **other, "roles": {"pinned": roles, "today": roles}}
    command = look(of=gate(exclude=["author"]), **known).next
    assert command is not None
    assert f" --by {who} " in command
    assert shlex.split(command)[:7] == ["orch", "approve", "prd", "--role", "product", "--by", who]
    assert not set("<>|&;") & set(command), "a shell takes it as it is"


def test_who_fills_a_place_already_is_not_asked_for_another() -> None:
    command = look(decision(), of=gate(require={"product": 2})).next
    assert command is not None
    assert " --by dev1 " in command


def test_missing_roles_are_named_with_repeats() -> None:
    verdict = look(decision(), of=gate(require={"product": 1, "engineering": 2}))
    assert (verdict.have, verdict.need, verdict.missing) == (1, 3, ("engineering", "engineering"))
    assert verdict.sentence.startswith("needs 2 more: engineering, engineering — orch approve prd --role engineering")


def test_a_decision_of_the_right_person_about_the_present_content_opens_the_gate() -> None:
    verdict = look(decision())
    assert (verdict.status, verdict.reason, verdict.have, verdict.need) == ("succeeded", "ok", 1, 1)
    assert verdict.next is None
    assert verdict.sentence == "approved by lead as product"


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"subject": OTHER}, "stale", "decision of lead as product is about other content"),
        ({"project": "id-2"}, "needs-decision", "is for another project: id-2"),
        ({"pipeline": "other"}, "needs-decision", "is for another pipeline: other"),
        ({"task": "0002"}, "needs-decision", "is for another task: 0002"),
        ({"gate": "plan"}, "needs-decision", "is for another gate: plan"),
        ({"decision": "revoked"}, "needs-decision", "lead revoked the decision as product"),
        ({"decision": "rejected"}, "rejected", "rejected by lead as product"),
        ({"date": "2026-11-24"}, "not-yet-valid", "is dated 2026-11-24, in the future"),
        ({"date": "2026-10-22"}, "expired", "is 31 days old, limit 30 days"),
        ({"by": "nobody"}, "needs-decision", "names a person that orch.yaml does not know"),
        ({"role": "chief"}, "needs-decision", "names a role that orch.yaml does not know"),
        ({"by": "dev2"}, "needs-decision", "orch.yaml does not give dev2 that role"),
        ({"role": "design", "by": "writer"}, "needs-decision", "the gate does not ask for that role"),
        ({"problem": {"kind": "bad-file", "about": "missing key `by`"}}, "needs-decision", "missing key `by`"),
        ({"problem": {"kind": "symlink", "about": "x.yaml"}}, "needs-decision", "x.yaml is a symbolic link"),
    ],
)
def test_a_decision_that_does_not_count_is_named_with_its_reason(
    change: dict[str, Any], reason: str, words: str
) -> None:
    asks = gate(max_age_seconds=30 * 86_400)
    verdict = look(decision(**change), of=asks)
    assert (verdict.status, verdict.reason) == ("waiting", reason)
    assert words in verdict.sentence
    assert look(decision(), of=asks).status == "succeeded"


def test_what_changed_since_the_decision_is_named() -> None:
    def sentence(**changed: Any) -> str:
        return look(
            decision(subject=OTHER, changed={"since": "commit", "paths": [], "unknown": None} | changed)
        ).sentence

    assert "is about other content: tasks/0001-prd.md changed since —" in sentence(paths=["tasks/0001-prd.md"])
    assert "a, b, c, d, e and 2 more changed since" in sentence(paths=list("abcdefg"))
    unknown = sentence(since="other", unknown="the decision names no commit")
    assert "what changed since is not known: the decision names no commit" in unknown


def test_while_a_part_of_the_subject_is_not_there_yet_no_decision_is_said_to_be_about_other_content() -> None:
    awaited = {"kind": "not-known-yet", "about": "artifact:plan.make.plan"}
    subject = {**facts()["subject"], "digest": "sha256:" + "0" * 64, "problems": [awaited]}
    found = look(decision(), subject=subject)
    assert found.status == "waiting"
    assert "decision of lead as product cannot be compared with the subject yet" in found.sentence
    assert "other content" not in found.sentence


def test_a_digest_that_is_not_that_of_the_recorded_files_keeps_the_gate_shut() -> None:
    subject = {"digest": OTHER, "files": FILES, "problems": []}
    assert look(decision(subject=OTHER), subject=subject).status == "waiting"


def test_an_unreadable_decision_keeps_an_otherwise_satisfied_gate_shut_since_it_may_be_a_rejection() -> None:
    bad = decision(by="dev1", problem={"kind": "bad-file", "about": "unknown key `decison`"})
    verdict = look(decision(), bad)
    assert (verdict.status, verdict.have, verdict.missing) == ("waiting", 1, ())
    assert "unknown key `decison`" in verdict.sentence
    assert look(decision(), decision(by="dev1")).status == "succeeded"


def test_a_rejection_shuts_until_the_same_person_supersedes_it_whatever_others_say() -> None:
    verdict = look(decision(), decision(by="dev1", decision="rejected"))
    assert (verdict.status, verdict.reason) == ("waiting", "rejected")
    assert verdict.next == f"orch approve prd --role product --by dev1 --run 20261122-1 --subject {DIGEST}"
    assert look(decision(), decision(by="dev1")).status == "succeeded"
    assert look(decision(), decision(by="dev1", decision="revoked")).status == "succeeded"


def test_a_rejection_of_earlier_content_still_shuts() -> None:
    verdict = look(decision(), decision(by="dev1", decision="rejected", subject=OTHER))
    assert verdict.reason == "rejected"
    assert "about other content" in verdict.sentence


@pytest.mark.parametrize(
    ("role", "other"),
    [
        ("engineering", {}),
        ("product", {"authors": {"handles": ["dev1"], "problems": []}}),
        ("product", {"roles": {"pinned": ROLES, "today": {**ROLES, "product": ["lead"]}}}),
        ("product", {"roles": {"pinned": {**ROLES, "product": ["lead"]}, "today": ROLES}}),
    ],
)
def test_the_rejection_of_somebody_who_may_not_approve_is_withdrawn_instead(role: str, other: dict[str, Any]) -> None:
    verdict = look(decision(), decision(by="dev1", role=role, decision="rejected"), **other)
    assert verdict.next == f"orch revoke prd --role {role} --by dev1 --run 20261122-1"
    assert look(decision(), decision(by="dev1", role=role, decision="revoked"), **other).status == "succeeded"


def test_a_rejection_that_is_superseded_in_the_tree_alone_asks_for_its_commit() -> None:
    before = decision(by="dev1", decision="rejected", place="HEAD", committed=True)
    verdict = look(decision(committed=True), decision(by="dev1"), before, of=gate(trust="committed"))
    assert verdict.reason == "rejected"
    assert (verdict.next or "").startswith(f"git add -- {before['file']} && git commit -m ")
    lost = look(decision(committed=True), before, of=gate(trust="committed"))
    assert (lost.next or "").startswith("orch approve prd --role product --by dev1 ")


def test_a_rejection_by_somebody_without_the_role_does_not_count() -> None:
    assert look(decision(), decision(by="writer", decision="rejected")).status == "succeeded"


def test_a_committed_rejection_is_not_lifted_by_an_edit_that_nobody_committed() -> None:
    asks = gate(trust="committed")
    good = decision(committed=True)
    edited = decision(by="dev1", decision="revoked")
    before = decision(by="dev1", decision="rejected", place="HEAD", committed=True)
    assert look(good, edited, before, of=asks).reason == "rejected"
    assert look(good, decision(by="dev1", decision="revoked", committed=True), of=asks).status == "succeeded"


def test_a_decision_counts_under_trust_committed_only_as_it_stands_in_head() -> None:
    verdict = look(decision(), of=gate(trust="committed"))
    assert (verdict.status, verdict.reason) == ("waiting", "needs-decision")
    assert verdict.next is not None
    assert verdict.next.startswith("git add -- tasks/0001/decisions/ship.prd.product.lead.yaml && git commit -m ")
    assert look(decision(place="HEAD", committed=True), of=gate(trust="committed")).status == "waiting"
    assert look(decision(committed=True), of=gate(trust="committed")).status == "succeeded"


def test_the_stricter_of_the_gates_trust_and_todays_policy_holds() -> None:
    assert look(decision(), trust_floor="committed").status == "waiting"
    assert look(decision(committed=True), trust_floor="committed").status == "succeeded"


def test_a_policy_that_asks_for_signatures_shuts_every_gate_for_now() -> None:
    verdict = look(decision(committed=True), trust_floor="signed")
    assert verdict.status == "waiting"
    assert "not yet possible" in verdict.sentence


def test_a_role_must_be_given_both_by_the_plan_and_by_todays_orch_yaml() -> None:
    gone = ROLES | {"product": ["dev1"]}
    assert "does not give lead that role" in look(decision(), roles={"pinned": ROLES, "today": gone}).sentence
    assert "when the run was planned" in look(decision(), roles={"pinned": gone, "today": ROLES}).sentence
    assert look(decision(), roles={"pinned": ROLES, "today": ROLES}).status == "succeeded"


def test_a_place_that_nobody_can_fill_is_said() -> None:
    empty = ROLES | {"product": []}
    assert "orch.yaml gives the role product to nobody" in look(roles={"pinned": empty, "today": empty}).sentence
    alone = ROLES | {"product": ["lead"]}
    authors = {"handles": ["lead"], "problems": []}
    sentence = look(roles={"pinned": alone, "today": alone}, authors=authors, of=gate(exclude=["author"])).sentence
    assert "everybody with the role product is an author" in sentence


def test_the_role_that_is_missing_is_one_that_somebody_else_can_fill() -> None:
    roles = {"engineering": ["lead", "dev1"], "product": ["lead"]}
    given = {"roles": {"pinned": roles, "today": roles}}
    asks = gate(require={"engineering": 1, "product": 1})
    both = [decision(), decision(role="engineering")]
    assert look(*both, of=asks, **given).missing == ("engineering",)
    opened = look(*both, decision(by="dev1", role="engineering"), of=asks, **given)
    assert opened.sentence == "approved by dev1 as engineering, lead as product"
    roles["product"], roles["engineering"] = ["lead", "dev1"], ["lead"]
    assert look(*both, of=asks, **given).missing == ("product",)


def test_while_orch_yaml_has_mistakes_the_gate_is_shut_and_says_that_and_not_that_people_are_unknown() -> None:
    nobody = {"roles": {"pinned": ROLES, "today": {}}, "people": []}
    verdict = look(decision(), unread={"kind": "bad-file", "about": "unknown key `rols`"}, **nobody)
    assert verdict.sentence == "orch.yaml: unknown key `rols` — orch validate"
    assert (verdict.status, verdict.next) == ("waiting", "orch validate")
    assert look(decision()).status == "succeeded"


def test_an_author_is_excluded_and_another_is_not() -> None:
    asks = gate(exclude=["author"])
    verdict = look(decision(), of=asks, authors={"handles": ["lead"], "problems": []})
    assert "lead is an author of the subject" in verdict.sentence
    assert look(decision(), of=asks, authors={"handles": ["dev1"], "problems": []}).status == "succeeded"


def test_where_authors_cannot_be_established_nobody_is_let_in() -> None:
    asks = gate(exclude=["author"])
    shallow = look(decision(), of=asks, authors={"handles": [], "problems": [{"kind": "shallow", "about": ""}]})
    assert (shallow.status, shallow.next) == ("waiting", "git fetch --unshallow")
    assert look(decision(), of=asks).status == "waiting"


def test_one_person_fills_one_place() -> None:
    asks = gate(require={"product": 1, "engineering": 1})
    verdict = look(decision(), decision(role="engineering"), of=asks)
    assert (verdict.status, verdict.have, verdict.need) == ("waiting", 1, 2)
    assert look(decision(), decision("dev2", "engineering"), of=asks).status == "succeeded"


def test_people_are_seated_so_that_as_many_places_as_possible_are_filled() -> None:
    asks = gate(require={"product": 1, "engineering": 1})
    both = [decision("dev1", "engineering"), decision("dev1", "product"), decision("lead", "engineering")]
    verdict = look(*both, of=asks)
    assert verdict.status == "succeeded"
    assert verdict.sentence == "approved by lead as engineering, dev1 as product"


def test_what_is_wrong_with_the_subject_is_said_whoever_approved() -> None:
    subject = {"digest": None, "files": [], "problems": [{"kind": "missing", "about": "tasks/0001-prd.md"}]}
    verdict = look(decision(), subject=subject)
    assert (verdict.status, verdict.reason, verdict.have) == ("waiting", "needs-decision", 0)
    assert verdict.sentence.startswith("the subject: tasks/0001-prd.md does not exist")
    assert verdict.next == "orch gate show prd --run 20261122-1"


def test_a_project_without_an_id_counts_no_decision_and_names_orch_init() -> None:
    verdict = look(decision(), project=None)
    assert (verdict.status, verdict.next) == ("waiting", "orch init")


@pytest.mark.parametrize(
    ("date", "now", "opens"),
    [
        ("2026-11-23", "2026-11-22T00:00:00", True),
        ("2026-11-24", "2026-11-22T23:59:59", False),
        ("2026-10-23", "2026-11-22T23:59:59", True),
        ("2026-10-23", "2026-11-23T00:00:00", False),
        ("2026-10-23T10:00:00Z", "2026-11-22T10:00:00", True),
        ("2026-10-23T10:00:00Z", "2026-11-22T10:00:01", False),
        ("2026-10-23T12:00:00+02:00", "2026-11-22T10:00:01", False),
    ],
)
def test_a_date_is_a_whole_utc_day_and_is_open_while_its_age_is_at_most_the_limit(
    date: str, now: str, opens: bool
) -> None:
    verdict = look(decision(date=date), now=at(now), of=gate(max_age_seconds=30 * 86_400))
    assert (verdict.status == "succeeded") is opens


@pytest.mark.parametrize(
    "text", ["", "today", "2026-13-01", "2026-02-30", "20261120", "2026-11-20T10:00", "٢٠٢٦-11-20"]
)
def test_what_is_not_a_date_is_no_date(text: str) -> None:
    assert parse_moment(text) is None


@given(st.integers(0, 4_000_000_000), st.integers(-400, 400))
def test_no_age_is_negative_and_only_days_after_tomorrow_are_the_future(now: int, days: int) -> None:
    day = datetime.fromtimestamp(now // 86_400 * 86_400 + days * 86_400, UTC).date().isoformat()
    moment = parse_moment(day)
    assert moment is not None
    assert is_future(moment, now) is (days > 1)
    assert age_seconds(moment, now) == max(0, -days) * 86_400


@given(
    st.lists(st.sampled_from("abc"), max_size=5),
    st.dictionaries(st.sampled_from("abc"), st.sets(st.sampled_from("uvwxyz"))),
)
def test_the_seating_is_a_maximum_matching(places: list[str], offers: dict[str, set[str]]) -> None:
    def most(left: tuple[str, ...], used: frozenset[str]) -> int:
        if not left:
            return 0
        free = [1 + most(left[1:], used | {who}) for who in offers.get(left[0], set()) - used]
        return max([most(left[1:], used), *free])

    seated = fill(places, {role: sorted(who) for role, who in offers.items()})
    people = [who for who in seated if who is not None]
    assert len(people) == len(set(people)) == most(tuple(places), frozenset())
    assert all(who in offers[role] for role, who in zip(places, seated, strict=True) if who is not None)


FRESH = {
    "kind": "freshness",
    "name": "fresh",
    "path": "spec.md",
    "max_age_seconds": 30 * 86_400,
    "field": "last_review",
}


def fresh(value: str | None, problem: dict[str, str] | None = None) -> Verdict:
    seen: dict[str, Any] = {"kind": "freshness", "value": value} | ({"problem": problem} if problem else {})
    return judge(FRESH, seen, NOW, RUN)


def test_a_fresh_file_opens_its_gate_and_the_days_left_are_said() -> None:
    verdict = fresh("2026-11-02")
    assert (verdict.status, verdict.days_left, verdict.warn) == ("succeeded", 10, False)
    assert verdict.sentence == "spec.md last reviewed 20 days ago, 10 days left"
    assert fresh("2026-11-22").sentence == "spec.md last reviewed today, 30 days left"


def test_a_freshness_gate_warns_from_seven_days_before() -> None:
    assert not fresh("2026-10-31").warn
    verdict = fresh("2026-10-30")
    assert (verdict.status, verdict.days_left, verdict.warn) == ("succeeded", 7, True)
    assert fresh("2026-10-23").sentence == "spec.md last reviewed 30 days ago, 0 days left: review it soon"


def test_a_file_that_is_not_fresh_keeps_its_gate_shut_with_the_reason() -> None:
    stale = fresh("2026-10-12")
    assert (stale.status, stale.reason) == ("waiting", "stale")
    assert stale.sentence.startswith("spec.md last reviewed 41 days ago, limit 30 days")
    assert fresh("2026-11-24").reason == "not-yet-valid"
    assert fresh("soon").reason == "needs-decision"
    assert "spec.md does not exist" in fresh(None, {"kind": "missing", "about": "spec.md"}).sentence


def test_facts_read_back_from_the_record_give_the_same_verdict() -> None:
    seen = facts(decision(), decision("dev2", "engineering", subject=OTHER))
    asks = gate(require={"product": 1, "engineering": 1})
    again = judge(json.loads(json.dumps(asks)), json.loads(json.dumps(seen)), NOW, RUN)
    assert again == judge(asks, seen, NOW, RUN)

"""Look at the world for one gate: what the files, the decisions and git say, as facts that can be judged later."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from orch.gates.facts import ApprovalFacts, DecisionFacts, RoleFacts, Trouble
from orch.governance.authors import find_authors
from orch.governance.decision_files import decision_facts, read_commit, read_tree
from orch.governance.difference import difference
from orch.governance.freshness import observe_freshness
from orch.governance.git import Git, GitTrouble
from orch.governance.history import changed_since, files_of, is_whole
from orch.governance.subjects import Subject, look
from orch.governance.where import Where


def observe(gate: Mapping[str, Any], where: Where) -> tuple[Mapping[str, Any], Subject | None]:
    """The facts of an approval or a freshness gate (`orch.gates.facts`), plain JSON, and the subject of an approval.
    They hold no time: the same world gives equal facts. Nothing that is wrong with the world raises; it becomes a fact
    that shuts the gate."""
    if gate["kind"] == "freshness":
        return observe_freshness(where.root, gate["path"], gate["field"]), None
    return observe_approval(gate, where)


def observe_approval(gate: Mapping[str, Any], where: Where) -> tuple[ApprovalFacts, Subject]:
    """The facts of an approval gate, and the subject that was read for them, whose bytes the caller may keep."""
    git = Git(where.root, where.environment)
    differ = None if where.branch is None else partial(difference, git, *where.branch)
    subject = look(where.root, gate["subject"], gate.get("evidence") or (), where.resolve, differ, gate.get("inputs"))
    excludes = "author" in gate.get("exclude", ())
    trouble: Trouble | None = None
    head: dict[str, bytes | Trouble] | None = None
    if gate.get("trust", "file") != "file" or where.trust_floor != "file":
        try:
            head = read_commit(git, git.head(), where.about(gate))
        except GitTrouble as error:
            trouble = error.trouble
    decisions = decision_facts(read_tree(where.root, where.about(gate)), head)
    for one, commit in decisions:
        _add_changes(one, commit, gate, subject, where, git)
    handles = {one["by"] for one, _ in decisions}
    roles = {*gate["require"], *(one["role"] for one, _ in decisions)}
    facts = ApprovalFacts(
        kind="approval",
        project=where.project,
        pipeline=where.pipeline,
        task=where.task,
        trust_floor=where.trust_floor,
        subject=subject.facts,
        decisions=[one for one, _ in decisions],
        people=sorted(handle for handle in handles if where.knows(handle)),
        roles=RoleFacts(
            pinned={role: sorted(where.pinned[role]) for role in sorted(roles) if role in where.pinned},
            today={role: sorted(where.today[role]) for role in sorted(roles) if role in where.today},
        ),
    )
    if where.unread is not None:
        facts["unread"] = where.unread
    if trouble is not None:
        facts["git"] = trouble
    if excludes:
        facts["authors"] = find_authors(gate, subject, where, git)
    return facts, subject


def _add_changes(
    one: DecisionFacts, commit: str, gate: Mapping[str, Any], subject: Subject, where: Where, git: Git
) -> None:
    """Say what changed, where the decision is this gate's and only the content is other."""
    ours = (one["project"], one["pipeline"], one["task"], one["gate"])
    if "problem" in one or ours != (where.project, where.pipeline, where.task, gate["name"]):
        return
    if one["decision"] == "revoked" or subject.digest in (None, one["subject"]):
        return
    patterns = files_of(gate["subject"])
    one["changed"] = changed_since(git, patterns, is_whole(gate), subject, one["subject"], commit, where.history)

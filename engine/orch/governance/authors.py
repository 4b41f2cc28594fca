"""Who wrote the subject: the authors and co-authors that may not approve it themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orch.gates.facts import DIFFERENCE, ApprovalFacts, AuthorFacts, RoleFacts, SubjectFacts, Trouble, subject_digest
from orch.gates.judge import judge
from orch.gates.verdict import Context
from orch.governance.decision_files import decision_facts, read_commit
from orch.governance.decision_names import folder_of
from orch.governance.difference import committed
from orch.governance.git import Git, GitTrouble, Touch
from orch.governance.history import blobs_at, differing, files_of, folders_of, is_meant, is_whole, lines_at
from orch.governance.inside import printable
from orch.governance.subjects import Subject
from orch.governance.where import Where

_CO_AUTHOR = re.compile(rb"^[ \t]*co-authored-by[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(rb"<([^<>]*)>")
_END_OF_TIME = 1e14


def find_authors(gate: Mapping[str, Any], subject: Subject, where: Where, git: Git) -> AuthorFacts:
    """Everybody who wrote since the last approved content in HEAD's history, else since the subject was added; for
    what nodes made, whoever started the run or took it up for a step before the gate, and the run that it is from where
    the cache gave it; for what a branch holds, also who committed to it. Where that cannot be established the facts
    hold problems instead."""
    patterns = files_of(gate["subject"])
    handles: set[str] = set()
    problems: list[Trouble] = []
    made = [item for item in gate["subject"] if item.removeprefix("./") not in patterns]
    if made and where.starter is None:
        problems.append(Trouble(kind="no-starter", about=made[0]))
    elif made and where.starter is not None:
        handles.add(where.starter)
    for maker in where.makers if made else ():
        if maker is None:
            problems.append(Trouble(kind="no-opener", about=made[0]))
        else:
            handles.add(maker)
    if DIFFERENCE in made and where.branch is not None:
        try:
            wrote, unmapped = _handles(committed(git, where.branch[0], where.branch[2], subject.facts["files"]), where)
        except GitTrouble as trouble:
            problems.append(trouble.trouble)
        else:
            handles |= wrote
            problems += unmapped
    for item, makers in where.starters.items():
        if None in makers:
            problems.append(Trouble(kind="no-maker", about=item))
        handles.update(maker for maker in makers if maker is not None)
    if patterns:
        try:
            problems += _unfit(git, patterns, subject)
            if not problems:
                head = git.head()
                known = head, subject.digest, repr((gate, where.people, where.today))
                if where.approved.get(where.about(gate), (None, None))[0] != known:
                    found = _last_approved(gate, patterns, subject, where, git)
                    where.approved[where.about(gate)] = known, found
                base = where.approved[where.about(gate)][1]
                wrote, unmapped = _between(git, base, head, patterns, where)
                handles |= wrote
                problems += unmapped
        except GitTrouble as trouble:
            problems.append(trouble.trouble)
    return AuthorFacts(handles=sorted(handles), problems=problems)


def _unfit(git: Git, patterns: Sequence[str], subject: Subject) -> list[Trouble]:
    """Why the history would name the wrong people."""
    if git.is_shallow():
        return [Trouble(kind="shallow", about="")]
    refused = {problem["about"] for problem in subject.facts["problems"]}  # they were not read, and keep the gate shut
    paths = differing(blobs_at(git, git.head(), patterns), subject.files)
    return [Trouble(kind="uncommitted", about=printable(path)) for path in paths if ascii(path) not in refused]


def _between(
    git: Git, base: str | None, tip: str, patterns: Sequence[str], where: Where
) -> tuple[set[str], list[Trouble]]:
    """The handles of those who touched the subject after `base`, and the addresses that are nobody's. Where a merge
    took a file back to what it was before `base`, nobody after `base` wrote what is there: then whoever merged is an
    author, and so is everybody who touched the subject at any time."""
    folders = folders_of(patterns)
    touches = git.touches(tip, folders, base)
    commits = [touch.commit for touch in touches if any(is_meant(path, patterns) for path in touch.left)]
    if base is not None and (old := _taken_back(git, base, tip, patterns, touches)):
        merges = git.touches(tip, folders, base, any_parent=True)
        commits += [touch.commit for touch in merges if not old.isdisjoint(touch.left)]
        ever = git.touches(tip, folders)
        commits += [touch.commit for touch in ever if any(is_meant(path, patterns) for path in touch.left)]
    return _handles(git.contents(commits).values() if commits else (), where)


def _handles(commits: Iterable[bytes], where: Where) -> tuple[set[str], list[Trouble]]:
    """The handles of those who wrote raw commits, and the addresses that are nobody's."""
    addresses = {address for raw in commits for address in _addresses(raw)}
    handles: set[str] = set()
    unmapped = []
    for address in sorted(addresses):
        found = where.handles_of(address)
        handles.update(found)
        if not found:
            unmapped.append(Trouble(kind="unmapped", about=ascii(address)[1:-1] or "(none)"))
    return handles, unmapped


def _taken_back(git: Git, base: str, tip: str, patterns: Sequence[str], touches: Sequence[Touch]) -> set[str]:
    """The paths that are other than at `base`, and that no commit since has made what they are."""
    before, now = blobs_at(git, base, patterns), blobs_at(git, tip, patterns)
    other = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
    return other - {path for touch in touches for path, left in touch.left.items() if left == now.get(path)}


def _addresses(raw: bytes) -> list[str]:
    """The author's and co-authors' addresses of a raw commit. The committer only carried it. Every line of the
    message that names a co-author counts, not only those of the last paragraph."""
    head, _, message = raw.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if line.startswith(b"author ")]
    lines += _CO_AUTHOR.findall(message)
    found = []
    for line in lines:
        address = _ADDRESS.search(line)
        found.append((address[1] if address else line.strip()).decode(errors="backslashreplace").strip())
    return found


def _last_approved(
    gate: Mapping[str, Any], patterns: Sequence[str], subject: Subject, where: Where, git: Git
) -> str | None:
    """The last commit in HEAD's history at which other content than the present was approved as this gate asks, by
    people who had not written it; None where there is none. A subject with what nodes made or with evidence has no
    digest in the history, so that its authors go back to where it was added. Only commits that touch decisions of this
    gate's name are looked at: one that does not can approve nothing anew."""
    if not is_whole(gate):
        return None
    base = None
    about = where.about(gate)
    ours = f"{about.pipeline}.{about.gate}."
    for touch in git.touches(git.head(), [folder_of(where.task)]):
        if not any(path.rpartition("/")[2].startswith(ours) for path in touch.left):
            continue
        decisions = decision_facts({}, read_commit(git, touch.commit, where.about(gate)))
        if not decisions:
            continue
        lines = lines_at(git, touch.commit, patterns)
        digest = subject_digest(lines)
        if not lines or digest == subject.digest:
            continue
        wrote, unmapped = _between(git, base, touch.commit, patterns, where)
        facts = ApprovalFacts(
            kind="approval",
            project=where.project,
            pipeline=where.pipeline,
            task=where.task,
            trust_floor="file",
            subject=SubjectFacts(digest=digest, files=lines, problems=[]),
            decisions=[{**one, "place": "tree"} for one, _ in decisions],
            people=sorted({one["by"] for one, _ in decisions if where.knows(one["by"])}),
            roles=RoleFacts(
                pinned={role: sorted(who) for role, who in where.pinned.items()},
                today={role: sorted(who) for role, who in where.today.items()},
            ),
            authors=AuthorFacts(handles=sorted(wrote), problems=unmapped),
        )
        then = {**gate, "trust": "committed", "max_age_seconds": None}
        if judge(then, facts, _END_OF_TIME, Context()).status == "succeeded":
            base = touch.commit
    return base

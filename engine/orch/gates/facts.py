"""What a gate can see of the world, as plain JSON: the layout of `observed{gate, facts}`.

Facts hold no clock: the same world gives the same facts, so that of the looks while others run only those which find
something new are journalled. The first look of each owner and the last before it closes always are, whole. Every
list is sorted. Judging them needs the gate as it stands in the plan, the time, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NotRequired, TypedDict

DIFFERENCE = "git:diff"
"""The subject that is the difference of a run's branch, and what the paths of its lines begin with."""
PATCH_FILE = "git-diff.patch"
"""The name of the difference of a run's branch among what a gate was about."""
Line = list[str]
"""[mode, sha256 in hex, path]: one line of a subject."""


class Trouble(TypedDict):
    """Why something could not be established. `kind` is a key of `words.TROUBLES`; `about` is a path, an address or
    what a tool said."""

    kind: str
    about: str


class SubjectFacts(TypedDict):
    """`digest` is null exactly where `problems` is not empty. `patch` is the sha256 (hex) of the difference of the
    run's branch as a patch, which is laid out and no part of the digest."""

    digest: str | None
    files: list[Line]
    problems: list[Trouble]
    patch: NotRequired[str]


class ChangedFacts(TypedDict):
    """What differs between the content that a decision was about and the present one. `since` says against what:
    `record` (an earlier look of this run), `commit` (the decision's commit, which held what was decided about), or
    `other` (that commit did not hold it: its differences are a hint, not the whole). `unknown` says why not."""

    since: str
    paths: list[str]
    unknown: str | None


class DecisionFacts(TypedDict):
    """One decision's file. `place` is `tree`, or `HEAD` for a committed file that the tree no longer has as it is.
    With `problem` the other fields are empty: a file that cannot be read says nothing. `reason` is what the person
    wrote, where something was written; `inputs` is there where it names a child pipeline's, as `sha256:…`."""

    file: str
    place: str
    committed: bool
    decision: str
    role: str
    by: str
    date: str
    subject: str
    project: str
    pipeline: str
    task: str
    gate: str
    inputs: NotRequired[str]
    reason: NotRequired[str]
    changed: NotRequired[ChangedFacts]
    problem: NotRequired[Trouble]


class AuthorFacts(TypedDict):
    """The handles that `exclude: [author]` shuts out; with problems nobody can be let in."""

    handles: list[str]
    problems: list[Trouble]


class RoleFacts(TypedDict):
    """role → handles, as pinned by the plan and as orch.yaml says today; only the roles that matter here."""

    pinned: dict[str, list[str]]
    today: dict[str, list[str]]


class ApprovalFacts(TypedDict):
    """What an approval gate sees. `people` holds those handles of `decisions` that orch.yaml knows; `trust_floor` is
    the least that today's policy asks for; `authors` is there where the gate excludes them; `unread` where
    today's orch.yaml has mistakes, so that nobody has a role."""

    kind: str
    project: str | None
    pipeline: str
    task: str
    trust_floor: str
    subject: SubjectFacts
    decisions: list[DecisionFacts]
    people: list[str]
    roles: RoleFacts
    unread: NotRequired[Trouble]
    authors: NotRequired[AuthorFacts]
    git: NotRequired[Trouble]


class FreshnessFacts(TypedDict):
    """What a freshness gate sees: the front matter's value as written, or why there is none."""

    kind: str
    value: str | None
    problem: NotRequired[Trouble]


def subject_digest(files: Iterable[Sequence[str]]) -> str:
    """`sha256:…` over the lines `mode sha256 path`, sorted by the bytes of the path."""
    lines = sorted((path.encode(), f"{mode} {digest} {path}\n".encode()) for mode, digest, path in files)
    return "sha256:" + sha256(b"".join(line for _, line in lines)).hexdigest()


def inputs_of(gate: Mapping[str, Any]) -> str:
    """`sha256:…` of what the gate's child pipeline was opened with; empty for any other gate."""
    return f"sha256:{gate['inputs']}" if "inputs" in gate else ""

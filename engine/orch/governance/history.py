"""What a subject was at a commit, and how it differs from what it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from orch.gates.facts import ChangedFacts, subject_digest
from orch.governance.git import Blob, Git, GitTrouble
from orch.governance.inside import Digests, printable
from orch.governance.patterns import matches
from orch.governance.subjects import Subject, is_reference
from orch.spec.globs import fixed_folder


def files_of(subject: Sequence[str]) -> list[str]:
    """The files and patterns of a subject, without what nodes made."""
    return [item.removeprefix("./") for item in subject if not is_reference(item)]


def folders_of(patterns: Sequence[str]) -> list[str]:
    """Where git has to look for them; one empty name is everywhere."""
    return sorted({fixed_folder(pattern) for pattern in patterns})


def is_whole(gate: Mapping[str, Any]) -> bool:
    """Whether the subject is files only, so that a commit can hold all of it."""
    return not gate.get("evidence") and "inputs" not in gate and not any(map(is_reference, gate["subject"]))


def is_meant(path: str, patterns: Sequence[str]) -> bool:
    """Whether any of the patterns means the path."""
    return any(matches(path, pattern) for pattern in patterns)


def blobs_at(git: Git, commit: str, patterns: Sequence[str]) -> dict[str, Blob]:
    """The subject's files as the commit has them."""
    found: dict[str, Blob] = {}
    for folder in folders_of(patterns):
        found.update(git.files_at(commit, folder))
    return {path: blob for path, blob in sorted(found.items()) if is_meant(path, patterns)}


def lines_at(git: Git, commit: str, patterns: Sequence[str]) -> list[list[str]]:
    """The lines of the subject's files as the commit has them; none where one has a name that no line can hold, so
    that nobody can have approved it."""
    blobs = blobs_at(git, commit, patterns)
    if not all(path.isprintable() for path in blobs):
        return []
    contents = git.contents([blob.id for blob in blobs.values()]) if blobs else {}
    return [[blob.mode, sha256(contents[blob.id]).hexdigest(), path] for path, blob in blobs.items()]


def changed_lines(before: Iterable[Sequence[str]], after: Iterable[Sequence[str]]) -> list[str]:
    """The paths whose lines are other."""
    return sorted({line[2] for line in set(map(tuple, before)) ^ set(map(tuple, after))})


def differing(blobs: Mapping[str, Blob], files: Mapping[str, Digests]) -> list[str]:
    """The paths that the commit and the tree do not have alike."""
    paths = sorted(blobs.keys() | files.keys())
    return [path for path in paths if not _alike(blobs.get(path), files.get(path))]


def _alike(blob: Blob | None, read: Digests | None) -> bool:
    return blob is not None and read is not None and blob.mode == read.mode and blob.id in read.blobs


def changed_since(
    git: Git,
    patterns: Sequence[str],
    whole: bool,
    now: Subject,
    decided: str,
    commit: str,
    seen: Mapping[str, Sequence[Sequence[str]]],
) -> ChangedFacts:
    """What differs between the subject with the digest `decided` and the present one. `whole`: the subject is files
    only, so that a commit can hold all of it."""
    if decided in seen:
        paths = changed_lines(seen[decided], now.facts["files"])
        return ChangedFacts(since="record", paths=paths, unknown=None if paths else "nothing did")
    if not commit:
        return ChangedFacts(since="other", paths=[], unknown="the decision names no commit")
    try:
        known = git.resolve(commit)
        if known is None:
            return ChangedFacts(since="other", paths=[], unknown=f"commit {commit[:12]} is not in this repository")
        paths = [printable(path) for path in differing(blobs_at(git, known, patterns), now.files)]
        if whole and subject_digest(lines_at(git, known, patterns)) == decided:
            return ChangedFacts(since="commit", paths=paths, unknown=None if paths else "nothing did")
    except GitTrouble as trouble:
        return ChangedFacts(since="other", paths=[], unknown=f"git cannot say ({trouble.trouble['kind']})")
    unknown = "its commit does not hold what was decided about"
    return ChangedFacts(since="other", paths=paths, unknown=unknown)

"""What is approved: files, patterns, artifacts and outputs, as the lines of one digest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from orch.gates.facts import DIFFERENCE, PATCH_FILE, SubjectFacts, Trouble, subject_digest
from orch.governance.difference import Difference
from orch.governance.git import GitTrouble
from orch.governance.inside import Digests, Refused, digests_inside, parts_of, printable
from orch.governance.patterns import is_hidden, matches
from orch.spec.globs import fixed_folder, is_pattern

Resolve = Callable[[str], tuple[str, str, str] | None]
"""`artifact:<node>.<name>`, `output:<node>` or `evidence:<node>` → (mode, sha256 in hex, the name its line gets), or
None where it is not there: not run yet, or not succeeded."""


@dataclass(frozen=True, slots=True)
class Subject:
    """`facts` is what the gate sees. `files` maps each path of the tree to what was read there, for the caller to
    keep the bytes: it must compare their sha256 with these, since the tree may have changed after the look."""

    facts: SubjectFacts
    files: dict[str, Digests]
    patch: bytes | None = None

    @property
    def digest(self) -> str | None:
        """`sha256:…`, or None where something is wrong with the subject."""
        return self.facts["digest"]


def nothing(reference: str) -> tuple[str, str, str] | None:
    """Resolves no reference: outside a run there are no artifacts."""
    return None


def look(
    root: str,
    subject: Sequence[str],
    evidence: Sequence[str],
    resolve: Resolve,
    differ: Callable[[], Difference] | None = None,
    inputs: str | None = None,
) -> Subject:
    """Read the subject as it is now; `differ` compares the run's branch; `inputs` is the sha256 of what the gate's
    pipeline was opened with. Whatever is wrong is a problem in the facts, never an exception."""
    patch: bytes | None = None
    problems: list[Trouble] = []
    entries: set[tuple[str, str, str]] = set()
    files: dict[str, Digests] = {}
    for item in subject:
        if item == DIFFERENCE and differ is not None:
            try:
                lines, patch = differ()
                entries.update(lines)
            except GitTrouble as error:
                problems.append(error.trouble)
        elif is_reference(item):
            found = resolve(item)
            if found is None:
                problems.append(Trouble(kind="not-known-yet", about=item))
            else:
                entries.add(found)
        else:
            _read(root, item, files, problems)
    for address in evidence:
        found = resolve(f"evidence:{address}")
        if found is None:
            problems.append(Trouble(kind="not-succeeded", about=address))
        else:
            entries.add(found)
    if DIFFERENCE in subject:
        taken = [path for path in files if path.partition("/")[0] == PATCH_FILE]
        problems += [Trouble(kind="taken", about=printable(path)) for path in taken]
    entries.update((read.mode, read.sha256, path) for path, read in files.items())
    if inputs is not None and entries:
        entries.add(("json", inputs, "inputs"))
    ordered = sorted(entries, key=lambda entry: (entry[2].encode(), entry))
    if not ordered and not problems:
        problems.append(Trouble(kind="empty", about=""))
    problems = [Trouble(kind=kind, about=about) for kind, about in sorted({(p["kind"], p["about"]) for p in problems})]
    digest = None if problems else subject_digest(ordered)
    facts = SubjectFacts(digest=digest, files=[list(line) for line in ordered], problems=problems)
    if patch is not None:
        facts["patch"] = sha256(patch).hexdigest()
    return Subject(facts, files, patch)


def _read(root: str, item: str, files: dict[str, Digests], problems: list[Trouble]) -> None:
    try:
        paths = expand(root, item, problems) if is_pattern(item) else ["/".join(parts_of(item))]
        for path in paths:
            if path not in files:
                files[path] = digests_inside(root, path)
    except Refused as refused:
        problems.append(refused.trouble)


def is_reference(item: str) -> bool:
    """Whether the item of a subject is something that a node made."""
    return item.startswith(("artifact:", "output:")) or item == DIFFERENCE


def expand(root: str, pattern: str, problems: list[Trouble]) -> list[str]:
    """The files that the pattern means now, sorted. Adds a problem where it means none, and for a symbolic link that
    it means or that could hold what it means. Raises `Refused` for a pattern that leaves the project."""
    pattern = "/".join(parts_of(pattern))
    found: list[str] = []
    before = len(problems)
    start = fixed_folder(pattern)
    if start:
        _refuse_links(root, start)
    pending = [start]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as listing:
                entries = list(listing)
        except FileNotFoundError:
            continue
        except OSError:
            problems.append(Trouble(kind="unreadable", about=printable(folder) or "."))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if is_hidden(path):
                continue
            meant, holds = matches(path, pattern), may_hold(path, pattern)
            if entry.is_symlink():
                if meant or (holds and entry.is_dir()):
                    problems.append(Trouble(kind="symlink", about=printable(path)))
            elif entry.is_dir(follow_symlinks=False):
                if holds:
                    pending.append(path)
            elif meant:
                try:
                    parts_of(path)
                    found.append(path)
                except Refused as refused:
                    problems.append(refused.trouble)
    if not found and len(problems) == before:
        problems.append(Trouble(kind="no-match", about=pattern))
    return sorted(found, key=os.fsencode)


def may_hold(folder: str, pattern: str) -> bool:
    """Whether a folder could hold files that the pattern means."""
    parts = pattern.split("/")[:-1]
    names = folder.split("/")
    if "**" in pattern.split("/"):
        depth = pattern.split("/").index("**")
        return all(matches(name, part) or name == part for name, part in zip(names, parts[:depth], strict=False))
    return len(names) <= len(parts) and all(
        matches(name, part) or name == part for name, part in zip(names, parts, strict=False)
    )


def _refuse_links(root: str, folder: str) -> None:
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        if os.path.islink(os.path.join(root, path)):
            raise Refused("symlink", path)

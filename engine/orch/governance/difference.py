"""The difference between a run's branch and where it began, as the lines of a subject and as a patch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from orch.gates.facts import DIFFERENCE
from orch.governance.decision_names import TASKS, is_decision_path
from orch.governance.git import Git, GitTrouble
from orch.governance.inside import printable

_NOTHING = "0" * 64
_MODULE = "160000"
_NOBODY = b"\nauthor orch <orch@localhost>"


class Difference(NamedTuple):
    """`lines` are (mode, sha256 in hex, `git:diff/path`) of each file that differs, `deleted` for one that is gone, and
    one for the commit that all is compared with: never the text of a diff, which git words as it likes."""

    lines: list[tuple[str, str, str]]
    patch: bytes


def difference(git: Git, base: str, begun: str, branch: str) -> Difference:
    """What the tip of the branch has other than `base`. Left out is only a decision's file that the run has not
    changed: one that is as where the branch has `begun`, or as in HEAD. Approving must not change what was approved.
    Raises GitTrouble."""
    tip = git.resolve(f"refs/heads/{branch}")
    if tip is None:
        git.toplevel()
        raise GitTrouble("no-branch", branch)
    inner = os.fsdecode(git.ask(["rev-parse", "--show-prefix"]).rstrip(b"\n"))
    whole = ["diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", base, tip]
    tokens = iter(git.ask(whole).split(b"\0")[:-1])
    found = {os.fsdecode(path): raw.decode().split(" ") for raw, path in zip(tokens, tokens, strict=True)}
    given = _decisions_given(git, inner, found, begun)
    kept = {path: words for path, words in found.items() if path not in given}
    blobs = sorted({blob for _, mode, _, blob, letter in kept.values() if letter != "D" and mode != _MODULE})
    held = {blob: sha256(data).hexdigest() for blob, data in git.contents(blobs).items()} if blobs else {}
    lines = [("base", _of(base), DIFFERENCE)]
    for path, (_, mode, _, blob, letter) in kept.items():
        name = f"{DIFFERENCE}/{printable(path)}"
        lines.append(("deleted", _NOTHING, name) if letter == "D" else (mode, held.get(blob) or _of(blob), name))
    text = ["diff-tree", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", base, tip, "--"]
    top = [f":(top,literal){path}" for path in kept]
    return Difference(lines, git.ask([*text, *top]) if top else b"")


def committed(git: Git, base: str, branch: str, subject: Sequence[Sequence[str]]) -> list[bytes]:
    """The commits of the branch, as git keeps them, that have touched what the subject (its lines) has of it. Of the
    merges only those that have made something of their own, or have taken something back that no commit since has
    made. What the engine committed for nobody is left out: for whom it ran is known. Raises GitTrouble."""
    whole = Git(git.toplevel(), git.environment)
    tip = git.ask(["rev-parse", "--verify", f"refs/heads/{branch}"]).decode().strip()
    paths = {line[2].partition("/")[2] for line in subject if line[2].startswith(f"{DIFFERENCE}/")}
    touches = [(one.commit, paths.intersection(map(printable, one.left))) for one in whole.touches(tip, [""], base)]
    left = paths.difference(*(found for _, found in touches))
    if left:
        merges = whole.touches(tip, [""], base, any_parent=True)
        touches += [(one.commit, left.intersection(map(printable, one.left))) for one in merges]
    commits = list(dict.fromkeys(commit for commit, found in touches if found))
    raw = whole.contents(commits).values() if commits else ()
    return [one for one in raw if _NOBODY not in one.partition(b"\ncommitter ")[0]]


def _of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def _decisions_given(git: Git, inner: str, found: Mapping[str, Sequence[str]], begun: str) -> set[str]:
    """The files of decisions among those found that are not the run's doing."""
    named = {path.removeprefix(inner): words for path, words in found.items() if path.startswith(inner)}
    named = {path: words for path, words in named.items() if is_decision_path(path)}
    given: set[str] = set()
    for commit in dict.fromkeys((begun, git.head())) if named else ():
        there = git.files_at(commit, TASKS)
        for path, (_, mode, _, blob, letter) in named.items():
            if there.get(path) == (None if letter == "D" else (mode, blob)):
                given.add(inner + path)
    return given

"""Is what is to be decided about still what the person looked at?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orch.gates import words
from orch.gates.facts import subject_digest
from orch.governance.git import Git, GitTrouble
from orch.governance.history import changed_lines, files_of, is_whole, lines_at
from orch.governance.where import Where
from orch.problems.problem import Exit, OrchError, Problem

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


@dataclass(frozen=True, slots=True)
class Seen:
    """The digest that the person was shown, whole or its first 12 digits or more, and the command that shows it."""

    digest: str
    again: str


def check_seen(seen: Seen, gate: Mapping[str, Any], now: str, lines: Sequence[Sequence[str]], where: Where) -> None:
    """Raise OrchError unless `now`, the digest of `lines`, is the one that was seen, and no other of this run is."""
    shown = _DIGEST.fullmatch(seen.digest)
    if shown is None:
        message = f"`{seen.digest}` is not a subject's digest, nor the first 12 digits of one"
        raise OrchError(Problem("O319", message, hint=seen.again), Exit.USAGE)
    meant = "sha256:" + shown[1]
    found = [digest for digest in sorted({now, *where.history}) if digest.startswith(meant)]
    if found == [now]:
        return
    if now in found:
        message = f"`{seen.digest}` is the beginning of {len(found)} digests that this run has seen"
        raise OrchError(Problem("O319", message, hint=f"write the whole digest; {seen.again}"), Exit.USAGE)
    message = f"the subject is not the one that was looked at: {_changed(meant, gate, lines, where)}; it is {now} now"
    raise OrchError(Problem("O319", message, hint=f"look again: {seen.again}"), Exit.CONFLICT)


def _changed(meant: str, gate: Mapping[str, Any], lines: Sequence[Sequence[str]], where: Where) -> str:
    """What is other than in the content that had the digest `meant`, which this run or HEAD may still know."""
    before = next((where.history[digest] for digest in sorted(where.history) if digest.startswith(meant)), None)
    if before is None and is_whole(gate):
        git = Git(where.root, where.environment)
        try:
            held = lines_at(git, git.head(), files_of(gate["subject"]))
        except GitTrouble:
            held = []
        before = held if held and subject_digest(held).startswith(meant) else None
    if before is None:
        return "what changed since is not known"
    return f"{words.listed(changed_lines(before, lines))} changed since"

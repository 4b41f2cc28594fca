"""What a report of tests or a linter says: counts, and what is wrong where."""

from __future__ import annotations

from typing import NamedTuple

MAX_FINDINGS = 50
"""Findings of one attempt that are kept; all are counted."""
MAX_MESSAGE = 1000
"""Characters of one message that are kept."""


class Counts(NamedTuple):
    """How many tests ended how; `errors` are those that broke outside of an assertion."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    errors: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class Finding(NamedTuple):
    """One thing that is wrong. `line` counts from 1; `file` is as the report names it."""

    message: str
    file: str | None = None
    line: int | None = None
    test: str | None = None


class Report(NamedTuple):
    """What was read: `tests` where they are counted, at most `MAX_FINDINGS` findings, and how many there are."""

    tests: Counts | None
    findings: tuple[Finding, ...] = ()
    found: int = 0


class UnreadableReport(Exception):
    """The file is not what its format says; the message is the end of a sentence."""

"""The states and reasons of steps and runs: one enum each, the same words everywhere."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """State of a step. The order matters: everything from SUCCEEDED on is terminal."""

    QUEUED = 0
    RUNNING = 1
    WAITING = 2
    SUCCEEDED = 3
    FAILED = 4
    SKIPPED = 5
    CANCELLED = 6

    @property
    def word(self) -> str:
        """The status as written in files and shown to people."""
        return self.name.lower()


STATUS_BY_WORD = {status.word: status for status in Status}

SUCCEEDED_REASONS = ("ok", "cached", "settled")
FAILED_REASONS = (
    "command-failed",
    "timed-out",
    "start-failed",
    "expression-error",
    "output-missing",
    "secret-in-output",
    "not-allowed",
    "check-failed",
    "children-failed",
    "exhausted",
    "unchanged",
    "budget-exceeded",
    "merge-conflict",
    "path-policy-violation",
    "internal-error",
)
SKIPPED_REASONS = (
    "if-false",
    "upstream-failed",
    "upstream-skipped",
    "phase-not-reached",
    "not-selected",
    "empty-matrix",
    "no-tests",
    "not-configured",
    "cancelled",
)
WAITING_REASONS = (
    *("needs-decision", "rejected", "stale", "expired", "not-yet-valid"),
    *("in-doubt", "retry-delay", "unmerged"),
)
BEHIND_OTHERS = ("upstream-failed", "phase-not-reached", "cancelled")
"""Why a step is skipped because of another that failed or was cancelled."""
CANCELLED_REASONS = ("requested", "fail-fast")

DEFAULT_RETRY_ON = ("command-failed", "timed-out")
TRIGGER_RULES = ("all_success", "none_failed", "one_success", "none_failed_min_one_success", "all_done")

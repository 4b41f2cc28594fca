"""What a look at a gate comes to, and where the commands that it prints must point."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

Status = Literal["succeeded", "waiting"]
Reason = Literal["ok", "needs-decision", "rejected", "stale", "expired", "not-yet-valid"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`have` of `need` places are filled; `missing` names the roles of the others, with repeats. `sentence` is for
    people and ends in `next`, the complete command, where there is one. `days_left` is what a maximum age leaves,
    and `warn` says that it is a week or less."""

    status: Status
    reason: Reason
    sentence: str
    have: int
    need: int
    missing: tuple[str, ...] = ()
    next: str | None = None
    days_left: int | None = None
    warn: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Where a printed command points: a run, or else a pipeline (as the command line takes it) with its inputs, and
    the task where the command line gave one."""

    run: str | None = None
    pipeline: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    task: str | None = None

    def show(self, gate: str) -> str:
        """The whole command line that shows the gate."""
        return self._line(["orch", "gate", "show", gate])

    def approve(self, gate: str, role: str, by: str | None, subject: str | None) -> str:
        """The whole command line that approves what was looked at, the `subject`, and nothing that took its place
        since. `by` None stands for a person who is not known yet: a word that a shell takes as it is."""
        line = self._line(["orch", "approve", gate, "--role", role, "--by", by or "NAME"])
        return f"{line} --subject {subject}" if subject else line

    def revoke(self, gate: str, role: str, by: str) -> str:
        """The whole command line that withdraws a decision."""
        return self._line(["orch", "revoke", gate, "--role", role, "--by", by])

    def _line(self, words: list[str]) -> str:
        if self.run is not None:
            words += ["--run", self.run]
        else:
            words += ["--pipeline", self.pipeline]
            for name, value in self.inputs:
                words += ["--input", f"{name}={value}"]
            if self.task is not None:
                words += ["--task", self.task]
        return shlex.join(words)

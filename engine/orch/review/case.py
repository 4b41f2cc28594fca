"""A step that somebody asks about: its run, what is known of it, and the words that all explanations share. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from orch.model.compiled import GATE, Action, Compiled
from orch.model.events import Finished, Skipped
from orch.model.fold import fold
from orch.model.plan import StepDoc
from orch.model.state import RunState
from orch.model.status import Status
from orch.model.times import to_iso
from orch.review.explanation import Compared, Explanation
from orch.review.past import Past
from orch.review.relations import Before
from orch.run.scope import step_scope
from orch.store.errors import apply_command
from orch.store.ledger import Failure, Record

SHOWN = 6
"""Steps that one line names."""
_VERBS = {
    Status.QUEUED: "is queued",
    Status.RUNNING: "is running",
    Status.WAITING: "waits",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.SKIPPED: "was skipped",
    Status.CANCELLED: "was cancelled",
}


class Asked(NamedTuple):
    """What explaining needs beside the journal: the error document of a failure, the steps that a retry decides again,
    the pipeline's path as it is typed here, and the bytes of the run's store, by their digest."""

    detail: Callable[[Failure], Mapping[str, Any]]
    redo: Sequence[int]
    path: str
    stored: Callable[[str], bytes | None] = lambda sha256: None


class Case:
    """One step of a run."""

    def __init__(self, past: Past, before: Before, asked: Asked, step: int) -> None:
        self.past, self.before, self.asked, self.step = past, before, asked, step
        self.plan: Compiled = past.plan
        self.state: RunState = past.state
        self.run_id = past.run.run_id

    def of(self, step: int) -> Case:
        """Another step of the same run."""
        return Case(self.past, self.before, self.asked, step)

    @property
    def address(self) -> str:
        """The step's address."""
        return self.plan.addresses[self.step]

    @property
    def action(self) -> Action:
        """What it does, as planned."""
        return self.plan.action(self.step)

    @property
    def doc(self) -> StepDoc:
        """The step as the plan has it; shared by all steps that do the same."""
        return self.action.step

    @property
    def reason(self) -> str | None:
        """Its reason."""
        return self.state.reason[self.step]

    @property
    def record(self) -> Record:
        """Times, logs and results; an empty one where nothing has happened."""
        return self.past.ledger.records.get(self.step) or Record()

    @property
    def failures(self) -> list[Failure]:
        """Its failed attempts, oldest first."""
        return [self.past.ledger.failures[number - 1] for number in self.record.failures]

    def told(
        self,
        because: Sequence[str],
        would_change: Sequence[str] = (),
        following: Sequence[str] = (),
        *,
        root: str | None = None,
        log: Sequence[str] = (),
        compared: Sequence[Compared] = (),
    ) -> Explanation:
        """The explanation of this step, with its state."""
        status = self.state.status[self.step].word
        return Explanation(self.address, status, self.reason, because, would_change, following, root, log, compared)

    def state_then(self) -> RunState:
        """The state in which it was decided: a retry may have given its needs other ends since."""
        events = self.past.journal.events
        for number in range(len(events) - 1, -1, -1):
            event = events[number]
            if isinstance(event, Finished | Skipped) and event.address == self.address:
                return fold(self.past.planned, events[:number])
        return self.state

    def scope(self) -> dict[str, Any]:
        """What its expressions saw when it was decided."""
        then = self.state_then()
        return step_scope(then.plan, then, self.step)

    def said(self, step: int) -> str:
        """`build.test failed (command-failed): exit code 1`"""
        status, reason = self.state.status[step], self.state.reason[step]
        text = f"{self.plan.addresses[step]} {_VERBS[status]}"
        if reason not in (None, "ok"):
            text += f" ({reason})"
        sentence = self.state.sentence.get(step, "") if reason not in (None, "ok") else ""
        if self.plan.kinds[step] == GATE:
            sentence = sentence.partition(" — ")[0]  # what follows is a command
        return f"{text}: {sentence}" if sentence else text

    def names(self, steps: Sequence[int]) -> str:
        """The first addresses, and how many more there are."""
        shown = ", ".join(self.plan.addresses[step] for step in steps[:SHOWN])
        return f"{shown} and {len(steps) - SHOWN:,} more" if len(steps) > SHOWN else shown

    def new_run(self, **inputs: Any) -> str:
        """The command that starts the same again, with these inputs changed."""
        return apply_command(self.plan, self.asked.path, **inputs)

    def command(self, *words: str) -> str:
        """A command about this run, to be pasted."""
        return shlex.join(["orch", *words])


def time(at_ms: int) -> str:
    """`2026-11-22 19:05:12 UTC`"""
    return to_iso(at_ms)[:19].replace("T", " ") + " UTC"


def length(seconds: float) -> str:
    """`20m`, `1.5s`: as a pipeline writes it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"

"""What the owner of a run answers to what was asked of it: waited for, so that nobody takes silence for a yes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from orch.model.events import Requested
from orch.problems.problem import Exit, OrchError, Problem
from orch.store.journal import Tail
from orch.store.lock import is_held
from orch.store.owner import Owner, read_owner
from orch.store.rundir import RunDir, load_plan

LIMIT_SECONDS = 30.0
TELL_EVERY_SECONDS = 5.0
_LOOK_SECONDS = 0.05


class Listener(Protocol):
    """Told of a request to the owner of a run: implemented by what renders."""

    def waiting(self, run_id: str, owner: Owner | None, seconds: float) -> None:
        """The owner has not answered for so long."""
        ...

    def answered(self, run_id: str, answer: Requested) -> None:
        """The owner has answered, and the journal holds it."""
        ...


class Answers:
    """Looks for the answer to one request in the journal, each record once."""

    def __init__(self, run: RunDir, identity: str) -> None:
        self._tail = Tail(run.journal, load_plan(run).digest)
        self._identity = identity
        self._found: Requested | None = None

    def look(self) -> Requested | None:
        """The answer, once there is one. Raises OrchError where the journal is damaged."""
        for event in self._tail.poll() if self._found is None else ():
            if isinstance(event, Requested) and event.id == self._identity:
                self._found = event
        return self._found


def await_answer(
    run: RunDir, answers: Answers, listener: Listener, *, steady: Callable[[], float], pause: Callable[[float], None]
) -> Requested | None:
    """The owner's answer, or None when the run has no owner any more and none was given. Raises OrchError (6) for an
    owner that lives and gives none; what was asked stays asked."""
    began = steady()
    told = 0.0
    while True:
        held = is_held(run)  # before the journal: an owner may answer, close and be gone
        answer = answers.look()
        if answer is not None or not held:
            return answer
        waited = steady() - began
        if waited >= LIMIT_SECONDS:
            owner = read_owner(run)
            who = f"process {owner.pid} on {owner.host}" if owner else "the owner"
            said = f"{who} has not answered for {LIMIT_SECONDS:.0f} s; it will when it can"
            raise OrchError(Problem("O625", said, hint=f"orch poll {run.run_id} --watch"), Exit.CONFLICT)
        if waited - told >= TELL_EVERY_SECONDS:
            told = waited
            listener.waiting(run.run_id, read_owner(run), waited)
        pause(_LOOK_SECONDS)

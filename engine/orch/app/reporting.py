"""Who is told while a run goes on: implemented by what renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from orch.model.compiled import Compiled
from orch.model.events import Event
from orch.model.state import RunState
from orch.problems.problem import Exit

if TYPE_CHECKING:  # loaded only where a run has a group
    from orch.store.groups import Queued


class RunInfo(NamedTuple):
    """The run that a command works on. `path` is its directory as the user may type it; `head` is the digest of the
    last record, known at the end."""

    run_id: str
    task: str
    path: str
    pipeline: str
    containment: str
    head: str = ""


class Reporter(Protocol):
    """Told of a run by its owner, in the owner's process, after the events are in the journal."""

    def opened(self, run: RunInfo, plan: Compiled, state: RunState) -> None:
        """This owner begins; `state` is what the epochs before left."""
        ...

    def queued(self, waits: Queued) -> None:
        """The run waits for a place of its group before it begins: a few times a second."""
        ...

    def happened(self, events: Sequence[Event], state: RunState) -> None:
        """These events were recorded."""
        ...

    def tick(self, state: RunState) -> None:
        """Time goes by: a few times a second."""
        ...

    def ended(self, run: RunInfo, state: RunState, code: Exit) -> None:
        """The owner stops, with this exit code; `state.closed` is None where it was interrupted."""
        ...

    def noted(self, trouble: str) -> None:
        """Something beside the run went wrong, which changes nothing about it."""
        ...

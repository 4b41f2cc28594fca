"""After the journal: the derived files, and telling people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orch.app.reporting import Reporter
from orch.model.events import Event
from orch.model.state import RunState
from orch.store.projector import Projector

if TYPE_CHECKING:
    from orch.app.memory import ProjectMemory


class RunRecorder:
    """The recorder of one run. `memory` keeps results for the runs to come, where a step wants that."""

    def __init__(self, projector: Projector, reporter: Reporter, memory: ProjectMemory | None = None) -> None:
        self._projector, self._reporter, self._memory = projector, reporter, memory

    def record(self, events: Sequence[Event], state: RunState) -> None:
        """These events are in the journal."""
        self._projector.record(events, state)
        if self._memory is not None:
            self._memory.record(events)
        self._reporter.happened(events, state)

    def tick(self, state: RunState) -> None:
        """Time went by."""
        self._reporter.tick(state)

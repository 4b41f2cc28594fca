"""After the journal: the derived files, and telling people."""

from __future__ import annotations

from collections.abc import Sequence

from orch.app.reporting import Reporter
from orch.model.events import Event
from orch.model.state import RunState
from orch.store.projector import Projector


class RunRecorder:
    """The recorder of one run."""

    def __init__(self, projector: Projector, reporter: Reporter) -> None:
        self._projector, self._reporter = projector, reporter

    def record(self, events: Sequence[Event], state: RunState) -> None:
        """These events are in the journal."""
        self._projector.record(events, state)
        self._reporter.happened(events, state)

    def tick(self, state: RunState) -> None:
        """Time went by."""
        self._reporter.tick(state)

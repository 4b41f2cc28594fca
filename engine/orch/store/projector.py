"""Keeps the derived files of a run: written as things happen, repaired when a run is taken up again."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Opened
from orch.model.state import RunState
from orch.model.status import Status
from orch.store.atomic import write_file
from orch.store.copies import adapter_copies, copies, put_back
from orch.store.errors import error_bytes, error_name
from orch.store.expected import (
    derived,
    is_document,
    lies_there,
    manifest_name,
    remove_handed_over,
    remove_unfinished,
)
from orch.store.ledger import Ledger, replay
from orch.store.manifests import NodeManifests, run_manifest
from orch.store.rundir import RunDir, token_digest


class Projector:
    """Writes node manifests, error artifacts and the run's manifest. It is told of events that are in the journal, and
    believes nothing of a step that they leave running. `head()` is the journal's. One writer, no sync."""

    def __init__(self, run: RunDir, plan: Compiled, head: Callable[[], str]) -> None:
        self.ledger = Ledger(plan)
        self._run = run
        self._plan = plan
        self._head = head
        self._manifests = NodeManifests(plan)
        self._errors = 0

    def begin(self) -> RunState:
        """The state of a run of which nothing is in the journal yet."""
        state = RunState.new(self._plan)
        self._follow(state, Ledger(state.plan))
        return state

    def _follow(self, state: RunState, ledger: Ledger) -> None:
        self._plan, self.ledger = state.plan, ledger
        self._manifests = NodeManifests(state.plan)

    def record(self, events: Sequence[Event], state: RunState) -> None:
        """These events are in the journal, and `state` is what they, at least, amount to. Raises OSError."""
        ledger = self.ledger
        touched: dict[int, None] = {}
        whole_run = False
        for event in events:
            step = ledger.apply(event, state)
            if step >= 0:
                touched[step] = None
            elif type(event) is Opened:
                whole_run = True
                touched.update((step, None) for step in ledger.records if state.status[step] < Status.SUCCEEDED)
            elif type(event) is Closed:
                whole_run = True
                remove_handed_over(self._run)
        for step in touched:
            record = ledger.records[step]
            if not record.running:
                self._write(manifest_name(self._plan, step), self._manifests.build(step, state, record))
        for failure in ledger.failures[self._errors :]:
            name = error_name(failure.number, self._plan.addresses[failure.step])
            self._write(name, error_bytes(self._run, self._plan, failure))
        self._errors = len(ledger.failures)
        if whole_run:
            token = token_digest(self._run)
            self._write("manifest.json", run_manifest(self._run, self._plan, state, ledger, self._head(), token))

    def tick(self, state: RunState) -> None:
        """Time alone changes nothing here."""

    def rebuild(self, events: Collection[Event]) -> tuple[RunState, list[str]]:
        """Take up a run whose journal holds these events: its state, and which derived files (relative to the run) were
        missing or bad and are written again. What a crash left unfinished is removed."""
        remove_unfinished(self._run)
        state, ledger = replay(self._plan, events)
        self._follow(state, ledger)
        self._errors = len(self.ledger.failures)
        rewritten = put_back(self._run.path, [*adapter_copies(self._plan.head["resources"]), *copies(events)])
        if any(self._plan.phase_gates):
            from orch.store import subjects

            rewritten += subjects.put_back(self._run.path, events)
        for failure in self.ledger.failures:
            name = error_name(failure.number, self._plan.addresses[failure.step])
            if not is_document(self._run, name):
                self._write(name, error_bytes(self._run, self._plan, failure))
                rewritten.append(name)
        for name, data in derived(self._run, self._plan, state, self.ledger, self._head()):
            if data is not None and not lies_there(self._run, name, data):
                self._write(name, data)
                rewritten.append(name)
        return state, rewritten

    def _write(self, name: str, data: bytes) -> None:
        path = f"{self._run.path}/{name}"
        try:
            write_file(path, data)
        except FileNotFoundError:
            os.mkdir(os.path.dirname(path), 0o700)
            write_file(path, data)

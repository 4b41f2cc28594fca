"""From the end of a command to its record: outputs, their check, reports, artifacts, one after the other. Whatever
takes time is a process too, so that nobody waits for it; a cancel lets it end: what the command has done is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from orch.model.attempt import Attempt, Result, StartError
from orch.ports import Fault, Harvest, Reading, Reports, Running
from orch.run.attempts import Prepared
from orch.run.results import NOTHING_READ

Begin = Callable[[Attempt, Callable[[Result], None]], Running]


class Ended(NamedTuple):
    """A command that has ended, with what was found in what it left."""

    step: int
    prepared: Prepared
    result: Result
    outputs: dict[str, Any] | None = None
    artifacts: tuple[dict[str, Any], ...] = ()
    missing: Fault | None = None
    reading: Reading = NOTHING_READ

    @property
    def succeeded(self) -> bool:
        """Exit code 0, of its own accord."""
        return self.result.exit_code == 0 and self.result.stopped is None


class Endings:
    """The endings of a run's commands. `begin` starts a process and names what follows it, `conclude` takes what was
    found."""

    def __init__(self, harvest: Harvest, reports: Reports, begin: Begin, conclude: Callable[[Ended], None]) -> None:
        self._harvest, self._reports, self._begin, self._conclude = harvest, reports, begin, conclude

    def ended(self, step: int, prepared: Prepared, result: Result) -> None:
        """The command has ended: take in what it left, then conclude."""
        ended = Ended(step, prepared, result)
        declared = prepared.action.step.get("outputs", {})
        if declared:
            secrets = prepared.attempt.secrets
            mask = secrets.mask if secrets is not None else None
            outputs, missing = self._harvest.outputs(f"{step}.{prepared.attempt.number}", declared, mask)
            ended = ended._replace(outputs=outputs if ended.succeeded else None, missing=missing)
        check = None
        if ended.outputs is not None:
            check = self._harvest.check(prepared.attempt, declared, ended.outputs)
        self._then(check, partial(self._checked, ended, check))

    def _checked(self, ended: Ended, check: Attempt | None, end: Result | StartError | None) -> None:
        if check is not None and end is not None:
            ended = ended._replace(missing=self._harvest.verdict(check, end))
        adapter, reading = ended.prepared.action.step.get("adapter"), None
        if adapter is not None:
            prepared = ended.prepared
            reading = self._reports.reading(prepared.attempt, adapter, prepared.reports, ended.result)
        self._then(reading, partial(self._read, ended, reading))

    def _read(self, ended: Ended, reading: Attempt | None, end: Result | StartError | None) -> None:
        if reading is not None and end is not None:
            ended = ended._replace(reading=self._reports.read(reading, end))
        if ended.prepared.artifacts and ended.succeeded and not ended.missing:
            attempt = ended.prepared.attempt
            artifacts, missing = self._harvest.artifacts(attempt, ended.prepared.artifacts)
            ended = ended._replace(artifacts=artifacts, missing=missing)
        self._conclude(ended)

    def _then(self, attempt: Attempt | None, following: Callable[[Result | StartError | None], None]) -> None:
        if attempt is None:
            following(None)
            return
        try:
            self._begin(attempt, following)
        except StartError as error:
            following(error)

"""What stands for the parts of the world that a plan has no use for, so that they are not even imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orch.model.attempt import Attempt, Result, StartError
from orch.model.state import RunState
from orch.ports import Look, Reading, Recollection


class NoGates:
    """The gates of a plan that has none; what looks at gates is not even imported."""

    def look(self, state: RunState, step: int, at_ms: int) -> Look:
        """Never called."""
        raise AssertionError(f"step {step} is not a gate")


class NoMemory:
    """The cache of a plan that wants none."""

    def recall(self, state: RunState, step: int) -> Recollection:
        """Never called."""
        raise AssertionError(f"step {step} is not cached")

    def stir(self) -> None:
        """Nothing was looked at."""

    def ended(self, step: int) -> None:
        """Nothing was looked at."""

    def settle(self) -> None:
        """Nothing was looked at."""


class NoReports:
    """The reports of a plan without adapters; what reads reports is not even imported."""

    def folder(self, stem: str) -> str:
        """Never called."""
        raise AssertionError(f"{stem} has no adapter")

    def reading(self, attempt: Attempt, adapter: Mapping[str, Any], folder: str | None, end: Result) -> Attempt | None:
        """Never called."""
        raise AssertionError(f"{attempt.address} has no adapter")

    def read(self, reading: Attempt, end: Result | StartError) -> Reading:
        """Never called."""
        raise AssertionError(f"{reading.address} has no adapter")

"""What the run needs of the world: Protocols of at most five methods, implemented by `local` and `store`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from orch.model.attempt import Attempt, Result
from orch.model.events import Event


class Clock(Protocol):
    """Wall time for records, monotonic time for waiting."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""


class Running(Protocol):
    """An attempt in progress."""

    @property
    def attempt(self) -> Attempt:
        """What was begun."""


class Executor(Protocol):
    """Performs attempts. `begin` raises `StartError`; `wait` returns those whose process has ended."""

    def begin(self, attempt: Attempt) -> Any:
        """Start the attempt's process."""

    def wait(self, timeout_seconds: float | None) -> Sequence[Any]:
        """Wait until an attempt has ended, a watched descriptor is readable, or the time is over."""

    def stop(self, running: Any, why: str) -> None:
        """Ask the whole process tree to end, and end it after the grace."""

    def collect(self, running: Any) -> Result:
        """Reap the attempt, end what it left behind, and keep its logs."""

    def kill_all(self) -> None:
        """End everything at once."""


class Journal(Protocol):
    """The truth: an append-only chain of records."""

    def append(self, events: Sequence[Event]) -> None:
        """Write these events with one system call; raises OSError, after which nothing more may be written."""

    def sync(self) -> None:
        """Make what was appended durable, as the plan's durability asks."""

    @property
    def head(self) -> str:
        """The sha256 (hex) of the last record."""

"""When did each attempt run? On an axis of the time at which an owner was at work: a night at a gate has no length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orch.model.events import Event, Finished, Opened, Started


class Attempted(NamedTuple):
    """One attempt: when it began and ended, in milliseconds of work since the run began. `status` is `interrupted`
    where its owner died, `running` where it has no end yet."""

    address: str
    attempt: int
    begin_ms: int
    end_ms: int
    status: str
    reason: str


class Pause(NamedTuple):
    """Nobody was at work, from this point of the axis, for so many milliseconds."""

    at_ms: int
    idle_ms: int


class Timeline(NamedTuple):
    """Attempts in the order of their starts, the pauses between owners, and the length of the axis."""

    attempts: list[Attempted]
    pauses: list[Pause]
    length_ms: int


def timeline(events: Sequence[Event], now_ms: int | None = None) -> Timeline:
    """The attempts of a journal. `now_ms` is given for a run that is at work: what runs reaches to it."""
    attempts: list[Attempted] = []
    pauses: list[Pause] = []
    begun: dict[str, Started] = {}
    worked = start = last = 0  # work of earlier owners; since when this one is there; the latest time
    for event in events:
        if isinstance(event, Opened):
            last = max(last, event.beat_ms)
            attempts += [_cut(one, worked - start, last) for one in begun.values()]
            begun = {}
            worked += last - start
            if start:
                pauses.append(Pause(worked, max(0, event.at - last)))
            start = last = max(event.at, last)
        last = max(last, event.at)
        if isinstance(event, Started):
            begun[event.address] = event
        elif isinstance(event, Finished) and event.attempt and event.address in begun:
            one = begun.pop(event.address)
            shift = worked - start
            status = "failed" if event.status == "waiting" else event.status
            attempts.append(
                Attempted(event.address, event.attempt, one.at + shift, event.at + shift, status, event.reason)
            )
    if now_ms is not None:
        last = max(last, now_ms)
    status = "interrupted" if now_ms is None else "running"
    attempts += [_cut(one, worked - start, last, status) for one in begun.values()]
    attempts.sort(key=lambda one: (one.begin_ms, one.address))
    return Timeline(attempts, pauses, worked + last - start)


def _cut(one: Started, shift: int, last: int, status: str = "interrupted") -> Attempted:
    return Attempted(one.address, one.attempt, one.at + shift, last + shift, status, "")

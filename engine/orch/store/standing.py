"""Is anybody at work on a run that has not closed, and does the work go on? One answer for all who look."""

from __future__ import annotations

from typing import NamedTuple

from orch.store.beat import Pulse, read_beat
from orch.store.lock import is_held
from orch.store.owner import Owner, read_owner
from orch.store.rundir import RunDir

HUNG_AFTER_SECONDS = 30


class Standing(NamedTuple):
    """How a run stands whose journal does not end with `closed`. `elsewhere`: its owner is on another machine, and
    whether it lives cannot be asked. `still_seconds` is how long the owner's loop has not turned."""

    owner: Owner | None
    held: bool
    elsewhere: bool
    pulse: Pulse | None
    still_seconds: float

    @property
    def queued(self) -> bool:
        """Does its owner wait for a place in the run's group, and has not begun?"""
        return (self.held or self.elsewhere) and self.owner is not None and self.owner.queued != ""

    @property
    def status(self) -> str:
        """`running`, `queued`, or `interrupted`: its owner died."""
        return "queued" if self.queued else "running" if self.held or self.elsewhere else "interrupted"

    @property
    def detail(self) -> str | None:
        """`hung`: the owner lives and does nothing. Its loop has to turn several times a second, whatever it waits
        for, so that one which stands still has missed what was due."""
        if self.queued and self.owner is not None:
            return f'for a place in "{self.owner.queued}"'
        hung = self.status == "running" and self.still_seconds >= HUNG_AFTER_SECONDS
        return "hung" if hung else None


def look(run: RunDir, *, host: str, steady: float) -> Standing:
    """To be asked before the journal is read: an owner that closes in between is not dead. `host` is this machine as
    owners write it, `steady` its clock in seconds."""
    held, owner, pulse = is_held(run), read_owner(run), read_beat(run)
    elsewhere = owner is not None and owner.host != host
    still = pulse.still_seconds(None if elsewhere else steady) if pulse else 0.0
    return Standing(owner, held, elsewhere, pulse, still)

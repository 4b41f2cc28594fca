"""Wait in the foreground for a place in the group of a run, and say for whom."""

from __future__ import annotations

import select
from collections.abc import Callable, Collection
from typing import NamedTuple

from orch.app.signals import Interruption
from orch.model.plan import ConcurrencyDoc
from orch.store.groups import Queue, Queued
from orch.store.lock import Lock
from orch.store.owner import Owner, write_owner
from orch.store.requests import Inbox
from orch.store.rundir import RunDir

LOOK_SECONDS = 0.2


class Waiter(NamedTuple):
    """A run that is to begin, and the process that owns it. `answered` are the requests that the journal knows, where a
    cancel is enough to begin without a place, since the run would start no command then; else None."""

    run: RunDir
    owner: Owner
    answered: Collection[str] | None


def await_place(
    waiter: Waiter,
    asked: ConcurrencyDoc,
    runs_root: str,
    interrupted: Interruption,
    tell: Callable[[Queued], None],
    now_ms: Callable[[], int],
) -> Lock | int | None:
    """A place, the signal that came first, or None where none is needed any more. `tell` hears of every look."""
    run, owner = waiter.run, waiter.owner
    queue = Queue(runs_root, run, asked["group"], asked["limit"], pid=owner.pid, at=now_ms())
    inbox, told = Inbox(run), False
    try:
        while True:
            if (number := interrupted()) is not None:
                return number
            if waiter.answered is not None and any(
                request.verb == "cancel" and request.id not in waiter.answered for request in inbox.drain()
            ):
                return None
            if (place := queue.take(now_ms())) is not None:
                return place
            if not told:
                write_owner(run, owner._replace(queued=asked["group"]))
                told = True
            tell(queue.look())
            select.select([interrupted.fd], [], [], LOOK_SECONDS)
    finally:
        queue.leave()

"""What the loop of a run has to do with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from orch.ports import Clock, Executor, GateWatch, Harvest, Inbox, Journal, Memory, Recorder, Reports

if TYPE_CHECKING:  # loaded only where a run has a branch
    from orch.run.spaces import Spaces


class World(NamedTuple):
    """The ports of a run. `interrupted` gives the signal that ends this owner, or None; `spaces` is there where the run
    has a branch."""

    clock: Clock
    journal: Journal
    executor: Executor
    gates: GateWatch
    harvest: Harvest
    reports: Reports
    inbox: Inbox
    recorder: Recorder
    memory: Memory
    interrupted: Callable[[], int | None]
    spaces: "Spaces | None" = None

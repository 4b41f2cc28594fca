"""A run as its journal tells it: what everybody looks at who asks how it went."""

from __future__ import annotations

from typing import NamedTuple

from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.store.journal import JournalRead
from orch.store.ledger import Ledger
from orch.store.rundir import RunDir


class Past(NamedTuple):
    """`plan` is the run's: the one that was `planned`, with all that the run has added to it. `status` is what it
    closed with, else whether it has an owner; where its owner died, the steps stand as the next one will find them.
    `detail` is the reason of that status."""

    run: RunDir
    planned: Compiled
    plan: Compiled
    journal: JournalRead
    state: RunState
    ledger: Ledger
    status: str
    detail: str | None

"""Which exit code does a run end with? Pure."""

from __future__ import annotations

import signal

from orch.model.state import RunState
from orch.problems.problem import Exit, worst


def exit_of(state: RunState) -> Exit:
    """The exit code of a closed run: the first that holds of rejected or over its budget, failed, waiting, done."""
    codes = [Exit.OK]
    if state.closed == "waiting":
        codes.append(Exit.WAITING)
        rejected = any(state.reason[gate] == "rejected" for gate in state.waiting_gates)
        if rejected:
            codes.append(Exit.REFUSED)
    if state.overspent:
        codes.append(Exit.REFUSED)
    if state.failed or state.closed in ("failed", "cancelled"):
        codes.append(Exit.FAILED)
    return worst(codes)


def exit_of_signal(number: int) -> Exit:
    """The exit code of an owner that a signal ended."""
    return Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED

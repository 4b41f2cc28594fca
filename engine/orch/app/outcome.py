"""Which exit code does a run end with? Pure."""

from __future__ import annotations

import signal

from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.model.status import Status
from orch.problems.problem import Exit, worst


def exit_of(state: RunState) -> Exit:
    """The exit code of a closed run: the first that holds of rejected, failed, waiting, done."""
    codes = [Exit.OK]
    if state.closed == "waiting":
        codes.append(Exit.WAITING)
        rejected = any(state.reason[gate] == "rejected" for gate in state.waiting_gates)
        if rejected:
            codes.append(Exit.REFUSED)
    if state.failed or state.closed in ("failed", "cancelled"):
        codes.append(Exit.FAILED)
    return worst(codes)


def exit_of_signal(number: int) -> Exit:
    """The exit code of an owner that a signal ended."""
    return Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED


def failed_steps(plan: Compiled, state: RunState) -> list[int]:
    """The steps that failed or were cancelled, and those skipped because of them, by index. A failure that was allowed
    is no reason for anything: what came after it has already gone on from it."""
    because = ("upstream-failed", "phase-not-reached", "cancelled")
    return [
        step
        for step, status in enumerate(state.status)
        if status is Status.CANCELLED
        or (status is Status.FAILED and not plan.action(step).step.get("allow_failure"))
        or (status is Status.SKIPPED and state.reason[step] in because)
    ]

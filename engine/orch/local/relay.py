"""The process outside the containment: passes signals in and the exit code out, and does nothing else."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

RELAYED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
# to be blocked from before the fork: each is then waited for, and none can interrupt
AWAITED = RELAYED | {signal.SIGCHLD}
_FROM_TERMINAL = 0x80  # SI_KERNEL: the terminal sent it to the whole process group, the engine included


def relay(engine: int, early: set[signal.Signals], tell: int) -> int:
    """The exit code of the child `engine`, 128+n where signal n ended it. `early` signals came about when it was
    forked, and may have reached this process alone: they are passed on wherever they are from.

    A signal says nothing of who sent it to a handler of Python's, and a step can send one, too: its parent is the
    engine. So the number of each signal that arrived out here is also written to the pipe `tell`, which no step has."""
    os.set_blocking(tell, False)
    for number in early:
        _vouch(tell, number)
        os.kill(engine, number)
    while True:
        received = signal.sigwaitinfo(AWAITED)
        if received.si_signo != signal.SIGCHLD:
            _vouch(tell, received.si_signo)
            if received.si_code != _FROM_TERMINAL:
                os.kill(engine, received.si_signo)
            continue
        pid, status = os.waitpid(engine, os.WNOHANG)
        if pid == engine:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _vouch(tell: int, number: int) -> None:
    with suppress(OSError):  # the engine is gone, or there are thousands that it has not read
        os.write(tell, bytes([number]))

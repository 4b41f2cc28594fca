"""The process outside the containment: passes signals in and the exit code out, and does nothing else."""

from __future__ import annotations

import os
import signal

RELAYED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
# to be blocked from before the fork: each is then waited for, and none can interrupt
AWAITED = RELAYED | {signal.SIGCHLD}
_FROM_TERMINAL = 0x80  # SI_KERNEL: the terminal sent it to the whole process group, the engine included


def relay(engine: int, early: set[signal.Signals]) -> int:
    """The exit code of the child `engine`, 128+n where signal n ended it. `early` signals came about when it was
    forked, and may have reached this process alone: they are passed on wherever they are from."""
    for number in early:
        os.kill(engine, number)
    while True:
        received = signal.sigwaitinfo(AWAITED)
        if received.si_signo != signal.SIGCHLD:
            if received.si_code != _FROM_TERMINAL:
                os.kill(engine, received.si_signo)
            continue
        pid, status = os.waitpid(engine, os.WNOHANG)
        if pid == engine:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code

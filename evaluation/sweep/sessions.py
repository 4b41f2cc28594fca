"""One session of the real engine, forked from this interpreter, in the containment that users get."""

from __future__ import annotations

import ctypes
import importlib
import os
import pkgutil
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inject import FAULTS, Fault, Injector

import orch
from orch.app import runs
from orch.app.context import Context
from orch.app.planning import Planned
from orch.app.signals import Interruption
from orch.local import linux
from orch.local.kill import children
from orch.model.events import Finished
from orch.problems.problem import Exit, OrchError

PATIENCE_SECONDS = 30.0
BELOW = "SWEEP_BELOW"
"""Set in the environment: faults are made by shim.c, which is loaded then, instead of by doubles of os functions."""
_injector: Injector
Guard = Callable[[Interruption, Callable[[], int]], int]


@dataclass(slots=True)
class Session:
    """How it went: the exit code, the state-changing calls (those of the fault's choice), where the fault hit, what it
    said was wrong, which ends of attempts were shown to people, and what it left running. `cut`: the power failed
    at its end; `lossy`: it may have failed before, and what is never synced may lack its end."""

    code: int = -1
    calls: list[str] = field(default_factory=list)
    hit: str | None = None
    said: list[str] = field(default_factory=list)
    shown: set[tuple[str, int]] = field(default_factory=set)
    left: list[int] = field(default_factory=list)
    hung: bool = False
    cut: bool = False
    lossy: bool = False


class _Told:
    """The reporter, and who waits for an answer: notes which ends were shown."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def opened(self, *_: Any) -> None: ...

    def happened(self, events: Any, state: Any) -> None:
        for event in events:
            if isinstance(event, Finished):
                self._say(f"shown {event.address} {event.attempt}")

    def tick(self, state: Any) -> None: ...

    def ended(self, *_: Any) -> None: ...

    def waiting(self, *_: Any) -> None: ...

    def answered(self, *_: Any) -> None: ...


def warm() -> None:
    """Load all that a session may load, and adopt what sessions leave behind."""
    for module in pkgutil.walk_packages(orch.__path__, "orch."):
        if module.name.split(".")[1] in ("app", "store", "local", "run", "gates", "governance", "plan", "spec"):
            importlib.import_module(module.name)
    global _injector
    _injector = Injector()
    linux.adopt_orphans()


def apply(context: Context, planned: Planned, fault: Fault | None = None) -> Session:
    return _session(lambda told, guard: runs.apply(context, planned, told, guard), context.cwd, fault)


def resume(context: Context, fault: Fault | None = None) -> Session:
    return _session(lambda told, guard: runs.resume(context, "@last", told, guard), context.cwd, fault)


def settle(context: Context, address: str, how: str) -> Session:
    """A person says what became of a step in doubt. The verb ends with 0 where the run then waits."""

    def verb(told: Any, guard: Guard) -> int:
        return runs.settle(context, "@last", address, how, told, guard, told)

    session = _session(verb, context.cwd, None)
    session.code = session.code or Exit.WAITING
    return session


def _session(verb: Callable[[Any, Guard], int], root: str, fault: Fault | None) -> Session:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.close(read)
            os.chdir(root)
            code = _perform(verb, root, fault, write)
        finally:
            os._exit(code)
    os.close(write)
    session = Session()
    text = _listen(pid, read, session)
    os.close(read)
    session.code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    session.left = _left()
    for line in text.decode().splitlines():
        word, _, rest = line.partition(" ")
        if word == "call":
            session.calls.append(rest)
        elif word == "hit" and session.hit is None:
            session.hit = rest
        elif word == "shown":
            address, _, attempt = rest.partition(" ")
            session.shown.add((address, int(attempt)))
        elif word == "said":
            session.said.append(rest)
    return session


def _perform(verb: Callable[[Any, Guard], int], root: str, fault: Fault | None, write: int) -> int:
    def say(line: str) -> None:
        os.write(write, f"{line}\n".encode())

    def guard(interrupted: Interruption, work: Callable[[], int]) -> int:
        if BELOW in os.environ:
            ctypes.CDLL(None).sweep_arm(1 + FAULTS.index(fault.kind) if fault else 0, fault.at if fault else 0, write)
        else:
            _injector.arm(fault, root, say)
        return told(work)

    def told(work: Callable[[], int]) -> int:
        try:
            return int(work())
        except OrchError as error:
            say(f"said {error.problems[0].code} {error.problems[0].message}")
            return int(error.exit)
        except OSError as error:
            where = error.filename if error.filename else _last_frames(error)
            say(f"said {'at' if error.filename else 'nowhere:'} {where}: {error.strerror}")
            return Exit.IO
        except BaseException as error:
            say(f"said bug {error!r} {_last_frames(error)}")
            return Exit.BUG

    return told(lambda: verb(_Told(say), guard))


def _last_frames(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _listen(pid: int, read: int, session: Session) -> bytes:
    """What the session says until it ends; it is killed when it takes too long."""
    fd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(read, select.POLLIN)
    os.set_blocking(read, False)
    text = b""
    until = time.monotonic() + PATIENCE_SECONDS
    over = False
    while not over:
        ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
        if not ready:
            session.hung = True
            os.kill(pid, signal.SIGKILL)
            poll.poll()
            break
        over = fd in ready
        if read in ready:
            if ready[read] & select.POLLIN:
                text += os.read(read, 1 << 20)
            else:
                poll.unregister(read)
    os.close(fd)
    while True:
        try:
            more = os.read(read, 1 << 20)
        except BlockingIOError:
            return text
        if not more:
            return text
        text += more


def _left() -> list[int]:
    """The processes that a session left, once the dead are reaped; none is allowed to stay."""
    found = []
    for pid in children(os.getpid()):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is None:
            found.append(pid)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return found

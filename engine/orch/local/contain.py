"""Where the engine and its steps live, so that the death of the process outside or inside ends them all."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Literal, NamedTuple, NoReturn

from orch.local import linux, namespace
from orch.local.kill import end_descendants
from orch.local.relay import AWAITED, RELAYED, relay

Kind = Literal["pidns", "subreaper", "none"]
KINDS: tuple[Kind, ...] = ("pidns", "subreaper", "none")
_KILLED = 128 + signal.SIGKILL


class Containment(NamedTuple):
    """What was got. `pidns`: killing the engine or the relay ends every process of the run. `subreaper`: so does
    killing one of the two, but not both at once. `none`: a killed engine leaves its steps behind. `reason` says why it
    is not the first kind that was asked for. `outer_pid` is the engine's as others see it (os.getpid() may be 1).
    From `heard` the numbers of the signals can be read that came from outside, a byte each; None with `none`."""

    kind: Kind
    reason: str | None
    outer_pid: int
    heard: int | None = None


def contain(main: Callable[[Containment], int], prefer: Sequence[Kind] = KINDS) -> int:
    """Run `main` in the first kind of containment that this machine allows. Returns its exit code, 128+n where signal
    n ended it; what is left for the caller is to exit with it. Raises OSError where no kind of `prefer` can be had.

    `main` runs in a forked process that ends with it (with `none`: in this one); this process only relays SIGINT,
    SIGTERM, SIGHUP and SIGQUIT, and keeps them blocked. No thread may run yet. In a pid namespace `main` is pid 1, to
    which a signal without a handler does nothing. The relayed signals are blocked at first, so that none is lost: it
    installs handlers and unblocks them. A signal sent to the whole process group may
    reach it twice. Locks are taken in `main`, so that the relay does not hold them."""
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored children leave no exit status
    reasons: list[str] = []
    for kind in prefer:
        if kind == "none":
            with suppress(OSError, AttributeError):
                linux.adopt_orphans()
            return main(Containment("none", "; ".join(reasons) or None, os.getpid()))
        code = _relayed(kind, main, reasons) if sys.platform == "linux" else None
        if code is not None:
            return code
    raise OSError("; ".join(reasons) or "this system has no such containment")


def _relayed(kind: Kind, main: Callable[[Containment], int], reasons: list[str]) -> int | None:
    """The exit code of `main` in a child, or None and one reason more."""
    _flush()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    former = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    read, write = os.pipe()
    heard, tell = os.pipe()
    try:
        if kind == "pidns":
            namespace.prepare()
        else:
            linux.adopt_orphans()
        engine = os.fork()
        if engine == 0:
            os.close(read)
            os.close(former)
            os.close(tell)
            _engine(kind, main, "; ".join(reasons) or None, write, heard, mask)
        early = signal.sigpending() & RELAYED
        os.close(write)
        write = -1
        refusal = os.read(read, 4096).decode()
        if refusal == "+":
            code = relay(engine, early, tell)
            if kind == "subreaper":
                end_descendants()
            return code
        os.waitpid(engine, 0)
        reasons.append(f"{kind}: {refusal or 'its first process died'}")
        namespace.undo(former)
    except OSError as error:
        reasons.append(f"{kind}: {namespace.why(error)}")
    finally:
        for fd in (read, write, former, heard, tell):
            if fd >= 0:
                os.close(fd)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return None


def _engine(
    kind: Kind,
    main: Callable[[Containment], int],
    reason: str | None,
    answer: int,
    heard: int,
    mask: set[signal.Signals | int],
) -> NoReturn:
    outer_pid = os.getpid()
    try:
        if kind == "pidns":
            outer_pid = namespace.enter()
            linux.die_with_parent(signal.SIGKILL)
        else:
            linux.adopt_orphans()
            number = signal.SIGRTMAX - 1  # nobody else's, so that the engine's own handlers stay as they are
            signal.signal(number, _end_all)
            linux.die_with_parent(number)
        os.write(answer, b"+")
    except BrokenPipeError:
        os._exit(_KILLED)  # the relay died before its death could be noticed
    except OSError as error:
        os.write(answer, namespace.why(error).encode())
        os._exit(1)
    os.close(answer)
    code = 70
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask | RELAYED)
        code = main(Containment(kind, reason, outer_pid, heard))
    except KeyboardInterrupt:
        code = 130
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        with suppress(OSError, ValueError):
            _flush()
        os._exit(code)


def _end_all(number: int, frame: FrameType | None) -> NoReturn:
    end_descendants()
    os._exit(_KILLED)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()

"""Starting a step's first process: its own session, no terminal, an empty stdin; a failure becomes a StartError."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping
from functools import lru_cache

from orch.model.attempt import Attempt, StartError
from orch.model.names import lies_within

_ENVIRONMENTS_KEPT = 64
_DEFAULT_PATH = os.fsencode(os.defpath)


class Spawner:
    """Starts leaders. Keeps /dev/null open and the environments encoded."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        # by identity, with the object itself beside it: an id is unique only while its object lives
        self._encoded: dict[int, tuple[Mapping[str, str], dict[bytes, bytes]]] = {}

    def spawn(self, attempt: Attempt, marks: tuple[bytes, bytes], stdout: int, stderr: int) -> int:
        """The pid of the started leader, which the caller must reap. `marks` are `NAME=value` of its environment."""
        self._look_for_tools(attempt)
        try:
            env = dict(self._environment(attempt.env))
            if attempt.secrets is not None:
                env |= {os.fsencode(name): os.fsencode(value) for name, value in attempt.secrets.env.items()}
            for mark in marks:
                name, _, env[name] = mark.partition(b"=")
            process = subprocess.Popen(
                attempt.argv,
                executable=_program(attempt, env.get(b"PATH", _DEFAULT_PATH)),
                stdin=self._null,
                stdout=stdout,
                stderr=stderr,
                cwd=_folder(attempt),
                env=env,
                start_new_session=True,
                close_fds=True,
            )
        except (OSError, ValueError, IndexError) as error:
            raise _explained(error, attempt) from error
        process.returncode = 0  # the executor reaps by pidfd: Popen must neither poll nor warn
        return process.pid

    def close(self) -> None:
        os.close(self._null)

    def _look_for_tools(self, attempt: Attempt) -> None:
        path = self._environment(attempt.env).get(b"PATH", _DEFAULT_PATH) if attempt.tools else b""
        for name, install in attempt.tools:
            candidates = _candidates(os.fsencode(name), path, attempt.cwd)
            if not any(os.path.isfile(file) and os.access(file, os.X_OK) for file in candidates):
                hint = f"install it: {install}" if install else f"install {name}, or name its folder in PATH"
                raise StartError(f"the program {name!r} is not on PATH", hint)

    def _environment(self, env: Mapping[str, str]) -> dict[bytes, bytes]:
        known = self._encoded.get(id(env))
        if known is None:
            if len(self._encoded) >= _ENVIRONMENTS_KEPT:
                self._encoded.clear()
            known = env, {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
            self._encoded[id(env)] = known
        return known[1]


def _folder(attempt: Attempt) -> str:
    """Where the step begins, which no symlink leads out of the project. Looked at each time, since a step may have made
    it."""
    if attempt.cwd == attempt.root:
        return attempt.cwd
    real = os.path.realpath(attempt.cwd)
    if not lies_within(attempt.root, real):
        hint = f"name a folder inside {attempt.root} in `cwd`; a command may go where it wants"
        raise StartError(f"the folder {attempt.cwd} leads out of the project, to {real}", hint)
    return real


@lru_cache(maxsize=256)
def _candidates(name: bytes, path: bytes, cwd: str) -> list[bytes]:
    """The files that a program may be, in order. A relative entry of the path counts from the step's own folder."""
    return [os.path.join(os.fsencode(cwd), folder, name) for folder in path.split(b":")]


def _program(attempt: Attempt, path: bytes) -> bytes:
    """The first file on the step's own PATH that may be executed. Looked up anew each time, since a step may have
    installed it."""
    name = os.fsencode(attempt.argv[0])
    if b"/" in name:
        return name
    candidates = _candidates(name, path, attempt.cwd) if name else []
    for file in candidates:
        if os.access(file, os.X_OK) and os.path.isfile(file):
            return file
    for file in candidates:
        if os.path.isfile(file):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), file)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _explained(error: Exception, attempt: Attempt) -> StartError:
    if isinstance(error, OSError):
        return StartError(*_refusal(error, attempt))
    if not attempt.argv:
        return StartError("the command is an empty list", "name the program to start")
    return StartError(
        f"the command or its environment cannot be passed to a program: {error}",
        "leave out NUL characters, and `=` in the names of variables",
    )


def _refusal(error: OSError, attempt: Attempt) -> tuple[str, str]:
    name, cwd, code = attempt.argv[0], attempt.cwd, error.errno
    if not os.path.isdir(cwd):
        return f"the folder {cwd} does not exist", "correct `cwd`, or create the folder in a node before"
    if code == errno.EACCES and not os.access(cwd, os.X_OK):
        return f"the folder {cwd} may not be entered", "change its mode, or `cwd`"
    if code == errno.ENOENT and "/" not in name:
        return f"the program {name!r} is not on PATH", "install it, or put its folder on PATH in `env`"
    if code == errno.ENOENT and os.path.exists(os.path.join(cwd, name)):
        return f"the interpreter of {name} does not exist", "correct the first line (`#!…`) of the script"
    if code == errno.ENOENT:
        return f"the program {name} does not exist", f"a relative name counts from `cwd`, here {cwd}"
    program = name if "/" in name else os.fsdecode(error.filename or name)
    if code == errno.EACCES:
        return f"the program {program} is not executable", f"`chmod +x {program}`, or name its interpreter"
    if code == errno.ENOEXEC:
        return f"the system cannot run {program}: it has no known format", "a script needs a first line `#!…`"
    if code == errno.E2BIG:
        return "the command and its environment are too long for the system", "pass long values in a file"
    if code in (errno.EAGAIN, errno.ENOMEM):
        return f"the system cannot start another process: {error.strerror}", "run fewer jobs at once"
    if code in (errno.EMFILE, errno.ENFILE):
        return f"no file descriptor is free: {error.strerror}", "raise `ulimit -n`, or run fewer jobs at once"
    return f"{program} cannot be started: {error.strerror}", "look up the system's own message"

"""Carries out `orch` commands, each in a fork, so that the engine is imported once for all of them.

A script; its stdin is a socket. A request is a JSON object `{argv, cwd, env}` and four descriptors: the command's
stdin, stdout and stderr, and a pipe that gets two numbers, the process and how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import socket
import sys
import time
from contextlib import suppress

import orch

MOST, MOST_OPEN = 1 << 18, 1 << 10


def serve(requests: socket.socket) -> None:
    """Until nobody asks any more. Commands may run at the same time."""
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready == requests.fileno():
                message, descriptors, _, _ = socket.recv_fds(requests, MOST, 4)
                if not message:
                    return
                *streams, told = descriptors
                pid = os.fork()
                if not pid:
                    _become(streams, **json.loads(message))
                for fd in streams:
                    os.close(fd)
                with suppress(BrokenPipeError):
                    os.write(told, f"{pid}\n".encode())
                over = os.pidfd_open(pid)
                running[over] = pid, told
                poll.register(over, select.POLLIN)
            else:
                poll.unregister(ready)
                os.close(ready)
                pid, told = running.pop(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with suppress(BrokenPipeError):  # a test that ran out of time does not listen any more
                    os.write(told, f"{code}\n".encode())
                os.close(told)


def _become(streams: list[int], argv: list[str], cwd: str, env: dict[str, str]) -> None:
    """The process that a shell would have started."""
    code = 70
    try:
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        os.closerange(3, MOST_OPEN)
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
        os.chdir(cwd)
        coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}  # by the interpreter's start
        os.environ.clear()
        os.environ.update(env | coerced)
        time.tzset()
        sys.argv = argv
        gc.unfreeze()
        from orch.__main__ import main

        main()
    except SystemExit as end:  # it could not write to a stream
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = 120
        os._exit(code)


if __name__ == "__main__":
    for module in pkgutil.walk_packages(orch.__path__, "orch."):
        if module.name != "orch.__main__" and not module.name.startswith("orch.testing"):
            importlib.import_module(module.name)
    gc.freeze()
    serve(socket.socket(fileno=os.dup(0)))

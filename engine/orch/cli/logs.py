"""Prints logs, and goes on while the run does."""

from __future__ import annotations

import sys
import time

from orch.app.records import logs
from orch.cli.session import Session, put, say
from orch.problems.problem import Exit
from orch.render.logs_text import log_title, shown_log

_EVERY_SECONDS = 0.5
_BLOCK = 1 << 16


def print_logs(session: Session, run: str, address: str | None, *, follow: bool, raw: bool) -> int:
    """Each log below its title. With `follow`, what is added as well, until the run has no owner."""
    files = logs(session.context, run, address)
    if not files and not follow:
        say("There is no log: a step that writes nothing leaves none.")
    positions: dict[str, int] = {}
    last = None
    while True:
        ended = not follow or _ended(session, run)
        for title, path in logs(session.context, run, address) if follow else files:
            last = _print(session, title, path, positions, last, many=len(files) != 1 or address is None, raw=raw)
        if ended:
            return Exit.OK
        time.sleep(_EVERY_SECONDS)


def _print(
    session: Session, title: str, path: str, positions: dict[str, int], last: str | None, *, many: bool, raw: bool
) -> str | None:
    """What a log holds beyond its position; the title of what was printed last."""
    with open(path, "rb") as file:
        file.seek(positions.get(path, 0))
        while block := file.read(_BLOCK):
            if many and last != title:
                put(log_title(title, session.out))
                last = title
            if raw:
                sys.stdout.flush()
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
            else:
                sys.stdout.write(shown_log(block))
            positions[path] = file.tell()
    sys.stdout.flush()
    return last


def _ended(session: Session, run: str) -> bool:
    from orch.app.records import is_running

    return not is_running(session.context, run)

"""What the verbs that carry a run on have in common: who tells the user, and where errors end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from orch.cli.boundary import guarded
from orch.cli.session import Session
from orch.render.progress import Area, LineReporter

if TYPE_CHECKING:
    from orch.render.events_json import JsonReporter

Teller = Union[LineReporter, "JsonReporter"]
Guard = Callable[[Callable[[], int]], int]


def telling(session: Session, *, as_json: bool, action: str) -> tuple[Teller, Guard]:
    """The reporter, and the guard that the contained process works in."""
    from orch.app.root import find_root

    context = session.context
    teller: Teller
    if as_json:
        from orch.render.events_json import JsonReporter

        teller = JsonReporter(sys.stdout)
    else:
        teller = LineReporter(
            sys.stderr,
            sys.stdout,
            session.err,
            session.out,
            root=find_root(context.cwd),
            cwd=context.cwd,
            steady=context.clock.steady,
            now_ms=context.clock.now_ms,
            verbose=session.verbose > 0,
            live=_area if session.err.live else None,
            action=action,
        )

    def guard(work: Callable[[], int]) -> int:
        def told() -> int:
            try:
                return work()
            finally:
                teller.close()

        return guarded(told, session)

    return teller, guard


def _area() -> Area:
    from orch.render.live import LiveArea

    return LiveArea(sys.stderr, lambda: os.get_terminal_size(sys.stderr.fileno()))

"""What the verbs that carry a run on have in common: who tells the user, and where errors end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orch.cli.boundary import guarded
from orch.cli.session import Session, drop_unwritten
from orch.render.progress import Area, LineReporter

if TYPE_CHECKING:
    from orch.app.reporting import RunInfo
    from orch.model.compiled import Compiled
    from orch.model.events import Event
    from orch.model.state import RunState
    from orch.problems.problem import Exit
    from orch.render.answers import JsonAnswers, LineAnswers
    from orch.render.events_json import JsonReporter

Guard = Callable[[Callable[[], int]], int]


class Steadfast:
    """A reporter whose readers may go away: the run goes on, and what is left to say goes nowhere."""

    def __init__(self, teller: LineReporter | JsonReporter) -> None:
        self._teller = teller

    def opened(self, run: RunInfo, plan: Compiled, state: RunState) -> None:
        """This owner begins."""
        with _unheard():
            self._teller.opened(run, plan, state)

    def happened(self, events: Sequence[Event], state: RunState) -> None:
        """These events were recorded."""
        with _unheard():
            self._teller.happened(events, state)

    def tick(self, state: RunState) -> None:
        """Time goes by."""
        with _unheard():
            self._teller.tick(state)

    def ended(self, run: RunInfo, state: RunState, code: Exit) -> None:
        """The owner stops."""
        with _unheard():
            self._teller.ended(run, state, code)

    def close(self) -> None:
        """Leave the terminal as it was."""
        with _unheard():
            self._teller.close()


@contextmanager
def _unheard() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        drop_unwritten()


def telling(session: Session, *, as_json: bool, action: str) -> tuple[Steadfast, Guard]:
    """The reporter, and the guard that the contained process works in."""
    from orch.app.root import find_root

    context = session.context
    teller: LineReporter | JsonReporter
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

    steadfast = Steadfast(teller)

    def guard(work: Callable[[], int]) -> int:
        def told() -> int:
            try:
                return work()
            finally:
                steadfast.close()

        return guarded(told, session)

    return steadfast, guard


def listening(session: Session, *, as_json: bool) -> LineAnswers | JsonAnswers:
    """Who tells the user of a request to the owner of a run."""
    from orch.render.answers import JsonAnswers, LineAnswers

    return JsonAnswers(sys.stdout) if as_json else LineAnswers(sys.stderr, session.err)


def _area() -> Area:
    from orch.render.live import LiveArea

    return LiveArea(sys.stderr, lambda: os.get_terminal_size(sys.stderr.fileno()))

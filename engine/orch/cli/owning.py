"""What the verbs that carry a run on have in common: who tells the user, and where errors end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from orch.cli.boundary import guarded
from orch.cli.pump import HURRIED_SECONDS, PATIENCE_SECONDS, Pump
from orch.cli.session import Session, say
from orch.render.progress import Area, LineReporter, left_out

if TYPE_CHECKING:
    from orch.app.runs import Guard
    from orch.app.signals import Interruption
    from orch.render.answers import JsonAnswers, LineAnswers
    from orch.render.events_json import JsonReporter


def telling(session: Session, *, as_json: bool, action: str) -> tuple[LineReporter | JsonReporter, Guard]:
    """The reporter, and the guard that the contained process works in. What is told there goes through a pump: the run
    waits for nobody who reads, and where they go away it goes on."""
    from orch.app.root import find_root

    context = session.context
    pump = Pump()
    err, out = session.err, session.out
    talk = pump.stream(sys.stderr, lambda lines: left_out(lines, err))
    reporter: LineReporter | JsonReporter
    if as_json:
        from orch.render.events_json import JsonReporter, gap

        data = pump.stream(sys.stdout, gap)
        reporter = JsonReporter(data, talk)
    else:
        data = pump.stream(sys.stdout, lambda lines: left_out(lines, out))
        reporter = LineReporter(
            talk,
            data,
            err,
            out,
            root=find_root(context.cwd),
            cwd=context.cwd,
            steady=context.clock.steady,
            now_ms=context.clock.now_ms,
            verbose=session.verbose > 0,
            live=(lambda: _area(talk, pump.idle)) if err.live else None,
            action=action,
        )

    def guard(interrupted: Interruption, work: Callable[[], int]) -> int:
        def told() -> int:
            try:
                return work()
            finally:
                reporter.close()

        code = guarded(pump.start, session)
        if code:
            return code
        with _instead(data, talk):
            code = guarded(told, session)
            refused = _all_told(pump, interrupted)
            if refused:
                code = guarded(lambda: _refuse(refused, reporter.verdict), session)
                _all_told(pump, interrupted)
        return code

    return reporter, guard


def listening(session: Session, *, as_json: bool) -> LineAnswers | JsonAnswers:
    """Who tells the user of a request to the owner of a run."""
    from orch.render.answers import JsonAnswers, LineAnswers

    return JsonAnswers(sys.stdout) if as_json else LineAnswers(sys.stderr, session.err)


@contextmanager
def _instead(out: TextIO, err: TextIO) -> Iterator[None]:
    """Errors are told by the same way."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _all_told(pump: Pump, interrupted: Interruption) -> OSError | None:
    before = interrupted.count()
    return pump.finish(lambda: interrupted.count() != before, HURRIED_SECONDS if before else PATIENCE_SECONDS)


def _refuse(error: OSError, verdict: str) -> int:
    """What the stream would have said last is told on the other one."""
    say(verdict)
    raise error


def _area(talk: TextIO, ready: Callable[[], bool]) -> Area:
    from orch.render.live import LiveArea

    return LiveArea(talk, lambda: os.get_terminal_size(talk.fileno()), ready)

"""orch poll"""

from __future__ import annotations

import re

import click

from orch.cli.options import format_options, run_argument, verb
from orch.cli.session import Session
from orch.problems.problem import Exit

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Wait(click.ParamType[float]):
    """A length of time: 500ms, 10s, 2m, 1h. In seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", str(value))
        if match is None:
            self.fail(f"`{value}` is not a length of time; write 500ms, 10s, 2m or 1h", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


@verb("poll")
@run_argument
@format_options("text", "json")
@click.option("--since", type=click.IntRange(min=0), metavar="CURSOR", help="Only what changed since this cursor.")
@click.option("--wait", type=Wait(), metavar="DUR", help="Wait until something changes, at most so long (10s, 2m).")
@click.option("--watch", is_flag=True, help="Go on until the run ends or waits.")
def command(session: Session, run: str, form: str, since: int | None, wait: float | None, watch: bool) -> int:
    """Say how a run stands: its state, its steps, what waits for whom. Writes nothing."""
    from orch.cli.polling import poll_once, watch_run

    if watch and wait is not None:
        raise click.UsageError("--watch and --wait exclude each other")
    if watch:
        watch_run(session, run, since, as_json=form == "json")
    else:
        poll_once(session, run, since, wait, as_json=form == "json")
    return Exit.OK

"""orch settle"""

from __future__ import annotations

import click

from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session


@verb("settle")
@run_argument
@click.argument("address")
@click.option("--done/--not-done", "done", default=None, help="Was what it does done?")
@json_flag
def command(session: Session, run: str, address: str, done: bool | None, as_json: bool) -> int:
    """Say whether a step in doubt was done.

    A step with `effect: {once: …}` that was cut off is not run again before somebody, or its probe, says so. ADDRESS is
    the step's, as `orch poll` shows it.
    """
    if done is None:
        raise click.UsageError(f"say which: orch settle {run} {address} --done, or --not-done")
    from orch.app.runs import settle
    from orch.cli.owning import listening, telling

    reporter, guard = telling(session, as_json=as_json, action="settle")
    how, listener = "done" if done else "not-done", listening(session, as_json=as_json)
    return settle(session.context, run, address, how, reporter, guard, listener)

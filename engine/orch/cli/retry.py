"""orch retry"""

from __future__ import annotations

import click

from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session


@verb("retry")
@run_argument
@click.option("--failed", is_flag=True, help="What made the run fail, and what was skipped because of it.  [default]")
@click.option("--from", "start", multiple=True, metavar="STEPS", help="These, and all that is behind them.")
@click.option("--only", multiple=True, metavar="STEPS", help="These; what is behind them stays as it is.")
@click.option("--exclude", multiple=True, metavar="STEPS", help="These stay as they are.")
@click.option(
    "--once-more", multiple=True, metavar="ADDRESS", help="A step with `effect: once` that may happen a second time."
)
@json_flag
def command(
    session: Session,
    run: str,
    failed: bool,
    start: tuple[str, ...],
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    once_more: tuple[str, ...],
    as_json: bool,
) -> int:
    """Decide steps of a run again: those that failed, or those that STEPS selects.

    What succeeded stays as it is unless it is named, and so does a failure that was allowed.
    STEPS is a selection, as `orch plan --select` takes it.
    """
    if failed + bool(start) + bool(only) > 1:
        raise click.UsageError("--failed, --from and --only exclude each other")
    from orch.app.retrying import asked, warnings
    from orch.app.runs import retry
    from orch.cli.owning import telling
    from orch.cli.warnings import warn

    again = asked(steps=start or only, behind=bool(start), excluded=exclude, once_more=once_more)
    warn(warnings(session.context, run, again))
    reporter, guard = telling(session, as_json=as_json, action="retry")
    return retry(session.context, run, again, reporter, guard)

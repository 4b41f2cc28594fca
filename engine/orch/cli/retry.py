"""orch retry"""

from __future__ import annotations

import click

from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session


@verb("retry")
@run_argument
@click.option("--failed", is_flag=True, help="What made the run fail, and what was skipped because of it.")
@json_flag
def command(session: Session, run: str, failed: bool, as_json: bool) -> int:
    """Decide again what failed in a run; what succeeded stays as it is, and so does a failure that was allowed."""
    if not failed:
        raise click.UsageError(f"say what is to be decided again: orch retry {run} --failed")
    from orch.app.drift import drift
    from orch.app.runs import retry
    from orch.cli.owning import telling
    from orch.cli.warnings import warn

    warn(drift(session.context, run))
    reporter, guard = telling(session, as_json=as_json, action="retry")
    return retry(session.context, run, reporter, guard)

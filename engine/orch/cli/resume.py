"""orch resume"""

from __future__ import annotations

import click

from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session


@verb("resume")
@run_argument
@click.option("--token", metavar="T", help="Go on only if this is the run's token, which lies in its resume-token.")
@json_flag
def command(session: Session, run: str, token: str | None, as_json: bool) -> int:
    """Go on with a run that waits at a gate or was interrupted.

    What has finished is not run again. It goes on with the plan that the run was started with; of a run that has ended
    nothing is run.
    """
    from orch.app.drift import drift
    from orch.app.runs import resume
    from orch.cli.owning import telling
    from orch.cli.warnings import warn

    warn(drift(session.context, run))
    reporter, guard = telling(session, as_json=as_json, action="resume")
    return resume(session.context, run, reporter, guard, token)

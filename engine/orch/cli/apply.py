"""orch apply"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import planning, verb
from orch.cli.session import Session


@verb("apply")
@click.argument("pipeline", required=False, metavar="[PIPELINE|plan.json]", shell_complete=files)
@planning
@click.option("--dirty", is_flag=True, help="With `workspace: branch`: take along what no commit holds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each event.")
def command(
    session: Session,
    pipeline: str | None,
    inputs: tuple[str, ...],
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    task: str | None,
    fail_fast: bool,
    dirty: bool,
    as_json: bool,
) -> int:
    """Run a pipeline: always a new run, in its own folder below .runs/.

    A plan that was saved with `orch plan -o` is run as it is, or refused where a file has changed since.
    Exit codes: 0 done, 1 something failed, 4 waiting for a person, 5 rejected or over its budget, 130 interrupted.
    """
    from orch.app.planning import PlanRequest, make_plan
    from orch.app.runs import apply
    from orch.cli.owning import telling
    from orch.cli.warnings import warn

    request = PlanRequest(pipeline, inputs, select, jobs, task, fail_fast, exclude, dirty)
    if pipeline is not None and pipeline.endswith(".json"):
        from orch.app.saved import load_saved

        planned = load_saved(session.context, pipeline, request)
    else:
        planned = make_plan(session.context, request)
    if "workspace" in planned.compiled.head:
        from orch.app.workspace import refuse_dirt

        refuse_dirt(planned.warnings)
    warn(planned.warnings)
    reporter, guard = telling(session, as_json=as_json, action="run")
    return apply(session.context, planned, reporter, guard)

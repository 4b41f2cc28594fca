"""orch plan"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import json_flag, planning, verb
from orch.cli.session import Session, put, say
from orch.problems.problem import Exit


@verb("plan")
@click.argument("pipeline", required=False, shell_complete=files)
@planning
@click.option("--dry-run", is_flag=True, help="Go on to the end: assume that gates are open.")
@click.option(
    "-o", "--out", metavar="FILE", shell_complete=files, help="Save the plan; `orch apply FILE` runs exactly that."
)
@json_flag
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 where there is work to do.")
def command(
    session: Session,
    pipeline: str | None,
    inputs: tuple[str, ...],
    select: tuple[str, ...],
    jobs: int | None,
    task: str | None,
    fail_fast: bool,
    dry_run: bool,
    out: str | None,
    as_json: bool,
    detailed_exitcode: bool,
) -> int:
    """Say what would happen to each step of a pipeline, and why.

    Nothing is run, and nothing is written in the project but FILE. Gates are looked at as they stand now.
    The critical path is the chain of steps that took longest, in the newest runs of the pipeline that succeeded.
    """
    from orch.app.critical import critical_path
    from orch.app.planning import PlanRequest, make_plan
    from orch.app.prospects import prospects
    from orch.cli.warnings import warn

    request = PlanRequest(pipeline, inputs, select, jobs, task, fail_fast)
    planned = make_plan(session.context, request)
    warn(planned.warnings)
    foreseen = prospects(session.context, planned, request, dry_run=dry_run)
    critical = critical_path(planned, foreseen)
    if as_json:
        from orch.render.plan_json import plan_json

        put(plan_json(planned.compiled, foreseen, critical, dry_run=dry_run))
    else:
        from orch.render.plan_text import plan_text

        put(plan_text(planned.compiled, foreseen, session.out, critical, dry_run=dry_run))
    if out is not None:
        from orch.store.atomic import write_file

        write_file(out, planned.plan.data, mode=0o644)
        say(f"Saved as {out}. Run exactly this: orch apply {out}")
    if detailed_exitcode and any(prospect.word != "skip" for prospect in foreseen):
        return Exit.WORK_TO_DO
    return Exit.OK

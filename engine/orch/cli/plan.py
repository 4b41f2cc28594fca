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
    "--stubs",
    metavar="FILE",
    shell_complete=files,
    help="With --dry-run: what nodes give and how gates stand, by this file.",
)
@click.option(
    "--stubs-init",
    metavar="FILE",
    shell_complete=files,
    help="With --dry-run: write such a file, with a stub for every node that others read.",
)
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
    exclude: tuple[str, ...],
    jobs: int | None,
    task: str | None,
    fail_fast: bool,
    dry_run: bool,
    stubs: str | None,
    stubs_init: str | None,
    out: str | None,
    as_json: bool,
    detailed_exitcode: bool,
) -> int:
    """Say what would happen to each step of a pipeline, and why.

    Nothing is run, and nothing is written in the project but FILE. Gates are looked at as they stand now.
    The critical path is the chain of steps that took longest, in the newest runs of the pipeline that succeeded.
    """
    import os

    from orch.app.critical import critical_path
    from orch.app.planning import PlanRequest, lacking, make_plan
    from orch.app.prospects import has_work, prospects
    from orch.cli.warnings import warn

    _refuse_halves(dry_run, stubs, stubs_init)
    request = PlanRequest(pipeline, inputs, select, jobs, task, fail_fast, exclude)
    if out is not None:
        request = request._replace(saved=os.path.join(session.context.cwd, out))
    planned = make_plan(session.context, request)
    if out is not None and not dry_run and "workspace" in planned.compiled.head:
        from orch.app.workspace import refuse_dirt

        refuse_dirt(planned.warnings)
    warn([*planned.warnings, *lacking(session.context, planned)])
    if stubs_init is not None:
        from orch.app.stubs import write_stubs

        count = write_stubs(session.context, planned, stubs_init)
        path = planned.compiled.head["pipeline"]["path"]
        say(f"Written: {stubs_init}, {count} stubs. Fill it in; then: orch plan {path} --dry-run --stubs {stubs_init}")
        return Exit.OK
    plan, foreseen = planned.compiled, None
    if stubs is not None:
        from orch.app.prospects import rehearsed
        from orch.app.stubs import read_stubs

        plan, _, foreseen, *_ = rehearsed(session.context, planned, read_stubs(session.context, planned, stubs))
    foreseen = foreseen or prospects(session.context, planned, request, dry_run=dry_run)
    critical = critical_path(planned, foreseen[: len(planned.compiled.steps)])
    if as_json:
        from orch.render.plan_json import plan_json

        put(plan_json(plan, foreseen, critical, dry_run=dry_run))
    else:
        from orch.render.plan_text import plan_text

        put(plan_text(plan, foreseen, session.out, critical, dry_run=dry_run, stubs=stubs))
    if out is not None:
        from orch.cli.writing import write_out

        write_out(session.context.cwd, out, planned.plan.data)
        say(f"Saved as {out}. Run exactly this: orch apply {out}")
    if detailed_exitcode and has_work(plan, foreseen):
        return Exit.WORK_TO_DO
    return Exit.OK


def _refuse_halves(dry_run: bool, stubs: str | None, stubs_init: str | None) -> None:
    for name, value in (("--stubs", stubs), ("--stubs-init", stubs_init)):
        if value is not None and not dry_run:
            raise click.UsageError(f"{name} belongs to --dry-run: what is simulated is no plan of a run")
    if stubs is not None and stubs_init is not None:
        raise click.UsageError("--stubs and --stubs-init exclude each other: one reads the file, the other writes it")

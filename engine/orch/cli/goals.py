"""orch goals"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import exclude, jobs, select, task, verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("goals")
@click.argument("file", shell_complete=files)
@click.option("--dry-run", is_flag=True, help="Show every run that it would make, and run nothing.")
@jobs
@task
@select
@exclude
@click.option(
    "--json", "as_json", is_flag=True, help="JSON: an object a line for each event; with --dry-run one object."
)
def command(
    session: Session,
    file: str,
    dry_run: bool,
    jobs: int | None,
    task: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    as_json: bool,
) -> int:
    """Run what FILE says for each of its goals: pipelines, or a command of adapters; all of it is one run.

    One goal that fails leaves the others alone. `orch plan FILE` shows every step; `orch retry RUN --from STEPS` takes
    a goal up again.
    """
    from orch.app.goals import plan_goals
    from orch.app.planning import PlanRequest
    from orch.cli.warnings import warn

    request = PlanRequest(file, select=select, jobs=jobs, task=task, exclude=exclude)
    planned = plan_goals(session.context, request)
    warn(planned.warnings)
    if dry_run:
        from orch.app.prospects import prospects
        from orch.render.goals_text import goals_json, goals_text
        from orch.run.parts import parts

        found = parts(planned.compiled, prospects(session.context, planned, request, dry_run=True))
        put(goals_json(planned.compiled, found) if as_json else goals_text(planned.compiled, found, session.out))
        return Exit.OK
    from orch.app.runs import apply
    from orch.cli.owning import telling

    reporter, guard = telling(session, as_json=as_json, action="run")
    return apply(session.context, planned, reporter, guard)

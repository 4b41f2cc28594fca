"""orch runs list, show, logs, errors"""

from __future__ import annotations

import re
import shlex
from typing import Any

import click

from orch.cli.group import VerbGroup
from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session, put, say
from orch.problems.problem import Exit


@click.group("runs", cls=VerbGroup, default="list")
def command() -> None:
    """List the runs of the project; show one, its logs, its errors.

    `orch runs` is `orch runs list`.
    """


class Limit(click.ParamType[int | None]):
    """How many: a number from 1 on, or `all` (None)."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """None stands for all."""
        if value == "all":
            return None
        if not re.fullmatch("[0-9]{1,9}", str(value)) or int(str(value)) < 1:
            self.fail(f"`{value}` is neither a number from 1 on nor `all`", param, ctx)
        return int(str(value))


@verb("list")
@click.option("--task", metavar="ID", help="Only the runs of this task.")
@click.option(
    "--select",
    multiple=True,
    metavar="RUNS",
    help="Only these: status:failed, task:0042, pipeline:ci, or ids; a comma is and, a space is or.",
)
@click.option("--exclude", multiple=True, metavar="RUNS", help="Not these, whatever is selected.")
@click.option("--limit", type=Limit(), default="20", show_default=True, metavar="N", help="The newest N, or `all`.")
@json_flag
def listed(
    session: Session,
    task: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> int:
    """List the runs, newest first."""
    from orch.app.records import list_runs
    from orch.render.runs_text import runs_json, runs_text

    if select or exclude:
        from orch.app.selected_runs import wanted

        rows, more = list_runs(session.context, task=task, limit=limit, wanted=wanted(select, exclude))
    else:
        rows, more = list_runs(session.context, task=task, limit=limit)
    put(runs_json(rows, more=more) if as_json else runs_text(rows, session.out))
    for row in rows:
        if row.status == "damaged":
            say(f"{row.run_id} cannot be read. What is wrong with it: orch verify {row.run_id}")
    if more:
        of = f" --task {task}" if task else ""
        of += "".join(f" --select {shlex.quote(text)}" for text in select)
        of += "".join(f" --exclude {shlex.quote(text)}" for text in exclude)
        say(f"These are the newest {limit}. For all of them: orch runs list{of} --limit all")
    elif not rows and (select or exclude):
        say("No run is meant by that.")
    elif not rows and not as_json:
        say(f"Task {task} has no run." if task else "There is no run yet. orch apply PIPELINE makes one.")
    return Exit.OK


@verb("show")
@run_argument
@click.option("--select", multiple=True, metavar="STEPS", help="Only these steps, such as status:failed.")
@click.option("--exclude", multiple=True, metavar="STEPS", help="Not these steps.")
@json_flag
def shown(session: Session, run: str, select: tuple[str, ...], exclude: tuple[str, ...], as_json: bool) -> int:
    """Show a run: its state, its gates and its steps, as the journal tells them."""
    from orch.app.records import show

    if select or exclude:
        from orch.app.selected_steps import wanted

        manifest = show(session.context, run, wanted(run, select, exclude))
    else:
        manifest = show(session.context, run)
    if as_json:
        from orch.render.run_text import run_json

        put(run_json(manifest))
    else:
        from orch.render.run_text import run_text

        put(run_text(manifest, session.out))
    if not manifest["steps"] and (select or exclude):
        say("No step is meant by that.")
    return Exit.OK


@verb("logs")
@run_argument
@click.argument("address", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--raw", is_flag=True, help="The bytes as written; else what a terminal would obey is escaped.")
def logged(session: Session, run: str, address: str | None, follow: bool, raw: bool) -> int:
    """Print the logs of a run, or of one step (ADDRESS)."""
    from orch.cli.logs import print_logs

    return print_logs(session, run, address, follow=follow, raw=raw)


@verb("errors")
@run_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "junit", "sarif"]),
    default=None,
    help="github: annotations for a pull request.  [default: text]",
)
@json_flag
def failed(session: Session, run: str, form: str | None, as_json: bool) -> int:
    """Show every failed attempt of a run, with the end of its log.

    For other tools (github, junit, sarif): what each step's last failed attempt found, and where. What may fail is a
    warning there, and what came right in the end is left out.
    """
    from orch.app.records import errors
    from orch.render.errors_text import errors_text

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other")
    form = "json" if as_json else form or "text"
    found = errors(session.context, run, standing=form not in ("text", "json"))
    put(errors_text(found, session.out) if form == "text" else _for_tools(form, found))
    if not found and form == "text":
        say("No attempt has failed.")
    return Exit.OK


def _for_tools(form: str, found: list[dict[str, Any]]) -> str:
    if form == "github":
        from orch.render.errors_github import errors_github

        return errors_github(found)
    if form == "junit":
        from orch.render.errors_junit import errors_junit

        return errors_junit(found)
    if form == "sarif":
        from orch.render.errors_sarif import errors_sarif

        return errors_sarif(found)
    from orch.render.errors_text import errors_json

    return errors_json(found)


for each in (listed, shown, logged, failed):
    command.add_command(each)

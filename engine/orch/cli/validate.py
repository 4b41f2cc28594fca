"""orch validate"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import verb
from orch.cli.session import Session, put, say
from orch.problems.problem import Exit, OrchError, Problem


@verb("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=files)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="github: annotations for a pull request.",
)
def command(session: Session, paths: tuple[str, ...], form: str) -> int:
    """Find every mistake in pipelines, orch.yaml, adapters and decisions, each with its place.

    Without a PATH: orch.yaml, pipelines/, adapters/ and the decisions below tasks/. Nothing is run or written.
    """
    from orch.app.validate import validate

    found = validate(session.context, paths)
    if found.files == 0:
        what = " in ".join(["no YAML file", *([", ".join(paths)] if paths else [])])
        hint = "orch init makes a first project; or name the files: orch validate PATH"
        raise OrchError(Problem("O287", f"there is nothing to check: {what}", hint=hint), Exit.USAGE)
    if form == "json":
        from orch.render.problems_json import problems_json

        put(problems_json(found.files, found.problems))
    elif form == "github":
        from orch.render.problems_github import github_annotations

        put(github_annotations(found.problems))
    else:
        from orch.render.problems_text import render_problems

        put(render_problems(found.problems))
    bad = any(problem.severity == "error" for problem in found.problems)
    if form == "text" and not bad:
        from orch.render.lengths import counted

        say(f"{session.err.icon('ok')} {counted(found.files, 'file')}, no mistakes")
    return Exit.INVALID if bad else Exit.OK

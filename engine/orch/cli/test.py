"""orch test"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import format_options, verb
from orch.cli.session import Session, put, say
from orch.problems.problem import Exit


@verb("test")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=files)
@format_options("text", "json", "junit")
def command(session: Session, paths: tuple[str, ...], form: str) -> int:
    """Hold pipelines to the cases beside them. No command of a pipeline is started.

    The cases of pipelines/NAME.yaml are the YAML files in pipelines/NAME.tests/: inputs, what nodes give, what people
    decide, and how the run must end. PATH is a pipeline, a case, or a folder; without it all below pipelines/.
    Exit codes: 0 all hold, 1 one does not, 2 there is none, 3 one has mistakes.
    """
    from orch.app.cases import hold_cases

    held = hold_cases(session.context, paths)
    wrong = sum(bool(case.differences) for case in held)
    if form == "json":
        from orch.render.cases_json import cases_json

        put(cases_json(held))
    elif form == "junit":
        from orch.render.cases_junit import cases_junit

        put(cases_junit(held))
    else:
        from orch.render.cases_text import cases_text, counted_cases

        put(cases_text(held, session.out))
        say(counted_cases(len(held), wrong))
    return Exit.FAILED if wrong else Exit.OK

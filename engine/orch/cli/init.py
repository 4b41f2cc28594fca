"""orch init"""

from __future__ import annotations

import click

from orch.app.bundled import examples
from orch.cli.options import verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("init")
@click.option(
    "--example",
    type=click.Choice(examples()),
    help="Begin with a pipeline for this stack, and in a folder without sources of it with a small package.",
)
def command(session: Session, example: str | None) -> int:
    """Make the working folder a project that passes `orch validate` and runs.

    Writes orch.yaml with an id of its own, a first pipeline where there is none, and schemas for editors. A file that
    is there already is left as it is. With --example the pipeline sets up, lints, tests and builds what is here.
    """
    from orch.app.initialise import initialise
    from orch.render.init_text import init_text

    put(init_text(initialise(session.context, example), session.out))
    return Exit.OK

"""orch adapters list, show, test"""

from __future__ import annotations

import click

from orch.cli.group import VerbGroup
from orch.cli.options import json_flag, verb
from orch.cli.session import Session, put, say
from orch.problems.problem import Exit


@click.group("adapters", cls=VerbGroup, default="list")
def command() -> None:
    """List the adapters; show what one makes of this project, test one on its cases.

    `orch adapters` is `orch adapters list`.
    """


@verb("list")
@json_flag
def listed(session: Session, as_json: bool) -> int:
    """List the adapters of the project and those that ship, with the strongest sign that each finds here."""
    from orch.app.adapters import list_adapters
    from orch.render.adapters_json import listing_json
    from orch.render.adapters_text import listing_text

    found = list_adapters(session.context)
    put(listing_json(found) if as_json else listing_text(found, session.out))
    return Exit.OK


@verb("show")
@click.argument("name")
@click.option("--cwd", default=".", metavar="DIR", help="The `cwd` of a node: a folder, from the project's root.")
@json_flag
def shown(session: Session, name: str, cwd: str, as_json: bool) -> int:
    """Show an adapter here: signs, variables, tools, and what each command becomes. NAME may be `auto`."""
    from orch.app.adapters import show_adapter
    from orch.render.adapters_json import shown_json
    from orch.render.adapters_text import shown_text

    found = show_adapter(session.context, name, cwd)
    put(shown_json(found) if as_json else shown_text(found, session.out))
    return Exit.OK


@verb("test")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def tested(session: Session, names: tuple[str, ...]) -> int:
    """Hold adapters to their cases; without NAME all of them. Nothing is executed.

    A case is a file in the adapter's folder cases/: a tree of files, and the score, variables and commands expected.
    """
    from orch.app.adapters import check_cases
    from orch.render.adapters_text import cases_text, counted_cases

    found = check_cases(session.context, names)
    put(cases_text(found, session.out))
    say(counted_cases(found))
    wrong = any(case.differences for case in found.cases) or not found.cases
    return Exit.FAILED if wrong else Exit.OK


for each in (listed, shown, tested):
    command.add_command(each)

"""The pages of the documentation that follow from the code: `python -m orch.cli.reference cli|errors`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from orch.cli.group import root
from orch.cli.verbs import VERBS, root_help

_WIDTH = 98  # what a terminal of 100 columns is given


def cli_page() -> str:
    """docs/cli.md: the help of every verb."""
    lines = [
        "# Commands",
        "What `orch --help` and `orch COMMAND --help` print. Generated: `make docs`.",
        "",
        "```text",
        root_help().rstrip("\n"),
        "```",
    ]
    for name in VERBS:
        for path, command in _commands(name):
            lines += ["", f"## orch {' '.join(path)}", "", "```text", _help(path, command), "```"]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """docs/errors.md: every code of the catalogue."""
    from orch.render.codes_text import errors_page as page
    from orch.spec.codes import CODES

    return page(CODES)


PAGES: dict[str, Callable[[], str]] = {"cli": cli_page, "errors": errors_page}


def _commands(name: str) -> Iterator[tuple[list[str], click.Command]]:
    command = root.get_command(click.Context(root), name)
    assert command is not None, f"the table of verbs names {name}"
    yield [name], command
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield [name, below], each


def _help(path: list[str], command: click.Command) -> str:
    context = click.Context(
        command, info_name=f"orch {' '.join(path)}", terminal_width=_WIDTH, **command.context_settings
    )
    return command.get_help(context).rstrip("\n")


if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())

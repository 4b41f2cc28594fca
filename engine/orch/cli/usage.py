"""What was typed is not a command: say what is near, and what to type instead."""

from __future__ import annotations

import re

import click

from orch.render.problems_text import visible

_SAME = {"--only": "--select", "--skip": "--exclude", "--select": "--only"}
"""What other verbs and tools call an option."""


def usage_text(error: click.UsageError) -> str:
    """The message, the nearest name where there is one, and the help to ask for."""
    path = error.ctx.command_path if error.ctx else "orch"
    message, hint = _message(error), ""
    if isinstance(error, click.NoSuchOption):
        hint = _near(error.option_name, _options(error.ctx), _SAME.get(error.option_name))
    elif isinstance(error, UnknownVerb):
        hint = _near(error.name, error.names)
    usage = error.ctx.get_usage() if error.ctx and error.ctx.parent else ""
    helps = [*([hint] if hint else []), f"{path} --help"]
    return visible(f"error: {message}") + ("\n" + usage if usage else "") + f"\n   = help: {'; '.join(helps)}"


class UnknownVerb(click.UsageError):
    """There is no such verb. `names` are those that there are."""

    def __init__(self, name: str, names: list[str], ctx: click.Context) -> None:
        super().__init__(f"there is no command `{name}`", ctx)
        self.name, self.names = name, names


def _message(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"there is no option `{error.option_name}`"
    text = (
        re.sub(r"\s*\n\s*", " ", error.format_message()).strip().rstrip(".")
    )  # click lists choices on lines of their own
    return text[:1].lower() + text[1:]


def _options(ctx: click.Context | None) -> list[str]:
    return [name for param in ctx.command.params for name in param.opts] if ctx else []


def _near(given: str, names: list[str], same: str | None = None) -> str:
    import difflib

    if same in names:
        return f"did you mean `{same}`?"
    found = difflib.get_close_matches(given, names, 1, 0.6)
    return f"did you mean `{found[0]}`?" if found and len(given) > 2 else ""

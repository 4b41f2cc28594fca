"""The root command: verbs are imported when they are called, and a mistyped one is told what is near."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from orch import __version__
from orch.cli.session import Session, put
from orch.cli.usage import UnknownVerb
from orch.cli.verbs import VERBS, root_help

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Verb(click.Command):
    """A command that takes -v and -h, and keeps its help's line breaks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        kwargs["context_settings"] = {**settings, **(kwargs.get("context_settings") or {})}
        super().__init__(*args, **kwargs)
        self.params.append(verbose_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Who says that an option lacks its value does not say of which verb."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class VerbGroup(click.Group):
    """A verb with verbs of its own; without one, `default` is meant."""

    command_class = Verb

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        kwargs["context_settings"] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        kwargs["no_args_is_help"] = False
        super().__init__(*args, **kwargs)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`orch runs --json` means `orch runs list --json`; but where a shell asks what may follow `orch runs`, every
        verb may."""
        left_out = args[0].startswith("-") and args[0] not in ("-h", "--help") if args else not ctx.resilient_parsing
        if left_out:
            args = [self._default, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The verbs; and since the default's may be left out, its options."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            known = {item.value for item in found}
            with self.commands[self._default].make_context(self._default, [], ctx, resilient_parsing=True) as below:
                options = below.command.shell_complete(below, incomplete)
            found += [item for item in options if item.value not in known]
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb; an unknown one is an error that knows the others."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UnknownVerb(args[0], list(self.commands), ctx)
        return super().resolve_command(ctx, args)


class Root(click.Group):
    """`orch`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, imported now."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"orch.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb; an unknown one is an error that knows the others."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UnknownVerb(args[0], list(VERBS), ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """The same text as without click."""
        return root_help().rstrip("\n")


def verbose_option() -> click.Option:
    """-v, wherever it stands."""

    def louder(ctx: click.Context, param: click.Parameter, value: int) -> None:
        session = ctx.find_object(Session)
        if session is not None:
            session.verbose += value

    return click.Option(
        ["-v", "--verbose"], count=True, expose_value=False, callback=louder, help="Say more; -vv adds tracebacks."
    )


def version_option() -> click.Option:
    """--version, where something stands beside it."""

    def tell(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            put(f"orch {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=tell, help="Print the version."
    )


root = Root(
    "orch",
    params=[verbose_option(), version_option()],
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=False,
)

"""What a shell is offered for an argument. It is asked in the middle of a line: whatever is wrong, nothing is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orch.cli.session import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MOST = 20


def files(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The shell's own completion of file names."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def runs(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The newest runs that are meant, each with its state; @last and @failed."""
    from click.shell_completion import CompletionItem

    from orch.app.records import list_runs
    from orch.problems.problem import OrchError

    named = {"@last": "the newest run", "@failed": "the newest that failed"}
    session = context.find_object(Session)
    if session is not None:
        try:
            rows = list_runs(session.context, limit=_MOST, prefix=incomplete).rows
            named |= {row.run_id: f"{row.status} {row.pipeline}" for row in rows}
        except (OrchError, OSError):
            pass
    return [CompletionItem(name, help=told) for name, told in named.items() if name.startswith(incomplete)]

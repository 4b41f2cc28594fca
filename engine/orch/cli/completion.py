"""orch completion"""

from __future__ import annotations

import click

from orch.cli.options import verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit

_WHERE = {
    "bash": '# in ~/.bashrc:  eval "$(orch completion bash)"',
    "zsh": '# in ~/.zshrc:  eval "$(orch completion zsh)"',
    "fish": "# in ~/.config/fish/completions/orch.fish:  orch completion fish | source",
}


@verb("completion")
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
def command(session: Session, shell: str) -> int:
    """Print the script that makes a SHELL complete orch's verbs and options."""
    from click.shell_completion import get_completion_class

    from orch.cli.group import root

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    put(f"{_WHERE[shell]}\n{kind(root, {}, 'orch', '_ORCH_COMPLETE').source()}")
    return Exit.OK

"""orch gate list, orch gate show"""

from __future__ import annotations

import click

from orch.cli.group import VerbGroup
from orch.cli.options import json_flag, target, target_of, verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@click.group("gate", cls=VerbGroup, default="list")
def command() -> None:
    """Show the gates of the newest run that waits, of a run, or of a pipeline.

    `orch gate` is `orch gate list`.
    """


@verb("list")
@target
@json_flag
def listed(
    session: Session,
    run: str | None,
    pipeline: str | None,
    inputs: tuple[str, ...],
    task: str | None,
    as_json: bool,
) -> int:
    """List the gates: open or not, and what is missing."""
    from orch.app.gates import gates
    from orch.cli.warnings import warn
    from orch.render.gates_text import gates_text

    found = gates(session.context, target_of(run, pipeline, inputs, task), warn)
    if as_json:
        from orch.render.gates_json import gates_json

        put(gates_json(found))
    else:
        put(gates_text(found, session.out))
    return Exit.OK


@verb("show")
@click.argument("gate")
@target
@json_flag
def shown(
    session: Session,
    gate: str,
    run: str | None,
    pipeline: str | None,
    inputs: tuple[str, ...],
    task: str | None,
    as_json: bool,
) -> int:
    """Show one gate: its subject and digest, the decisions, and why it is open or shut."""
    from orch.app.gates import gates
    from orch.cli.warnings import warn
    from orch.render.gates_text import gate_text

    (found,) = gates(session.context, target_of(run, pipeline, inputs, task), warn, gate)
    if as_json:
        from orch.render.gates_json import gate_json

        put(gate_json(found))
    else:
        put(gate_text(found, session.out))
    return Exit.OK


command.add_command(listed)
command.add_command(shown)

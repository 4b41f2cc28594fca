"""orch schema"""

from __future__ import annotations

import click

from orch.cli.options import verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("schema")
@click.argument("kind", required=False)
def command(session: Session, kind: str | None) -> int:
    """Print the JSON Schema of a KIND of document: pipeline, project, adapter, goals, case or stubs. Without KIND they
    are listed."""
    from orch.app.bundled import KINDS, schema

    put(schema(kind) if kind else "\n".join(KINDS))
    return Exit.OK

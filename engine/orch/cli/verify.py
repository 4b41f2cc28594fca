"""orch verify"""

from __future__ import annotations

import click

from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("verify")
@run_argument
@click.option("--head", metavar="DIGEST", help="The head that `orch apply` printed: finds a cut end, too.")
@json_flag
def command(session: Session, run: str, head: str | None, as_json: bool) -> int:
    """Check that a run's record is whole and unchanged: journal, logs, artifacts, manifests.

    Without a head that was kept elsewhere it shows accidents, not a forger who rewrites everything.
    """
    from orch.app.branches import branch_lost
    from orch.app.records import verify
    from orch.cli.warnings import warn

    found = verify(session.context, run, head.removeprefix("sha256:") if head else None)
    lost = branch_lost(session.context, run)
    warn([] if lost is None else [lost])
    if as_json:
        from orch.render.verify_text import verified_json

        put(verified_json(found))
    else:
        from orch.render.verify_text import verified_text

        put(verified_text(found, session.out, against_head=head is not None))
    return Exit.CORRUPT if found.problems else Exit.OK

"""What approve, reject and revoke have in common: whose decision, about which gate, and where it was written."""

from __future__ import annotations

from typing import Literal

import click

from orch.cli.options import target, target_of, verb
from orch.cli.session import Session, put


def deciding(
    name: str, kind: Literal["approved", "rejected", "revoked"], text: str, reason: str = "Why; kept in the decision."
) -> click.Command:
    """The command for one kind of decision. What is revoked goes on saying what it was about, so that only new
    decisions take a digest."""

    @verb(name, help=text)
    @click.argument("gate")
    @click.option("--role", required=True, metavar="ROLE", help="The role that decides.")
    @click.option("--by", metavar="WHO", help="Who decides; may be left out where orch.yaml maps the git identity.")
    @click.option("--message", "-m", default="", metavar="WHY", help=reason)
    @target
    def command(
        session: Session,
        gate: str,
        role: str,
        by: str | None,
        message: str,
        run: str | None,
        pipeline: str | None,
        inputs: tuple[str, ...],
        task: str | None,
        digest: str | None = None,
    ) -> int:
        from orch.app.gates import decide
        from orch.cli.warnings import warn
        from orch.render.gates_text import written_text

        aim = target_of(run, pipeline, inputs, task)
        written = decide(session.context, kind, gate, role, by, message, aim, warn, digest)
        put(written_text(written, session.out))
        return 0

    if kind != "revoked":
        told = "Only if the subject still has this digest, as `orch gate show` prints it; 12 digits of it are enough."
        command.params.insert(4, click.Option(["--subject", "digest"], metavar="DIGEST", help=told))
    return command

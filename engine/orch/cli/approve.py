"""orch approve"""

from __future__ import annotations

from orch.cli.deciding import deciding

command = deciding(
    "approve",
    "approved",
    """Approve what a gate asks about, as it is now.

    The decision is bound to the digest that `orch gate show GATE` prints, and written as a small file below tasks/,
    to be reviewed and committed like any other. It runs nothing: `orch resume RUN` goes on.
    """,
)

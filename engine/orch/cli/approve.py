"""orch approve"""

from __future__ import annotations

from orch.cli.deciding import deciding

command = deciding(
    "approve",
    "approved",
    """Approve what a gate asks about.

    The decision is bound to the subject's digest, and written as a small file below tasks/, to be reviewed and
    committed like any other. `--subject` binds it to what you have read: the command that `orch gate show GATE` prints
    has it. Without, what lies there now is approved, and its digest is printed. It runs nothing: `orch resume RUN`
    goes on.
    """,
)

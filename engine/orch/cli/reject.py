"""orch reject"""

from __future__ import annotations

from orch.cli.deciding import deciding

command = deciding(
    "reject",
    "rejected",
    """Reject what a gate asks about: the gate stays shut until the decision is replaced or withdrawn.""",
)

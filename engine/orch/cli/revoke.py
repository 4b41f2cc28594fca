"""orch revoke"""

from __future__ import annotations

from orch.cli.deciding import deciding

command = deciding(
    "revoke", "revoked", """Withdraw a decision: it no longer counts, and its file says so.""", reason="Why."
)

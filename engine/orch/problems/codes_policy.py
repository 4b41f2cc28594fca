"""O5xx: policy and secrets."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

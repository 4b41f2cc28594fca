"""O6xx: runs and storage."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

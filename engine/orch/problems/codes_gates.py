"""O3xx: gates and decisions."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

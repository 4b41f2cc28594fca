"""O0xx: the YAML text itself."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

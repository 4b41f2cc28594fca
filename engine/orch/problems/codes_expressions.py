"""O25x-O29x: expressions."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

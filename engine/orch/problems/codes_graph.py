"""O20x-O24x: the graph, names and references."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

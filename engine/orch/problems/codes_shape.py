"""O1xx: the shape of a document, its keys and values."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {}

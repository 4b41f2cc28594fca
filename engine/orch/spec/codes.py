"""The catalogue of error codes, with what only the tables of the language can say."""

from __future__ import annotations

from collections.abc import Mapping

from orch.problems.catalogue import CODES as PAGES
from orch.problems.code import Code
from orch.spec.not_yet import NOT_YET, VALUES


def _not_yet() -> str:
    tables: tuple[Mapping[str, str], ...] = (*NOT_YET.values(), *VALUES.values())
    return ", ".join(sorted({words for table in tables for words in table.values()}, key=lambda one: one.strip("`")))


_O110 = PAGES["O110"]
CODES: dict[str, Code] = {**PAGES, "O110": _O110._replace(text=_O110.text.replace("{not_yet}", _not_yet()))}

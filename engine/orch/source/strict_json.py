"""JSON that a plan and a record can hold: no NaN, no number beyond all bounds, no half of a character."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any


def loads(text: str | bytes) -> Any:
    """The value. Raises ValueError with the reason, RecursionError where it is nested too deep."""
    value = json.loads(text, parse_constant=_constant, parse_float=_finite)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start].encode("unicode_escape").decode()
        raise ValueError(f"{half} is half of a character, which no text can hold") from error
    return value


def _constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError(f"the number {digits[:12]} is too large")
    return number

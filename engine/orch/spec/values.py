"""Does a value fit its input? The one answer for defaults in the YAML and for what the command line gives."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orch.spec.pipeline import Input

_WHOLE = range(-(1 << 63), 1 << 64)  # what other readers of JSON can be expected to hold
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "list": "a list",
}


def fits(kind: str, value: Any) -> bool:
    """Is the value one of this type? A boolean is no number, and a whole number is a number too."""
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return (isinstance(value, float) and isfinite(value)) or fits("integer", value)
    return isinstance(value, list | tuple)


def mismatch(declared: Input, value: Any) -> tuple[str, str | None] | None:
    """Why a value is not one that this input takes, as the end of a sentence (`is not …`), and a hint; None where it
    is. The pattern of the input compiles: that has been checked."""
    if declared.type == "enum":
        if value in declared.values and isinstance(value, str):
            return None
        from orch.spec.expressions.wording import names_text, nearest

        near = nearest(value, declared.values) if isinstance(value, str) else None
        hint = f"did you mean `{near}`?" if near else None
        return f"is not one of {names_text(declared.values)}", hint
    if not fits(declared.type, value):
        return f"is not {_WORDS[declared.type]}", None
    long = next((one for one in (value if isinstance(value, list | tuple) else [value]) if _is_long(one)), None)
    if long is not None:
        return f"holds a number of more than 64 bits, {str(long)[:12]}…", None
    if declared.type == "list":
        items = declared.items or "string"
        for index, item in enumerate(value):
            if not fits(items, item):
                return f"has an item, number {index + 1}, that is not {_WORDS[items]}", None
    if declared.pattern and declared.type == "string" and not re.fullmatch(declared.pattern, value):
        return f"does not match `{declared.pattern}`", None
    return None


def _is_long(value: Any) -> bool:
    return isinstance(value, int) and value not in _WHOLE

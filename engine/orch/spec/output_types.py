"""The types that `outputs: {name: type}` may name, and which JSON values are of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def schema_of(declared: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a step's declared outputs: an output that is called `schema` has the name of a type there."""
    found = declared.get("schema")
    return found if isinstance(found, dict) else None

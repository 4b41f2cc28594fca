"""JSON Schemas of outputs: is this one, and is a value as it says? The second is asked in a process of its own
(`main`), since a pattern in a schema can take for ever on a text that a command chose."""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple


class Fault(NamedTuple):
    """How a value differs from its schema, and where in it."""

    message: str
    path: tuple[str | int, ...] = ()


def fault(schema: Any) -> str | None:
    """Why this is not a JSON Schema, in one line."""
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError) as error:
        return _short(error)
    return None


def mismatch(value: Any, schema: Any) -> str | None:
    """The sentence that says how the value differs from its schema. Nothing is fetched."""
    found = first_fault(value, schema)
    if found is None:
        return None
    if found.message.startswith(_UNUSABLE):
        return f"the schema of $ORCH_OUTPUT {found.message}"
    where = "/".join(str(part) for part in found.path)[:300]
    return f"$ORCH_OUTPUT is not as its schema says{f' at {where}' if where else ''}: {found.message}"


def first_fault(value: Any, schema: Any) -> Fault | None:
    """The first thing in the value that is not as its schema says. Nothing is fetched."""
    import jsonschema
    from referencing import Registry

    check = jsonschema.Draft202012Validator(schema, registry=Registry())
    try:
        error = next(iter(check.iter_errors(value)), None)
    except Exception as failure:  # a pattern, a reference, a recursion, a number: whatever a schema can do to it
        return Fault(f"{_UNUSABLE}{_short(failure)}")
    return None if error is None else Fault(error.message[:300], tuple(error.absolute_path))


_UNUSABLE = "cannot be used: "


def main(file: str) -> None:
    """Check the `value` in a file against the `schema` beside it: exit 0, or 1 and the sentence on stdout."""
    with open(file, "rb") as stream:
        asked = json.load(stream)
    wrong = mismatch(asked["value"], asked["schema"])
    sys.stdout.buffer.write((wrong or "").encode(errors="backslashreplace"))
    sys.exit(1 if wrong else 0)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]

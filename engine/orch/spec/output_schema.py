"""JSON Schemas of outputs: is this one, and is a value as it says? The second is asked in a process of its own
(`main`), since a pattern in a schema can take for ever on a text that a command chose."""

from __future__ import annotations

import json
import sys
from typing import Any


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
    import jsonschema
    from referencing import Registry

    check = jsonschema.Draft202012Validator(schema, registry=Registry())
    try:
        error = next(iter(check.iter_errors(value)), None)
    except Exception as failure:  # a pattern, a reference, a recursion, a number: whatever a schema can do to it
        return f"the schema of $ORCH_OUTPUT cannot be used: {_short(failure)}"
    if error is None:
        return None
    where = "/".join(str(part) for part in error.absolute_path)[:300]
    return f"$ORCH_OUTPUT is not as its schema says{f' at {where}' if where else ''}: {error.message[:300]}"


def main(file: str) -> None:
    """Check the `value` in a file against the `schema` beside it: exit 0, or 1 and the sentence on stdout."""
    with open(file, "rb") as stream:
        asked = json.load(stream)
    wrong = mismatch(asked["value"], asked["schema"])
    sys.stdout.buffer.write((wrong or "").encode(errors="backslashreplace"))
    sys.exit(1 if wrong else 0)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]

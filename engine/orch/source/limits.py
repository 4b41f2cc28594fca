"""How large and how deep a document may be."""

from __future__ import annotations

from orch.problems.problem import Exit, OrchError, Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_EXPANDED = 200_000  # values that aliases add
MAX_PROBLEMS = 100
SIZE_VARIABLE = "ORCH_MAX_SPEC_BYTES"


def size_limit(value: str | None) -> int:
    """The size limit in bytes from the value of ORCH_MAX_SPEC_BYTES; unset or empty is 1 MiB."""
    if not value:
        return MAX_BYTES
    if not (value.isascii() and value.isdecimal() and len(value) < 19 and int(value) > 0):
        message = f"{SIZE_VARIABLE} is `{value}`, which is not a whole number of bytes"
        raise OrchError(Problem("O017", message, hint=f"export {SIZE_VARIABLE}={MAX_BYTES * 16}"), Exit.USAGE)
    return int(value)

"""Where is what ships with orch? In the package where it is installed, else in the checkout that it is run from."""

from __future__ import annotations

import os

from orch.problems.problem import Exit, OrchError, Problem

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KINDS = ("pipeline", "project", "adapter", "goals", "case", "stubs")
EXAMPLES = "pipelines/examples"


def bundled(*parts: str) -> str:
    """The path of something that ships: `bundled("schemas", "orch")`."""
    installed = os.path.join(_PACKAGE, "builtin")
    root = installed if os.path.isdir(installed) else os.path.dirname(os.path.dirname(_PACKAGE))
    return os.path.join(root, *parts)


def examples() -> list[str]:
    """The names of the examples that `orch init` can begin with."""
    return sorted(os.listdir(bundled(EXAMPLES)))


def schema(kind: str) -> str:
    """The JSON Schema of a kind of document, as text. Raises OrchError (2) for a kind that there is not."""
    if kind.lower() not in KINDS:
        message = f"there is no schema of `{kind}`"
        raise OrchError(Problem("O287", message, hint=f"write one of: {', '.join(KINDS)}"), Exit.USAGE)
    with open(bundled("schemas", "orch", schema_name(kind)), encoding="utf-8") as file:
        return file.read()


def schema_name(kind: str) -> str:
    """The file of a kind's schema."""
    return f"{kind.lower()}.schema.json"

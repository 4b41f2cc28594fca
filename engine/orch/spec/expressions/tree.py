"""The nodes of a parsed expression: nested lists that JSON and marshal keep as they are, never changed once made.

["const", value]                       a string, number, boolean or None
["get", root, [part, …]]               root: a name or a tree; a part: a string, an index, or a tree that gives one
["not", x]   ["and", x, y, …]   ["or", x, y, …]
["cmp", "==", x, y]                    == != < <= > >=
["in", x, container]
["list", x, …]
["filter", name, x, [argument, …]]
["text", ["literal" | tree, …]]        a text with `${{ }}` in it
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

Tree: TypeAlias = list[Any]

MAX_LENGTH = 4096
"""Characters of one expression."""
MAX_DEPTH = 32
"""Levels of one tree, and of the brackets in its text."""

FILTERS: dict[str, tuple[int, int]] = {
    "default": (1, 1),
    "length": (0, 0),
    "lower": (0, 0),
    "upper": (0, 0),
    "join": (0, 1),
    "tojson": (0, 0),
    "first": (0, 0),
    "last": (0, 0),
}
"""Every filter, with the least and the most arguments that it takes."""


class Reference(NamedTuple):
    """A path that an expression reads. A part is None where it is computed. `guarded`: it stands to the left of
    `default(…)`, so that it may be missing."""

    root: str
    parts: tuple[str | int | None, ...]
    guarded: bool


def references(tree: Tree) -> list[Reference]:
    """Every path that the tree may read, from left to right."""
    return list(_references(tree, guarded=False))


def _references(tree: Tree, guarded: bool) -> Iterator[Reference]:
    match tree:
        case ["get", base, parts]:
            if isinstance(base, str):
                yield Reference(base, tuple(None if isinstance(part, list) else part for part in parts), guarded)
            else:
                yield from _references(base, guarded)
            for part in parts:
                if isinstance(part, list):
                    yield from _references(part, guarded)
        case ["filter", name, operand, arguments]:
            yield from _references(operand, guarded or name == "default")
            for argument in arguments:
                yield from _references(argument, guarded)
        case ["text", pieces]:
            for piece in pieces:
                if isinstance(piece, list):
                    yield from _references(piece, guarded)
        case ["const", _]:
            return
        case [_, *operands]:
            for operand in operands:
                if isinstance(operand, list):
                    yield from _references(operand, guarded)

"""A tree back to a text that parses to it: for the parts of a condition, which nobody wrote down alone."""

from __future__ import annotations

import json
from typing import Any

from orch.spec.expressions.tree import Tree
from orch.spec.expressions.wording import path_text

_OR, _AND, _NOT, _COMPARED, _ATOM = range(5)


def unparse(tree: Tree) -> str:
    """The text, with brackets where they are needed."""
    return _text(tree)[0]


def constant(value: Any) -> str:
    """A string, number, boolean or null as an expression writes it."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return json.dumps(value, ensure_ascii=False)


def _text(tree: Tree) -> tuple[str, int]:
    """The text, and how tightly its outermost operator binds."""
    match tree:
        case ["const", value]:
            return constant(value), _ATOM
        case ["get", base, parts]:
            return _path(base, parts), _ATOM
        case ["not", ["in", item, container]]:
            return f"{_within(item, _ATOM)} not in {_within(container, _ATOM)}", _COMPARED
        case ["not", operand]:
            return f"not {_within(operand, _NOT)}", _NOT
        case [("and" | "or") as word, *operands]:
            binds = _AND if word == "and" else _OR
            return f" {word} ".join(_within(operand, binds + 1) for operand in operands), binds
        case ["cmp", sign, left, right]:
            return f"{_within(left, _ATOM)} {sign} {_within(right, _ATOM)}", _COMPARED
        case ["in", item, container]:
            return f"{_within(item, _ATOM)} in {_within(container, _ATOM)}", _COMPARED
        case ["list", *items]:
            return f"[{', '.join(map(unparse, items))}]", _ATOM
        case ["filter", name, operand, arguments]:
            given = f"({', '.join(map(unparse, arguments))})" if arguments else ""
            return f"{_within(operand, _ATOM)} | {name}{given}", _ATOM
        case ["text", pieces]:
            return "".join(piece if isinstance(piece, str) else f"${{{{ {unparse(piece)} }}}}" for piece in pieces), 0
    raise ValueError(f"not a tree: {tree!r}")


def _within(tree: Tree, binds: int) -> str:
    text, own = _text(tree)
    return text if own >= binds else f"({text})"


def _path(base: str | Tree, parts: list[Any]) -> str:
    text = base if isinstance(base, str) else f"({unparse(base)})"
    for part in parts:
        text = f"{text}[{unparse(part)}]" if isinstance(part, list) else path_text(text, [part])
    return text

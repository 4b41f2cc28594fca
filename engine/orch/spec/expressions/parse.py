"""Text to trees: bare expressions, and texts with `${{ }}` in them. Text outside the holes is taken as it stands."""

from __future__ import annotations

import re
from functools import lru_cache

from orch.spec.expressions.error import ExpressionError
from orch.spec.expressions.tree import MAX_LENGTH, Tree

__all__ = ["ExpressionError", "parse_expression", "parse_template"]

_OPEN, _CLOSE = "${{", "}}"
_MARK = re.compile(r"'[^'\\]*+(?:\\.[^'\\]*+)*+'|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"|}}|['\"]", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_NOT_A_ROOT = frozenset({"true", "false", "none", "null", "True", "False", "None", "not"})


def parse_expression(text: str) -> Tree:
    """The tree of a bare expression, as `if`, `until` and `check.expr` hold one. The tree is shared: never change it.
    Raises ExpressionError."""
    bare = text.strip()
    if bare.startswith(_OPEN):
        inner = bare.removeprefix(_OPEN).removesuffix(_CLOSE).strip()
        hint = f"write it bare: `{inner}`" if len(inner) <= 200 else "write it bare, without `${{ }}`"
        raise ExpressionError("this is an expression already, and takes no `${{ }}`", text.find(_OPEN), 3, hint, "O254")
    return _parse(text)


def parse_template(text: str) -> Tree | None:
    """The tree of a text with `${{ }}` in it: of the expression itself where the text is exactly one, so that its type
    is kept; else a `text` node. None where there is none. There is no escape: `${{ '${{' }}` writes one.
    Raises ExpressionError, with offsets in the whole text."""
    if _OPEN not in text:
        return None
    pieces: list[str | Tree] = []
    position = 0
    while (start := text.find(_OPEN, position)) >= 0:
        if start > position:
            pieces.append(text[position:start])
        inside = start + len(_OPEN)
        end = _end_of_hole(text, start, inside)
        try:
            pieces.append(_parse(text[inside:end]))
        except ExpressionError as error:
            raise error.shifted(inside) from None
        position = end + len(_CLOSE)
    if position < len(text):
        pieces.append(text[position:])
    only = pieces[0]
    return only if len(pieces) == 1 and isinstance(only, list) else ["text", pieces]


def _end_of_hole(text: str, start: int, inside: int) -> int:
    for mark in _MARK.finditer(text, inside):
        if mark[0] == _CLOSE:
            return mark.start()
        if len(mark[0]) == 1:
            hint = f"close the string that begins with {mark[0]}, then write }}}}"
            raise ExpressionError("a string in this `${{` is never closed", mark.start(), 1, hint, "O253")
    raise ExpressionError("this `${{` is never closed", start, 3, "close it with `}}`", "O253")


@lru_cache(maxsize=4096)
def _parse(text: str) -> Tree:
    if len(text) > MAX_LENGTH:
        message = f"this expression has {len(text)} characters, and may have {MAX_LENGTH}"
        raise ExpressionError(message, 0, len(text), "compute it in a node and read its output", "O255")
    if path := _PATH.fullmatch(text.strip()):
        # By far the most common expression, and importing Jinja2 costs 60 ms.
        root, *parts = path[0].split(".")
        if root not in _NOT_A_ROOT:
            return ["get", root, parts]
    from orch.spec.expressions.convert import convert
    from orch.spec.expressions.syntax import read

    return convert(*read(text))

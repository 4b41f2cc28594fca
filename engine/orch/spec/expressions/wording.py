"""How paths, names and types read in the messages about expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orch.spec.expressions.tree import Tree

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SHOWN = 12


def path_text(base: str | Tree, parts: Iterable[str | int]) -> str:
    """A path as one writes it: `nodes.test.outputs['a-b'][0]`."""
    text = base if isinstance(base, str) else "(…)"
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _PLAIN.fullmatch(part) and len(part) <= 48 else f"[{_quoted(part)}]"
    return text


def names_text(names: Iterable[str]) -> str:
    """Names for a message: sorted, shortened, the first dozen of them."""
    known = sorted(names)
    shown = ", ".join(f"`{name}`" if len(name) <= 48 else f"`{name[:47]}…`" for name in known[:_SHOWN])
    return f"{shown} and {len(known) - _SHOWN} more" if len(known) > _SHOWN else shown or "nothing"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; None where none is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, [known for known in names if len(known) <= 100], 1) if len(name) <= 100 else []
    return near[0] if near else None


def a_kind(kind: str | None) -> str:
    """A type with its article: `a string`, `an object`, `null`."""
    match kind:
        case "null":
            return "null"
        case "object":
            return "an object"
        case "unknown" | None:
            return "a value that is not plain data"
    return f"a {kind}"


def _quoted(part: str) -> str:
    short = part if len(part) <= 48 else part[:47] + "…"
    return f"'{short}'"

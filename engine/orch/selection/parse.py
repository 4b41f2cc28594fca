"""Text → selection: `+build.test,tag:slow phase:ship`. What cannot be meant is refused with what can. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from orch.problems.problem import Exit, OrchError, Problem
from orch.selection.tree import Atom, Selection

Methods = Mapping[str, Sequence[str] | None]
"""The methods that can be used, each with the only values that it has, or None where it has any."""


def parse(texts: Sequence[str], methods: Methods) -> Selection:
    """The selection that these texts ask for together. Raises OrchError (2) with everything that is wrong in them."""
    problems: list[Problem] = []
    terms = [
        tuple(_atom(part, term, methods, problems) for part in term.split(",")) for term in " ".join(texts).split()
    ]
    if not terms:
        problems.append(refusal("the selection is empty", "name what is meant, such as `build.test` or `phase:build`"))
    if problems:
        raise OrchError(problems, Exit.USAGE)
    return Selection(tuple(terms))


def refusal(message: str, hint: str) -> Problem:
    """A selection that means nothing."""
    return Problem("O280", message, hint=hint)


def nearest(word: str, words: Sequence[str], otherwise: str) -> str:
    """A hint: the nearest of these words, else another one."""
    near = get_close_matches(word, words, n=1)
    return f"did you mean `{near[0]}`?" if near else otherwise


def _atom(part: str, term: str, methods: Methods, problems: list[Problem]) -> Atom:
    before, after = part.startswith("+"), part.endswith("+")
    base = part[before : len(part) - after] if len(part) > before else ""
    method, colon, value = base.partition(":")
    if not colon:
        method, value = "", base
    if not value or "+" in base:
        problems.append(
            refusal(
                f"`{term}`: `{part}` names nothing",
                "`+x` is x and all that it needs, `x+` is x and all that needs it, `x,y` without a space is `and`",
            )
        )
    elif method and method not in methods:
        words = [f"{word}:" for word in methods]
        hint = nearest(f"{method}:", words, f"here a selection has names and {', '.join(words)}")
        problems.append(refusal(f"`{part}`: a selection has no `{method}:` here", hint))
    elif method and (known := methods[method]) is not None and value not in known:
        hint = nearest(value, known, f"one of {', '.join(known)}")
        problems.append(refusal(f"`{part}`: there is no {method} `{value}`", hint))
    return Atom(method, value, before, after)

"""What a condition saw, part by part, and the smallest change of inputs that would turn it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orch.spec.expressions.evaluate import EvaluationError, evaluate, evaluate_condition
from orch.spec.expressions.tree import Tree, references
from orch.spec.expressions.unparse import unparse
from orch.spec.expressions.wording import path_text

_LONGEST = 80
_LOGIC = ("and", "or", "not")


class Turn(NamedTuple):
    """What would make a condition come out otherwise: other inputs, or (where no input does) other facts, as sentences.
    `cost` orders the ways: an input weighs less than a fact that only another run can have."""

    inputs: Mapping[str, Any]
    facts: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """Inputs count one each, facts ten."""
        return len(self.inputs) + 10 * len(self.facts)


def told(value: Any) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def seen(tree: Tree, scope: Mapping[str, Any]) -> list[str]:
    """One line for each part of a condition, with the values of what it reads; of a condition in one part the values
    alone."""
    parts = list(_parts(tree))
    return [_part(part, scope) for part in parts] if len(parts) > 1 else values(parts, scope)


def values(trees: list[Tree], scope: Mapping[str, Any]) -> list[str]:
    """One line for each path that these trees read: `inputs.channel` is "beta"."""
    lines: dict[str, None] = {}
    for tree in trees:
        for reference in references(tree):
            parts = [part for part in reference.parts if part is not None]
            if len(parts) == len(reference.parts):
                lines[f"`{path_text(reference.root, parts)}` {_is(['get', reference.root, parts], scope)}"] = None
    return list(lines)


def turned(tree: Tree, scope: Mapping[str, Any], want: bool) -> Turn | None:
    """The smallest change that makes the condition `want`; None where none is known. A change of inputs has been
    tried: with it the condition comes out so, all else being equal."""
    found = _turn(tree, scope, want)
    if found is None or found.facts or not found.inputs:
        return found
    changed = {**scope, "inputs": {**scope.get("inputs", {}), **found.inputs}}
    return found if _truth(tree, changed) is want else None


def _parts(tree: Tree) -> Iterator[Tree]:
    """The conditions that `and`, `or` and `not` are made of."""
    if tree[0] in _LOGIC and not (tree[0] == "not" and tree[1][0] not in _LOGIC):
        for operand in tree[1:]:
            yield from _parts(operand)
    else:
        yield tree


def _part(tree: Tree, scope: Mapping[str, Any]) -> str:
    text, truth = unparse(tree), _truth(tree, scope)
    if tree[0] == "get":
        return f"`{text}` {_is(tree, scope)}"
    read = ", ".join(values([tree], scope))
    if isinstance(truth, bool):
        return f"`{text}` is {told(truth)}" + (f": {read}" if read else "")
    return f"`{text}` has no value: {truth}" + (f"; {read}" if read else "")


def _is(tree: Tree, scope: Mapping[str, Any]) -> str:
    try:
        return f"is {told(evaluate(tree, scope))}"
    except EvaluationError:
        return "is undefined"


def _truth(tree: Tree, scope: Mapping[str, Any]) -> bool | str:
    """True, false, or why neither."""
    try:
        return evaluate_condition(tree, scope)
    except EvaluationError as error:
        return error.message


def _turn(tree: Tree, scope: Mapping[str, Any], want: bool) -> Turn | None:
    if _truth(tree, scope) is want:
        return Turn({})
    match tree:
        case ["not", operand]:
            return _turn(operand, scope, not want)
        case [("and" | "or") as word, *operands]:
            ways = [_turn(operand, scope, want) for operand in operands]
            return _all(ways) if (word == "and") is want else _cheapest(ways)
        case ["get", "inputs", [str(name)]]:
            return Turn({name: want})
        case ["cmp", sign, left, right]:
            return _compared(sign, left, right, scope, want)
        case ["in", item, container]:
            return _contained(item, container, scope, want)
    return _fact(tree, want)


def _all(ways: list[Turn | None]) -> Turn | None:
    inputs: dict[str, Any] = {}
    facts: list[str] = []
    for way in ways:
        if way is None or any(name in inputs and inputs[name] != value for name, value in way.inputs.items()):
            return None
        inputs.update(way.inputs)
        facts += way.facts
    return Turn(inputs, tuple(facts))


def _cheapest(ways: list[Turn | None]) -> Turn | None:
    return min((way for way in ways if way is not None), key=lambda way: way.cost, default=None)


def _compared(sign: str, left: Tree, right: Tree, scope: Mapping[str, Any], want: bool) -> Turn | None:
    whole: Tree = ["cmp", sign, left, right]
    if (sign == "==") is want and sign in ("==", "!="):
        for one, other in ((left, right), (right, left)):
            match one:
                case ["get", "inputs", [str(name)]]:
                    try:
                        return Turn({name: evaluate(other, scope)})
                    except EvaluationError:
                        break
    for one, other, smaller in ((left, right, sign.startswith("<")), (right, left, sign.startswith(">"))):
        match one:
            case ["get", "inputs", [str(name)]] if sign not in ("==", "!="):
                try:
                    bound = evaluate(other, scope)
                except EvaluationError:
                    break
                if isinstance(bound, bool) or not isinstance(bound, int):
                    break
                inclusive = sign.endswith("=") is want
                step = 0 if inclusive else -1 if smaller is want else 1
                return Turn({name: bound + step})
    return _fact(whole, want)


def _contained(item: Tree, container: Tree, scope: Mapping[str, Any], want: bool) -> Turn | None:
    try:
        if want:
            match item, container:
                case ["get", "inputs", [str(name)]], ["list", first, *_]:
                    return Turn({name: evaluate(first, scope)})
                case _, ["get", "inputs", [str(name)]]:
                    present = evaluate(container, scope)
                    if isinstance(present, list):
                        return Turn({name: [*present, evaluate(item, scope)]})
        elif container[0] == "get" and container[1] == "inputs" and len(container[2]) == 1:
            present, member = evaluate(container, scope), evaluate(item, scope)
            if isinstance(present, list):
                return Turn({container[2][0]: [one for one in present if one != member]})
    except EvaluationError:
        pass
    return _fact(["in", item, container], want)


def _fact(tree: Tree, want: bool) -> Turn | None:
    """No value of an input is known that turns it: it would have to be so by what steps give."""
    if tree[0] == "const":
        return None
    return Turn({}, (f"`{unparse(tree)}` would have to be {told(want)}",))

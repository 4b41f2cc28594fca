"""A tree and plain data to a value: item lookup only, no attributes, no methods, bounded work."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from orch.spec.expressions.tree import Tree
from orch.spec.expressions.wording import a_kind, names_text, nearest, path_text

MAX_TEXT = 1024 * 1024
"""Characters of all the text that one evaluation makes, results of filters in between included."""

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class EvaluationError(Exception):
    """Why there is no value: one sentence, which names paths and types; of the values it shows only a computed key.
    `code` is a key of the catalogue of errors."""

    def __init__(self, message: str, code: str) -> None:
        self.message, self.code = message, code
        super().__init__(message)


class _Undefined(EvaluationError):
    """What `default` answers: nothing lies where a path points."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "O258")


def evaluate(tree: Tree, scope: Mapping[str, Any]) -> Any:
    """The value of the tree. `scope` maps the roots to plain data: dict with string keys, list, str, int, float, bool,
    None. The result may be a part of the scope itself: never change it. Raises EvaluationError."""
    try:
        return _Evaluation(scope).value(tree)
    except RecursionError:
        raise EvaluationError("the data is nested too deeply to be compared or written", "O262") from None


def evaluate_condition(tree: Tree, scope: Mapping[str, Any]) -> bool:
    """The value of an `if`, `until` or `check.expr`, which is true or false: anything else raises EvaluationError."""
    value = evaluate(tree, scope)
    if value is True or value is False:
        return value
    raise EvaluationError(f"a condition is true or false, and this is {a_kind(kind_of(value))}", "O260")


def kind_of(value: object) -> str:
    """The type of a value in the words of the language; `unknown` for what is not plain data."""
    kind = _KINDS.get(type(value))
    return kind or next((word for base, word in _KINDS.items() if isinstance(value, base)), "unknown")


class _Evaluation:
    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.made = 0

    def value(self, tree: Tree) -> Any:
        return _OPERATIONS[tree[0]](self, *tree[1:])

    def const(self, value: Any) -> Any:
        return value

    def negation(self, operand: Tree) -> bool:
        return not self.boolean(operand, "not")

    def conjunction(self, *operands: Tree) -> bool:
        return all(self.boolean(operand, "and") for operand in operands)

    def disjunction(self, *operands: Tree) -> bool:
        return any(self.boolean(operand, "or") for operand in operands)

    def comparison(self, sign: str, left: Tree, right: Tree) -> bool:
        return _compare(sign, self.value(left), self.value(right))

    def membership(self, item: Tree, container: Tree) -> bool:
        member = self.value(item)
        return _contains(self.value(container), member)

    def items(self, *items: Tree) -> list[Any]:
        return [self.value(item) for item in items]

    def text(self, pieces: list[str | Tree]) -> str:
        texts = [p if isinstance(p, str) else self.scalar_text(self.value(p), "a text") for p in pieces]
        return self.joined("", texts)

    def boolean(self, tree: Tree, word: str) -> bool:
        value = self.value(tree)
        if isinstance(value, bool):
            return value
        raise EvaluationError(f"`{word}` takes true or false, and got {a_kind(kind_of(value))}", "O260")

    def get(self, base: str | Tree, parts: list[Any]) -> Any:
        if isinstance(base, list):
            value = self.value(base)
        elif base in self.scope:
            value = self.scope[base]
        else:
            raise _Undefined(f"`{base[:48]}` is undefined: there is {_offer(base, self.scope)}")
        seen: list[str | int] = []
        for part in parts:
            key = self.value(part) if isinstance(part, list) else part
            if isinstance(key, bool) or not isinstance(key, str | int):
                raise EvaluationError(f"an index is a string or a number, and this is {a_kind(kind_of(key))}", "O259")
            if not _holds(value, key):
                raise _missing(base, seen, key, value)
            value = value[key]
            seen.append(key)
        return value

    def filter(self, name: str, operand: Tree, arguments: list[Tree]) -> Any:
        if name != "default":
            return self.filtered(name, self.value(operand), self.items(*arguments))
        try:
            return self.value(operand)
        except _Undefined:
            return self.value(arguments[0])

    def filtered(self, name: str, value: Any, arguments: list[Any]) -> Any:
        match name, value:
            case "length", str() | list() | dict():
                return len(value)
            case "lower", str():
                return self.made_text(value.lower())
            case "upper", str():
                return self.made_text(value.upper())
            case "join", list():
                between = arguments[0] if arguments else ""
                if not isinstance(between, str):
                    raise EvaluationError(f"`join` takes a string, and got {a_kind(kind_of(between))}", "O259")
                return self.joined(between, [self.scalar_text(item, "`join`") for item in value])
            case "tojson", _:
                return self.json(value)
            case (("first" | "last"), list()):
                if not value:
                    raise _Undefined(f"`{name}` of an empty list is undefined")
                return value[0 if name == "first" else -1]
        raise EvaluationError(f"`{name}` cannot take {a_kind(kind_of(value))}", "O259")

    def scalar_text(self, value: Any, where: str) -> str:
        match value:
            case str():
                return value
            case bool() | int() | float():
                return self.json(value)
            case None:
                raise EvaluationError(f"{where} cannot hold null: use `| tojson` to write `null`", "O261")
        raise EvaluationError(f"{where} cannot hold {a_kind(kind_of(value))}: use `| tojson`", "O261")

    def json(self, value: Any) -> str:
        pieces: list[str] = []
        encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
        try:
            for piece in encoder.iterencode(value):
                self.spend(len(piece))
                pieces.append(piece)
        except (TypeError, ValueError) as error:
            raise EvaluationError(f"this cannot be written as JSON: {error}", "O261") from None
        return "".join(pieces)

    def joined(self, between: str, pieces: list[str]) -> str:
        self.spend(sum(map(len, pieces)) + len(between) * max(len(pieces) - 1, 0))
        return between.join(pieces)

    def made_text(self, text: str) -> str:
        self.spend(len(text))
        return text

    def spend(self, characters: int) -> None:
        self.made += characters
        if self.made > MAX_TEXT:
            raise EvaluationError(f"one expression may make at most {MAX_TEXT} characters of text", "O262")


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "const": _Evaluation.const,
    "get": _Evaluation.get,
    "not": _Evaluation.negation,
    "and": _Evaluation.conjunction,
    "or": _Evaluation.disjunction,
    "cmp": _Evaluation.comparison,
    "in": _Evaluation.membership,
    "list": _Evaluation.items,
    "filter": _Evaluation.filter,
    "text": _Evaluation.text,
}


def _holds(value: Any, key: str | int) -> bool:
    if isinstance(key, str):
        return isinstance(value, dict) and key in value
    return isinstance(value, list) and 0 <= key < len(value)


def _missing(base: str | Tree, seen: list[str | int], key: str | int, value: Any) -> _Undefined:
    where, path = path_text(base, seen), path_text(base, [*seen, key])
    if isinstance(value, dict) and isinstance(key, str):
        return _Undefined(f"`{path}` is undefined: `{where}` has {_offer(key, value)}")
    if isinstance(value, list) and isinstance(key, int):
        return _Undefined(f"`{path}` is undefined: `{where}` has {len(value)} items, counted from 0")
    return _Undefined(f"`{path}` is undefined: `{where}` is {a_kind(kind_of(value))}")


def _offer(name: str, known: Mapping[str, Any]) -> str:
    near = nearest(name, known)
    return names_text(known) + (f"; did you mean `{near}`?" if near else "")


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign == "==":
        return _equal(left, right)
    if sign == "!=":
        return not _equal(left, right)
    kind = kind_of(left)
    if kind != kind_of(right):
        raise _unlike(left, right)
    if kind not in {"number", "string"}:
        raise EvaluationError(f"`{sign}` cannot order {a_kind(kind)} and {a_kind(kind)}", "O259")
    return _ORDER[sign](left, right)


def _equal(left: Any, right: Any) -> bool:
    """Unlike types are a mistake, except that anything may be asked whether it is null."""
    if left is None or right is None:
        return left is right
    if kind_of(left) != kind_of(right):
        raise _unlike(left, right)
    return _same(left, right)


def _same(left: Any, right: Any) -> bool:
    """Equality that, unlike Python's, keeps true and 1 apart inside lists and objects."""
    if kind_of(left) != kind_of(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, list):
        return any(_equal(item, member) for member in container)
    if isinstance(container, str | dict):
        if isinstance(item, str):
            return item in container
        raise EvaluationError(
            f"{a_kind(kind_of(item))} cannot be in {a_kind(kind_of(container))}: only a string can", "O259"
        )
    raise EvaluationError(f"`in` takes a list, a string or an object, and got {a_kind(kind_of(container))}", "O259")


def _unlike(left: Any, right: Any) -> EvaluationError:
    message = f"{a_kind(kind_of(left))} cannot be compared with {a_kind(kind_of(right))}"
    return EvaluationError(message, "O259")

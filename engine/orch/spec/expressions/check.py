"""What can be known about an expression before anything runs: names that do not exist, types that cannot meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from orch.spec.expressions.tree import Tree
from orch.spec.expressions.wording import a_kind, names_text, nearest, path_text


@dataclass(frozen=True, slots=True)
class Known:
    """An object with exactly these keys."""

    keys: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of any length."""

    item: Shape


@dataclass(frozen=True, slots=True)
class Scalar:
    """`type` is `string`, `number`, `boolean` or `null`; `values` are all that it can be, where that is known."""

    type: str
    values: tuple[str | int | float | bool | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class AnyShape:
    """Nothing is known about it."""


Shape: TypeAlias = Known | ListOf | Scalar | AnyShape
Scope: TypeAlias = Mapping[str, Shape]


class Finding(NamedTuple):
    """One mistake. Its code is O256."""

    message: str
    hint: str | None


ANY = AnyShape()
_BOOLEAN, _STRING, _NUMBER = Scalar("boolean"), Scalar("string"), Scalar("number")
_CONTAINERS = {"list", "string", "object"}


def check(tree: Tree, scope: Scope) -> list[Finding]:
    """The mistakes in a tree, from left to right. What may be missing at run time is not looked for here."""
    checking = _Checking(scope)
    checking.shape(tree)
    return checking.findings


def check_condition(tree: Tree, scope: Scope) -> list[Finding]:
    """Like `check`, and the result must be true or false."""
    checking = _Checking(scope)
    checking.expect(tree, {"boolean"}, "a condition is true or false")
    return checking.findings


def shape_of(tree: Tree, scope: Scope) -> Shape:
    """What the value of a tree looks like, as far as that can be known."""
    return _Checking(scope).shape(tree)


class _Checking:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.findings: list[Finding] = []

    def report(self, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding(message, hint))

    def shape(self, tree: Tree) -> Shape:
        match tree:
            case ["const", value]:
                return _constant(value)
            case ["get", base, parts]:
                return self.path(base, parts)
            case ["not" | "and" | "or" as word, *operands]:
                for operand in operands:
                    self.expect(operand, {"boolean"}, f"`{word}` takes true or false")
                return _BOOLEAN
            case ["cmp", sign, left, right]:
                self.compare(sign, self.shape(left), self.shape(right))
                return _BOOLEAN
            case ["in", item, container]:
                self.contained(self.shape(item), container)
                return _BOOLEAN
            case ["list", *items]:
                shapes = [self.shape(item) for item in items]
                return ListOf(shapes[0] if shapes and all(shape == shapes[0] for shape in shapes) else ANY)
            case ["filter", name, operand, arguments]:
                return self.filter(name, operand, arguments)
            case ["text", pieces]:
                for piece in pieces:
                    if isinstance(piece, list):
                        self.expect(piece, {"string", "number", "boolean"}, "a text holds strings, numbers, booleans")
                return _STRING
        raise AssertionError(f"not a tree: {tree!r:.80}")

    def expect(self, tree: Tree, kinds: set[str], rule: str) -> Shape:
        shape = self.shape(tree)
        kind = _kind(shape)
        if kind and kind not in kinds:
            hint = "write it with `| tojson`" if rule.startswith("a text") else None
            if kinds == {"boolean"} and kind != "null":
                hint = "compare it with something, say `==`"
            self.report(f"{rule}, and {_shown(tree)} is {a_kind(kind)}", hint)
        return shape

    def path(self, base: str | Tree, parts: list[str | int | Tree]) -> Shape:
        for part in parts:
            if isinstance(part, list):
                self.expect(part, {"string", "number"}, "an index is a string or a number")
        if not isinstance(base, str):
            shape = self.shape(base)
        elif base in self.scope:
            shape = self.scope[base]
        else:
            self.unknown(base, f"unknown name `{base[:48]}`", self.scope, "there is")
            return ANY
        seen: list[str | int] = []
        for part in parts:
            match shape, part:
                case Known(keys), str():
                    if part not in keys:
                        where = path_text(base, seen)
                        self.unknown(part, f"unknown key `{path_text(base, [*seen, part])}`", keys, f"`{where}` has")
                        return ANY
                    shape = keys[part]
                case ListOf(item), (int() | list()):
                    shape = item
                case (AnyShape(), _) | (Known(), list()):
                    return ANY
                case _:
                    message = f"`{path_text(base, seen)}` is {a_kind(_kind(shape))}: it has no `{part}`"
                    self.report(message, "write `[0]`, or `| first`" if isinstance(shape, ListOf) else None)
                    return ANY
            seen.append(part if isinstance(part, str | int) else "…")
        return shape

    def unknown(self, name: str, message: str, names: Mapping[str, Shape], introduction: str) -> None:
        near = nearest(name, names)
        self.report(message, (f"did you mean `{near}`? " if near else "") + f"{introduction} {names_text(names)}")

    def compare(self, sign: str, left: Shape, right: Shape) -> None:
        kinds = _kind(left), _kind(right)
        equality = sign in {"==", "!="}
        if None in kinds or (equality and "null" in kinds):
            return
        if kinds[0] != kinds[1]:
            self.report(
                f"{a_kind(kinds[0])} is compared with {a_kind(kinds[1])}", "both sides of a comparison have one type"
            )
        elif not equality and kinds[0] not in {"number", "string"}:
            self.report(f"`{sign}` cannot order {a_kind(kinds[0])}", "it orders numbers and strings")
        elif equality:
            self.overlap(left, right)

    def overlap(self, left: Shape, right: Shape) -> None:
        """An enum against a value that it cannot have is a typing error that would be false for ever."""
        if not (isinstance(left, Scalar) and isinstance(right, Scalar) and left.values and right.values):
            return
        if set(left.values).isdisjoint(right.values):
            one, many = sorted((left.values, right.values), key=len)
            near = nearest(str(one[0]), map(str, many))
            hint = (f"did you mean `{near}`? " if near else "") + f"the values are {names_text(map(str, many))}"
            self.report(f"it is never {' or '.join(f'`{str(value)[:48]}`' for value in one)}", hint)

    def contained(self, item: Shape, container: Tree) -> None:
        if container[0] == "list":
            for member in container[1:]:
                self.compare("==", item, self.shape(member))
            return
        shape = self.expect(container, _CONTAINERS, "`in` takes a list, a string or an object")
        if isinstance(shape, ListOf):
            self.compare("==", item, shape.item)
        elif _kind(shape) in _CONTAINERS and _kind(item) not in {"string", None}:
            self.report(f"{a_kind(_kind(item))} cannot be in {a_kind(_kind(shape))}", "only a string can")

    def filter(self, name: str, operand: Tree, arguments: list[Tree]) -> Shape:
        if name == "default":
            left, right = self.shape(operand), self.shape(arguments[0])
            return _widened(left) if _kind(left) == _kind(right) else ANY
        if name == "tojson":
            self.shape(operand)
            return _STRING
        kinds = {"length": _CONTAINERS, "lower": {"string"}, "upper": {"string"}}.get(name, {"list"})
        shape = self.expect(operand, kinds, f"`{name}` takes {' or '.join(a_kind(kind) for kind in sorted(kinds))}")
        for argument in arguments:
            self.expect(argument, {"string"}, f"`{name}` takes a string as its argument")
        if name in {"first", "last"}:
            return shape.item if isinstance(shape, ListOf) else ANY
        return _NUMBER if name == "length" else _STRING


def _constant(value: str | int | float | bool | None) -> Shape:
    match value:
        case None:
            return Scalar("null")
        case bool():
            return _BOOLEAN
        case str():
            return Scalar("string", (value,))
    return Scalar("number", (value,))


def _widened(shape: Shape) -> Shape:
    return Scalar(shape.type) if isinstance(shape, Scalar) else ANY


def _kind(shape: Shape) -> str | None:
    match shape:
        case Known():
            return "object"
        case ListOf():
            return "list"
        case Scalar(type=kind):
            return kind
    return None


def _shown(tree: Tree) -> str:
    match tree:
        case ["get", base, parts] if not any(isinstance(part, list) for part in parts):
            return f"`{path_text(base, parts)}`"
    return "this"

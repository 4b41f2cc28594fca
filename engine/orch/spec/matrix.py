"""A matrix → its combinations and their keys: `include` and `exclude` as in GitHub Actions. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import product
from math import prod
from typing import Any, NoReturn

from orch.problems.problem import Exit, OrchError, Problem
from orch.spec.expressions.evaluate import EvaluationError, evaluate
from orch.spec.expressions.parse import ExpressionError, parse_template
from orch.spec.expressions.tree import Tree, references

MAX_CHILDREN = 10_000
_SAFE_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_SHORT = 48


def expand(
    matrix: Mapping[str, Any] | None,
    key: str | None,
    scope: Mapping[str, Any],
    parse: Callable[[str], Tree | None] = parse_template,
) -> list[tuple[str, dict[str, Any]]]:
    """Each child's key and values, in the order written. An axis that is a text is evaluated; `scope` holds what is
    known then (`inputs`, `task`), and `key` sees `matrix` too. Raises OrchError without a place."""
    axes = {
        name: _axis(name, values, scope, parse)
        for name, values in (matrix or {}).items()
        if name not in ("include", "exclude")
    }
    rows = combinations(axes, (matrix or {}).get("include", []), (matrix or {}).get("exclude", []))
    tree = None if key is None else parse(key)
    keys = [_key(row, axes, key, tree, scope) for row in rows]
    for repeated in (found for found, count in Counter(keys).items() if count > 1):
        hint = "leave one out, or tell them apart with `key:`"
        _refuse("O223", f"two children of the matrix have the key `{repeated[:64]}`", hint)
    folded = Counter(text.lower() for text in keys)
    return [(_addressable(text, folded), row) for text, row in zip(keys, rows, strict=True)]


def is_dynamic(matrix: Mapping[str, Any] | None) -> bool:
    """Does an axis read what only the run knows?"""
    return any(isinstance(values, str) and reads_nodes(values) for values in (matrix or {}).values())


def reads_nodes(text: str) -> bool:
    """Does a text read what only the run knows?"""
    if "${{" not in text:
        return False
    try:
        tree = parse_template(text)
    except ExpressionError:
        return False  # reported where the text is checked
    return tree is not None and any(read.root in ("nodes", "run", "loop") for read in references(tree))


def combinations(
    axes: Mapping[str, list[Any]], include: list[dict[str, Any]], exclude: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The axes multiplied, the last one fastest; less what `exclude` matches in part or whole; `include` adds values
    to every combination of the axes that it does not contradict, and where there is none, becomes one of its own."""
    if (size := prod(map(len, axes.values())) + len(include)) > MAX_CHILDREN:
        _refuse(
            "O220", f"the matrix has {size} combinations, and may have {MAX_CHILDREN}", "split it into several nodes"
        )
    rows = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    rows = [row for row in rows if not any(_matches(entry, row) for entry in exclude)]
    originals = [dict(row) for row in rows]
    extra: list[dict[str, Any]] = []
    for entry in include:
        fitting = [
            row
            for row, original in zip(rows, originals, strict=True)
            if all(name not in original or _same(original[name], value) for name, value in entry.items())
        ]
        for row in fitting:
            row.update(entry)
        if not fitting:
            extra.append(dict(entry))
    return rows + extra


def _matches(entry: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return all(name in row and _same(row[name], value) for name, value in entry.items())


def _same(left: Any, right: Any) -> bool:
    """Equality that keeps `true` and `1` apart."""
    return left == right and _text(left) == _text(right)


def _axis(name: str, values: Any, scope: Mapping[str, Any], parse: Callable[[str], Tree | None]) -> list[Any]:
    if isinstance(values, str):
        tree = parse(values)
        try:
            values = evaluate(tree, scope) if tree is not None else values
        except EvaluationError as error:
            _refuse("O220", f"the axis `{name}`: {error}", f"write `{name}: [a, b]`, or name an input of type list")
    if not isinstance(values, list):
        _refuse("O220", f"the axis `{name}` is not a list", f"write `{name}: [a, b]`")
    return values


def _key(
    row: Mapping[str, Any], axes: Mapping[str, Any], key: str | None, tree: Tree | None, scope: Mapping[str, Any]
) -> str:
    if key is None:
        values = [row[name] for name in axes if name in row] or list(row.values())
        if any(isinstance(value, dict | list) for value in values):
            hint = "write `key: ${{ matrix.<axis>.<name> }}`"
            _refuse("O222", "a matrix whose values are objects or lists needs `key`", hint)
        return "-".join(_text(value) for value in values)
    try:
        value = key if tree is None else evaluate(tree, {**scope, "matrix": row})
    except EvaluationError as error:
        hint = "every combination needs a key: `${{ matrix.<axis> | default('none') }}`, or the value in each `include`"
        _refuse("O222", f"`key`: {error}", hint)
    if isinstance(value, dict | list) or value is None:
        _refuse("O222", "`key` must be a text, a number, `true` or `false`", "write `key: ${{ matrix.<axis> }}`")
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _addressable(key: str, folded: Mapping[str, int]) -> str:
    """The key as it stands in an address: keys that differ only in case would be one file on some systems."""
    if _SAFE_KEY.fullmatch(key) and folded[key.lower()] == 1:
        return key
    return f"{_UNSAFE.sub('', key)[:_SHORT]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _refuse(code: str, message: str, hint: str | None) -> NoReturn:
    raise OrchError(Problem(code, message, hint=hint), Exit.INVALID)

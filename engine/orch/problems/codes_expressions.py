"""O25x-O29x: expressions."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O250": Code(
        "an expression that cannot be read",
        "The text is not an expression: a bracket, a quote or an operand is missing, or a sign stands where none can. "
        "Words are `and`, `or`, `not`, `in`; equality is `==`; strings stand in single or double quotes, and know the "
        "escapes \\\\ \\' \\\" \\n \\t. Numbers are plain decimals. "
        "Write `inputs.risk == 'high' and not inputs.dry`, not `inputs.risk = high && !inputs.dry`.",
    ),
    "O251": Code(
        "an expression that computes",
        "Expressions read values and compare them; they have no calls, arithmetic, slices, choices, objects or tests "
        "with `is`, so that a reviewer sees at once what a condition depends on, and so that none can run for ever. "
        "Let a node compute the value and declare it in `outputs`, then read it: "
        "instead of `nodes.test.outputs.hits / nodes.test.outputs.lines > 0.8` "
        "write `nodes.test.outputs.coverage > 0.8`. Chains are written out: `a < b and b < c`.",
    ),
    "O252": Code(
        "a filter that does not exist, or its arguments",
        "The filters are `default(value)`, `length`, `lower`, `upper`, `join(separator)`, `tojson`, `first` and "
        "`last`; `default` takes exactly one argument, `join` at most one, the others none. Other filters are not "
        "there. Write `${{ inputs.langs | join(', ') }}`, and compute anything else in a node.",
    ),
    "O253": Code(
        "`${{` that is never closed",
        "Each `${{` opens an expression that ends with `}}` in the same text. A quote that is left open inside it "
        "hides the end. Write `${{ inputs.task }}`. Where the text itself should hold the three characters, write "
        "`${{ '${{' }}`.",
    ),
    "O254": Code(
        "`${{ }}` around what is an expression already",
        "`if`, `until` and `check.expr` hold a bare expression, and inside `${{ }}` everything is one. Wrapped once "
        "more it would be a text, and a text is never false. Write `if: inputs.risk == 'high'`, not "
        "`if: ${{ inputs.risk == 'high' }}`.",
    ),
    "O255": Code(
        "an expression that is too large",
        "An expression has at most 4,096 characters, and 32 levels of brackets, filters and operators. What is larger "
        "cannot be reviewed. Compute the value in a node and read its output.",
    ),
    "O256": Code(
        "an expression that cannot hold",
        "The expression names something that does not exist, or treats a value as a type that it does not have: it "
        "compares a string with a number, compares an enum with a word that is not among its values, orders lists, or "
        "puts a list into a text. It would fail, or be false for ever, in every run. With "
        "`risk: { type: enum, values: [low, high] }` write `inputs.risk == 'high'`, not `inputs.risc == 'hihg'`.",
    ),
    "O258": Code(
        "an undefined value",
        "Nothing lies where a path points: a node was skipped and has no outputs, a key is missing, or a list is "
        "shorter. It is not taken for empty or false, because a condition must not be decided by a slip. Where a value "
        "may be missing, say what holds instead: `nodes.scan.outputs.findings | default([])`. `default` covers the "
        "whole path to its left.",
    ),
    "O259": Code(
        "values of types that do not meet",
        "A comparison has one type on both sides: numbers with numbers, strings with strings; only null may be "
        "compared with anything, by `==` and `!=`. `in` looks into a list, a string or an object; filters and indexes "
        "take the types that their names promise. `'3' == 3` is refused rather than false. Give the output the right "
        "type where it is made.",
    ),
    "O260": Code(
        "neither true nor false",
        "A condition, and what stands beside `and`, `or` and `not`, is true or false: no value is taken for true "
        "because it is not empty. Write `inputs.title != ''` instead of `inputs.title`, and "
        "`nodes.scan.outputs.findings | length > 0` instead of `nodes.scan.outputs.findings`.",
    ),
    "O261": Code(
        "a value that a text cannot hold",
        "A text takes strings, numbers and booleans from its `${{ }}`; a list, an object or null has no one spelling. "
        "Write `${{ matrix.goal | tojson }}` for JSON, or `${{ inputs.langs | join(' ') }}`. A text that is exactly "
        "one `${{ }}` keeps the type of its value.",
    ),
    "O262": Code(
        "an expression that makes too much",
        "One evaluation may make at most 1,048,576 characters of text, and the data that it compares or writes may not "
        "be nested without end. Hand large data to a node as an artifact, by its path.",
    ),
    "O263": Code(
        "a path leaves the project",
        "`cwd` and the paths of artifacts are relative to the project's root and stay inside it. The path became "
        "absolute, empty, or climbed out of the root with `..` once its expressions were filled in.",
    ),
}

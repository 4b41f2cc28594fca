"""The language of expressions: what parses, what it means, what is refused and where, what is known before a run."""

from __future__ import annotations

import json
import marshal
import subprocess
import sys
from typing import Any

import pytest
from effort import calls
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.problems.codes_expressions import CODES
from orch.spec.expressions.check import ANY, Known, ListOf, Scalar, Shape, check, check_condition, shape_of
from orch.spec.expressions.error import ExpressionError
from orch.spec.expressions.evaluate import MAX_TEXT, EvaluationError, evaluate, evaluate_condition
from orch.spec.expressions.parse import parse_expression, parse_template
from orch.spec.expressions.tree import MAX_LENGTH, Reference, Tree, references

SCOPE: dict[str, Any] = {
    "inputs": {"task": "0001", "langs": ["python", "node"], "risk": "low", "dry": False, "limit": 3, "none": []},
    "nodes": {
        "test": {
            "status": "succeeded",
            "reason": None,
            "exit_code": 0,
            "outputs": {"coverage": 0.85, "items": [1, 2], "keys": "k", "a-b": {"c": [{"d": "deep"}]}, "nothing": None},
        },
        "plan": {"status": "skipped", "outputs": {}},
    },
    "matrix": {"goal": {"id": "login", "lang": "python"}},
    "task": "0001",
}


def value(text: str, scope: dict[str, Any] = SCOPE) -> Any:
    return evaluate(parse_expression(text), scope)


def refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    return caught.value


def failure(text: str, scope: dict[str, Any] = SCOPE) -> EvaluationError:
    with pytest.raises(EvaluationError) as caught:
        value(text, scope)
    return caught.value


def parsed(text: str, template: bool) -> Tree | ExpressionError | None:
    try:
        return parse_template(text) if template else parse_expression(text)
    except ExpressionError as error:
        return error


def evaluated(tree: Tree, scope: dict[str, Any]) -> Any:
    try:
        return evaluate(tree, scope)
    except EvaluationError as error:
        return error


# --- what an expression means


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inputs.task", "0001"),
        ("inputs . task", "0001"),
        ("inputs['task']", "0001"),
        ("inputs.langs[0]", "python"),
        ("inputs.langs.1", "node"),
        ("nodes.test.outputs['a-b'].c[0].d", "deep"),
        ("nodes['test']['outputs'].coverage >= 0.8", True),
        ("inputs[nodes.test.outputs.keys | default('x') | lower | default('y')] | default('none')", "none"),
        ("inputs.risk == 'high' or nodes.test.outputs.coverage > 0.5", True),
        ("inputs.risk == 'low' and not inputs.dry", True),
        ("not inputs.dry and not inputs.dry", True),
        ("true and false or true", True),
        ("null == none", True),
        ("nodes.test.reason == null", True),
        ("nodes.test.outputs.nothing != null", False),
        ("3 == 3.0", True),
        ("inputs.limit > -1", True),
        ("'a' < 'b'", True),
        ("'python' in inputs.langs", True),
        ("'rust' not in inputs.langs", True),
        ("'yth' in 'python'", True),
        ("'task' in inputs", True),
        ("inputs.risk in ['low', 'high']", True),
        ("[1, [true]] == [1, [true]]", True),
        ("[[1]] == [[true]]", False),
        ("inputs.langs == ['python', 'node']", True),
        ("matrix.goal == matrix.goal", True),
        ("inputs.langs | length", 2),
        ("'äöü' | length", 3),
        ("inputs | length == 6", True),
        ("inputs.risk | upper", "LOW"),
        ("'ABC' | lower", "abc"),
        ("inputs.langs | join(', ')", "python, node"),
        ("[1, 2.5, true, 'x'] | join", "12.5truex"),
        ("matrix.goal | tojson", '{"id": "login", "lang": "python"}'),
        ("['ä', null] | tojson", '["ä", null]'),
        ("inputs.langs | first", "python"),
        ("inputs.langs | last", "node"),
        ("(nodes.test.outputs['a-b'].c | first).d", "deep"),
        ("nodes.plan.outputs.goals | default([])", []),
        ("nodes.gone.outputs.goals[3].x | default('none')", "none"),
        ("gone | default(gone_too | default(1))", 1),
        ("nodes.test.reason.x | default('none')", "none"),
        ("nodes.test.outputs.nothing | default('x')", None),
        ("inputs.none | first | default('none')", "none"),
        ("gone.list | length | default(0)", 0),
        ("(gone == 1) | default(false)", False),
        ("'it\\'s' == \"it's\"", True),
        ("'a\\\\b\\n\\t' | length", 5),
        ("'}}' == '}}'", True),
        ("false and gone", False),
        ("true or gone.x", True),
    ],
)
def test_an_expression_means_what_it_says(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ inputs.limit }}", 3),
        ("${{inputs.langs}}", ["python", "node"]),
        ("task/${{ inputs.task }}", "task/0001"),
        (" ${{ inputs.task }}", " 0001"),
        ("${{ inputs.task }}${{ inputs.limit }}", "00013"),
        ("${{ inputs.dry }}: ${{ nodes.test.outputs.coverage }}", "false: 0.85"),
        ("${{ '}}' }} {{ x }} {% y %} {# z", "}} {{ x }} {% y %} {# z"),
        ("a ${{ '${{' }} b", "a ${{ b"),
        ("$${{ inputs.task }}", "$0001"),
        ("it's ${{ inputs.task }}, it's", "it's 0001, it's"),
        ('${{ "a\'}}" }}', "a'}}"),
    ],
)
def test_a_text_takes_the_values_of_its_holes_and_one_hole_keeps_its_type(text: str, expected: object) -> None:
    tree = parse_template(text)
    assert tree is not None
    found = evaluate(tree, SCOPE)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("text", ["", "plain", "{{ x }}", "{% if %}", "$ {{ x }}", "}} $", "100 %"])
def test_a_text_without_a_hole_is_no_template(text: str) -> None:
    assert parse_template(text) is None


def test_an_output_called_items_or_keys_is_a_value() -> None:
    assert value("nodes.test.outputs.items") == [1, 2]
    assert value("nodes.test.outputs.keys") == "k"


def test_a_tree_is_plain_data_that_survives_json_and_marshal() -> None:
    tree = parse_template("a ${{ nodes.x['y'][0][inputs.i] | default([1, 2.5, none, true]) | join(', ') }} b")
    assert json.loads(json.dumps(tree)) == tree
    assert marshal.loads(marshal.dumps(tree)) == tree


# --- what is refused, and where


@pytest.mark.parametrize(
    ("text", "code", "marked", "hint"),
    [
        ("a + 1", "O251", "+", "compute it in a node and read its output"),
        ("a.b - 1 > 0", "O251", "-", "compute it in a node"),
        ("2 ** 9999999", "O251", "**", "compute it in a node"),
        ("-a", "O251", "-", "compute it in a node"),
        ("a == -inputs.x", "O251", "-", "compute it in a node"),
        ("range(9)", "O251", "(", "compute it in a node"),
        ("a == b.items()", "O251", "(", "compute it in a node"),
        ("a if b else c", "O251", "if", "compute it in a node"),
        ("a ~ b", "O251", "~", "side by side"),
        ("a is defined", "O251", "is", "default"),
        ("{'a': 1}", "O251", "{", "compute it in a node"),
        ("(a, b)", "O251", ",", "write a list"),
        ("a[1:2]", "O251", ":", "compute it in a node"),
        ("a[-1]", "O251", "-", "| last"),
        ("a[1.5]", "O251", "1.5", ""),
        ("'x'.upper", "O251", ".", ""),
        ("[1].count", "O251", ".", ""),
        ("none.x", "O251", ".", ""),
        ("(a or b).c", "O251", ".", ""),
        ("a < b < c", "O251", "a < b < c", "a < b and b < c"),
        ("a | lowr", "O252", "lowr", "did you mean `lower`?"),
        ("a | attr('x')", "O252", "attr", "`default`"),
        ("a | first.id", "O252", "first", "(… | first).id"),
        ("a | default", "O252", "default", ""),
        ("a | default('x', true)", "O252", "default", ""),
        ("a | join(d=',')", "O252", "join", ""),
        ("a | length(1)", "O252", "length", ""),
        ("a | join(*b)", "O252", "join", ""),
        ("a ==", "O250", "=", ""),
        ("(a", "O250", "a", ""),
        ("a b", "O250", "b", ""),
        ("a)", "O250", ")", ""),
        ("a }} b", "O250", "}}", ""),
        ("x && y", "O250", "&", "write `and`"),
        ("x || y", "O250", "||", "write `or`"),
        ("!x", "O250", "!", "write `not`"),
        ("a = 1", "O250", "=", "write `==`"),
        ("a ? b : c", "O250", "?", "no `? :`"),
        ("a == 'x", "O250", "'", "close it"),
        ("a in ['x' 'y']", "O250", "'y'", "comma"),
        (r"a == 'x\d'", "O250", r"\d", "backslash"),
        (r"a == '\ud800'", "O250", r"\u", "backslash"),
        ("a > 1e3", "O250", "1e3", "plain decimals"),
        ("a > 0x10", "O250", "0x10", "plain decimals"),
        ("a > 1_000", "O250", "1_000", "plain decimals"),
        ("a > 010", "O250", "10", ""),
        ("{% if a %}", "O250", "%", ""),
        ("a ==\r\n b", "O250", "\r", ""),
        ("a == ${{ b }}", "O254", "${{", ""),
        ("${{ a == 1 }}", "O254", "${{", "write it bare: `a == 1`"),
    ],
)
def test_what_is_not_in_the_language_is_refused_at_its_place(text: str, code: str, marked: str, hint: str) -> None:
    error = refusal(text)
    assert (error.code, text[error.offset : error.offset + error.length]) == (code, marked)
    assert hint in (error.hint or "")


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_expression_is_refused(text: str) -> None:
    assert refusal(text).message == "the expression is empty"


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("x ${{ a", "O253", "${{"),
        ("${{ a }} ${{ b }", "O253", "${{"),
        ("x ${{ 'a }} y", "O253", "'"),
        ("${{ a }}, ${{ b + 1 }}", "O251", "+"),
        ("${{ a }} ${{ b | foo }}", "O252", "foo"),
    ],
)
def test_a_mistake_in_a_hole_has_its_place_in_the_whole_text(text: str, code: str, marked: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_template(text)
    error = caught.value
    assert (error.code, text[error.offset : error.offset + error.length]) == (code, marked)
    assert error.offset == text.rindex(marked)


def test_every_code_that_is_used_has_its_page() -> None:
    assert all(len(page.text.split(". ")) >= 2 for page in CODES.values())
    assert all("O250" <= code <= "O279" for code in CODES)


# --- limits


@pytest.mark.parametrize(
    "text",
    [
        "a" * (MAX_LENGTH + 1),
        "(" * 33 + "a" + ")" * 33,
        "[" * 2000,
        "not " * 1000 + "a",
        "-" * 4000 + "a",
        "a" + "|lower" * 40,
        "a[" * 40 + "0" + "]" * 40,
        "a == (" * 40 + "b" + ")" * 40,
    ],
)
def test_an_expression_that_is_too_large_is_refused(text: str) -> None:
    assert refusal(text).code in {"O255", "O251"}


def test_long_chains_of_or_and_long_paths_are_not_deep() -> None:
    assert value("inputs.dry or " * 250 + "true") is True
    assert failure("inputs" + ".a" * 2000).code == "O258"


@pytest.mark.parametrize(
    "text",
    [
        "big | upper",
        "[half, half, half] | join",
        "[half] | tojson | tojson",
        "[half | lower, half | lower, half | lower] | length",
    ],
)
def test_no_expression_makes_text_without_end(text: str) -> None:
    scope = {"big": "x" * (MAX_TEXT + 1), "half": "x" * (MAX_TEXT // 2)}
    assert failure(text, scope).code == "O262"


def test_a_text_of_a_mebibyte_is_allowed_and_one_character_more_is_not() -> None:
    tree = parse_template("y${{ x }}")
    assert tree is not None
    assert len(evaluate(tree, {"x": "x" * (MAX_TEXT - 1)})) == MAX_TEXT
    with pytest.raises(EvaluationError):
        evaluate(tree, {"x": "x" * MAX_TEXT})


@pytest.mark.parametrize("text", ["a == b", "a | tojson", "a in [b]"])
def test_data_nested_without_end_is_an_error_and_no_crash(text: str) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    other: list[Any] = []
    for _ in range(100_000):
        other = [other]
    assert failure(text, {"a": deep, "b": other}).code == "O262"


# --- what goes wrong when it is evaluated


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("gone.x", "O258", ["`gone` is undefined", "`inputs`", "`nodes`"]),
        ("inputs.tsak", "O258", ["`inputs.tsak` is undefined", "did you mean `task`"]),
        (
            "nodes.test.outputs.covrage",
            "O258",
            ["`nodes.test.outputs.covrage`", "`nodes.test.outputs` has", "`coverage`"],
        ),
        ("nodes.plan.outputs.risky.x", "O258", ["`nodes.plan.outputs.risky`", "has nothing"]),
        ("inputs.langs[2]", "O258", ["`inputs.langs[2]`", "2 items"]),
        ("inputs.task.length", "O258", ["`inputs.task` is a string"]),
        ("inputs.langs.length", "O258", ["`inputs.langs` is a list"]),
        ("inputs[0]", "O258", ["`inputs` is an object"]),
        ("inputs.none | first", "O258", ["empty list"]),
        ("gone | lower", "O258", ["`gone`"]),
        ("inputs.limit == '3'", "O259", ["a number", "a string"]),
        ("inputs.dry == 0", "O259", ["a boolean", "a number"]),
        ("inputs.limit != inputs.langs", "O259", ["a number", "a list"]),
        ("inputs.dry < true", "O259", ["order", "a boolean"]),
        ("null < 1", "O259", ["null", "a number"]),
        ("inputs.langs < inputs.langs", "O259", ["order", "a list"]),
        ("1 in inputs.langs", "O259", ["a number", "a string"]),
        ("1 in 'abc'", "O259", ["a number", "only a string"]),
        ("1 in 3", "O259", ["`in`", "a number"]),
        ("inputs[inputs.dry]", "O259", ["index", "a boolean"]),
        ("inputs.limit | length", "O259", ["`length`", "a number"]),
        ("inputs.langs | upper", "O259", ["`upper`", "a list"]),
        ("inputs.task | first", "O259", ["`first`", "a string"]),
        ("inputs.task | join", "O259", ["`join`", "a string"]),
        ("inputs.langs | join(1)", "O259", ["`join`", "a number"]),
        ("not inputs.task", "O260", ["`not`", "a string"]),
        ("inputs.dry or inputs.langs", "O260", ["`or`", "a list"]),
        ("1 and true", "O260", ["`and`", "a number"]),
        ("[inputs.langs] | join", "O261", ["a list", "tojson"]),
        ("[null] | join", "O261", ["null", "tojson"]),
    ],
)
def test_an_evaluation_that_fails_says_why_in_paths_and_types(text: str, code: str, words: list[str]) -> None:
    error = failure(text)
    assert error.code == code
    assert [word for word in words if word not in error.message] == []


@pytest.mark.parametrize("hole", ["inputs.langs", "matrix.goal", "nodes.test.reason"])
def test_a_text_holds_no_list_object_or_null(hole: str) -> None:
    tree = parse_template(f"x ${{{{ {hole} }}}}")
    assert tree is not None
    with pytest.raises(EvaluationError, match="tojson") as caught:
        evaluate(tree, SCOPE)
    assert caught.value.code == "O261"


@pytest.mark.parametrize("text", ["inputs.task", "inputs.limit", "inputs.langs", "nodes.test.reason", "'true'"])
def test_a_condition_is_true_or_false_and_nothing_else(text: str) -> None:
    assert evaluate_condition(parse_expression("inputs.limit == 3"), SCOPE) is True
    assert evaluate_condition(parse_expression("inputs.dry"), SCOPE) is False
    with pytest.raises(EvaluationError) as caught:
        evaluate_condition(parse_expression(text), SCOPE)
    assert caught.value.code == "O260"


class Unready(dict[str, Any]):
    """Data that answers to every key by an exception of its owner's."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Any:
        raise LookupError(key)


def test_what_the_scope_itself_raises_is_passed_on_and_no_default_hides_it() -> None:
    with pytest.raises(LookupError):
        value("nodes.x.outputs | default('none')", {"nodes": {"x": Unready()}})


def test_values_never_appear_in_messages() -> None:
    scope = {"a": {"token": "hunter2hunter2"}, "b": 1}
    for text in ("a.token.x", "a.token == b", "a.token and true", "a.token | first", "b in a.token", "a.token[0]"):
        assert "hunter2" not in failure(text, scope).message


@pytest.mark.parametrize(
    "name", ["__class__", "__init__", "__globals__", "mro", "items", "get", "pop", "format", "real"]
)
@pytest.mark.parametrize(
    "base", ["inputs", "inputs.task", "inputs.langs", "inputs.limit", "inputs.dry", "nodes.test.reason"]
)
def test_attributes_and_methods_of_python_do_not_exist(base: str, name: str) -> None:
    assert failure(f"{base}.{name}").code == "O258"
    assert failure(f"{base}['{name}']").code == "O258"
    assert failure(f"(inputs.langs | first).{name}").code == "O258"
    assert failure(name).code == "O258"


# --- what an expression reads


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inputs.risk", [Reference("inputs", ("risk",), False)]),
        ("a.b[0]['c-d'][x.y]", [Reference("a", ("b", 0, "c-d", None), False), Reference("x", ("y",), False)]),
        ("a.b | default(c.d)", [Reference("a", ("b",), True), Reference("c", ("d",), False)]),
        ("(a.b | lower) | default('')", [Reference("a", ("b",), True)]),
        ("a.b | default('') | lower", [Reference("a", ("b",), True)]),
        ("(a | first).x == b", [Reference("a", (), False), Reference("b", (), False)]),
        ("not a and b in [c, 1] or 'd' == 'e'", [Reference(root, (), False) for root in "abc"]),
    ],
)
def test_references_are_every_path_that_is_read(text: str, expected: list[Reference]) -> None:
    assert references(parse_expression(text)) == expected


def test_references_of_a_text_are_those_of_its_holes() -> None:
    tree = parse_template("x ${{ a }} get ${{ b.c | default('get') }}")
    assert tree is not None
    assert references(tree) == [Reference("a", (), False), Reference("b", ("c",), True)]


# --- what is known before anything runs

SHAPES: dict[str, Shape] = {
    "inputs": Known(
        {
            "task": Scalar("string"),
            "risk": Scalar("string", ("low", "high")),
            "limit": Scalar("number"),
            "dry": Scalar("boolean"),
            "langs": ListOf(Scalar("string")),
        }
    ),
    "nodes": Known({"test": Known({"status": Scalar("string", ("succeeded", "failed")), "outputs": ANY})}),
    "matrix": Known({"goals": ListOf(Known({"id": Scalar("string")}))}),
}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("input.risk", "unknown name `input`", "did you mean `inputs`? there is `inputs`, `matrix`, `nodes`"),
        ("inputs.rsik", "unknown key `inputs.rsik`", "did you mean `risk`?"),
        ("inputs.rsik | default('x')", "unknown key `inputs.rsik`", "did you mean `risk`?"),
        ("nodes.tset.status", "unknown key `nodes.tset`", "`nodes` has `test`"),
        ("inputs.keys", "unknown key `inputs.keys`", "`inputs` has"),
        ("inputs.__class__", "unknown key `inputs.__class__`", "`inputs` has"),
        ("inputs.task.x", "`inputs.task` is a string: it has no `x`", None),
        ("inputs.langs.length", "`inputs.langs` is a list: it has no `length`", "`[0]`"),
        ("matrix.goals[0].ib", "unknown key `matrix.goals[0].ib`", "`matrix.goals[0]` has `id`"),
        ("(matrix.goals | first).ib", "unknown key `(…).ib`", "`(…)` has `id`"),
        ("inputs.risk == 3", "a string is compared with a number", "one type"),
        ("inputs.limit > '3'", "a number is compared with a string", "one type"),
        ("inputs.dry == 'true'", "a boolean is compared with a string", "one type"),
        ("inputs.risk == 'hgih'", "it is never `hgih`", "did you mean `high`? the values are `high`, `low`"),
        ("'hgih' != inputs.risk", "it is never `hgih`", "did you mean `high`?"),
        ("inputs.risk in ['low', 'middle']", "it is never `middle`", "the values are `high`, `low`"),
        ("nodes.test.status == 'success'", "it is never `success`", "`succeeded`"),
        ("inputs.dry < true", "`<` cannot order a boolean", "numbers and strings"),
        ("1 in inputs.langs", "a number is compared with a string", "one type"),
        ("1 in inputs.task", "a number cannot be in a string", "only a string"),
        ("1 in inputs.limit", "`in` takes a list, a string or an object, and `inputs.limit` is a number", None),
        ("not inputs.task", "`not` takes true or false, and `inputs.task` is a string", "compare it"),
        (
            "inputs.limit | length",
            "`length` takes a list or an object or a string, and `inputs.limit` is a number",
            None,
        ),
        ("inputs.limit | lower", "`lower` takes a string, and `inputs.limit` is a number", None),
        ("inputs.langs | join(3)", "`join` takes a string as its argument, and this is a number", None),
        ("inputs[inputs.dry]", "an index is a string or a number, and `inputs.dry` is a boolean", None),
    ],
)
def test_a_mistake_is_found_before_anything_runs(text: str, message: str, hint: str | None) -> None:
    [finding] = check(parse_expression(text), SHAPES)
    assert finding.message == message
    assert (hint or "") in (finding.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "inputs.risk == 'high' or nodes.test.outputs.anything.at[0].all > 3",
        "inputs.risk in ['low', 'high'] and 'python' in inputs.langs",
        "inputs.limit >= 0.5 and not inputs.dry",
        "(matrix.goals | first).id == matrix.goals[1].id",
        "inputs[inputs.task] == null",
        "inputs.task == null",
        "nodes.test.status | default('none') == 'none'",
        "inputs.langs | join(', ') | upper | length == 3",
        "[1, 2] | length == 2 and 'task' in inputs",
        "nodes.test.outputs.x in nodes.test.outputs.y",
        "nodes.test.outputs.risky",
    ],
)
def test_what_may_hold_has_no_findings(text: str) -> None:
    assert check_condition(parse_expression(text), SHAPES) == []


def test_a_condition_that_cannot_be_true_or_false_is_found_before_anything_runs() -> None:
    [finding] = check_condition(parse_expression("inputs.task"), SHAPES)
    assert finding.message == "a condition is true or false, and `inputs.task` is a string"


def test_a_list_in_a_text_is_found_before_anything_runs() -> None:
    tree = parse_template("x ${{ inputs.langs }} ${{ inputs.langs | tojson }} ${{ inputs.limit }}")
    assert tree is not None
    [finding] = check(tree, SHAPES)
    assert finding.message == "a text holds strings, numbers, booleans, and `inputs.langs` is a list"
    assert finding.hint == "write it with `| tojson`"


def test_all_mistakes_of_an_expression_are_reported_at_once() -> None:
    assert len(check(parse_expression("inputs.a == 1 or inputs.b == 2 or inputs.risk == 3"), SHAPES)) == 3


def test_the_shape_of_a_value_is_known_as_far_as_it_can_be() -> None:
    assert shape_of(parse_expression("inputs.langs | first"), SHAPES) == Scalar("string")
    assert shape_of(parse_expression("nodes.test.outputs.x"), SHAPES) == ANY
    assert shape_of(parse_expression("inputs.task == 'x'"), SHAPES) == Scalar("boolean")


# --- for every input

_NAMES = st.sampled_from(["inputs", "nodes", "task", "items", "keys", "a", "gone", "__class__"])
_CONSTANTS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
_DATA = st.recursive(
    _CONSTANTS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=4))
)


def _grow(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    part = st.one_of(_NAMES, st.integers(0, 3), inner)
    return st.one_of(
        st.tuples(st.just("get"), st.one_of(_NAMES, inner), st.lists(part, max_size=3)),
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.just("cmp"), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, inner),
        st.tuples(st.just("in"), inner, inner),
        st.lists(inner, max_size=3).map(lambda items: ("list", *items)),
        st.tuples(
            st.just("filter"),
            st.sampled_from(["length", "lower", "upper", "tojson", "first", "last"]),
            inner,
            st.just([]),
        ),
        st.tuples(
            st.just("filter"), st.sampled_from(["default", "join"]), inner, st.lists(inner, min_size=1, max_size=1)
        ),
        st.tuples(st.just("text"), st.lists(st.one_of(st.text(max_size=3), inner), min_size=1, max_size=3)),
    ).map(list)


_TREES = st.recursive(_CONSTANTS.map(lambda constant: ["const", constant]), _grow, max_leaves=12)


@given(tree=_TREES, scope=st.dictionaries(_NAMES, _DATA, max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_tree_over_any_data_gives_plain_data_or_an_evaluation_error(tree: Tree, scope: dict[str, Any]) -> None:
    before = repr(scope)
    found = evaluated(tree, scope)
    if isinstance(found, EvaluationError):
        assert found.code in CODES
        assert len(found.message) < 2000
    else:
        assert isinstance(found, str | int | float | list | dict | None)
    assert repr(scope) == before


_WORDS = st.sampled_from(
    [
        *"()[]{}.,:|&!=<~+-*/%'\"\\é\n\r\0 ",
        *("a", "inputs.x", "and", "or", "not", "in", "is", "if", "else", "true", "none", "null", "'x'", '"y"', "[0]"),
        *(
            "1",
            "0.5",
            "1e9",
            "0x1",
            "lower",
            "default(",
            "join(',')",
            ".__class__",
            "||",
            "==",
            "**",
            "${{",
            "}}",
            "{%",
        ),
    ]
)
_TEXTS = st.one_of(
    st.text(max_size=60), st.lists(_WORDS, max_size=25).map(" ".join), st.lists(_WORDS, max_size=25).map("".join)
)


@given(text=_TEXTS)
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_tree_or_an_expression_error_within_the_text(text: str) -> None:
    for template in (False, True):
        found = parsed(text, template)
        if isinstance(found, ExpressionError):
            assert found.code in CODES
            assert 0 <= found.offset <= max(len(text) - 1, 0)
            assert found.length >= 1
        elif found is not None:
            assert json.loads(json.dumps(found)) == found
            check(found, SHAPES)
            references(found)


@given(path=st.lists(st.sampled_from(["a", "b_1", "not", "if", "true", "None", "items", "is"]), min_size=1, max_size=4))
def test_a_plain_path_parses_as_it_does_in_brackets(path: list[str]) -> None:
    plain, in_brackets = parsed(".".join(path), False), parsed(f"({'.'.join(path)})", False)
    if isinstance(plain, ExpressionError):
        assert isinstance(in_brackets, ExpressionError)
    else:
        assert plain == in_brackets


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4096,
        "[" * 4096,
        "'" * 4095,
        "a." * 2047 + "a",
        "1" * 4096,
        "1_" * 2048,
        "\\'" * 2000,
        "a|" * 2000,
        "'\\" * 2000,
    ],
)
@pytest.mark.timeout(60)
def test_the_worst_texts_are_parsed_at_a_cost_in_proportion_to_their_size(text: str) -> None:
    for whole, is_template in ((text, False), ("${{" + text + "}}", True)):
        found = parsed(whole, is_template)
        assert isinstance(found, list) or found.code in CODES
        assert calls(lambda whole=whole, is_template=is_template: parsed(whole, is_template)) < 50 * len(whole)


def test_many_holes_cost_in_proportion() -> None:
    text = "${{ a.b }} ' " * 20_000
    tree = parse_template(text)
    assert tree is not None
    assert len(tree[1]) == 40_000
    assert calls(lambda: parse_template(text)) < 20 * 20_000


# --- what is imported


@pytest.mark.parametrize(
    "code",
    [
        "import orch.spec.expressions.evaluate, orch.spec.expressions.check, orch.spec.expressions.parse",
        "from orch.spec.expressions.parse import parse_template as p; p('plain'); p('a ${{ inputs.task }} b')",
        "from orch.spec.expressions.evaluate import evaluate; evaluate(['get', 'a', ['b']], {'a': {'b': 1}})",
    ],
)
def test_jinja_is_not_imported_to_evaluate_or_where_nothing_needs_parsing(code: str) -> None:
    program = f"{code}\nimport sys\nassert 'jinja2' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)

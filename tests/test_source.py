"""YAML text → plain data, a span for every route, and a problem with a place for everything that is refused."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from effort import calls
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.problems.codes_yaml import CODES
from orch.problems.problem import Exit, OrchError, Problem
from orch.source.document import Document
from orch.source.events import events
from orch.source.limits import MAX_BYTES, size_limit
from orch.source.read import parse, read
from orch.source.scalars import lookalike, plain

VALID = """\
# a comment
apiVersion: orch/v1
kind: Pipeline
x-env: { base: &base { LANG: C } }
phases:
  build:
    nodes:
      compile: { run: "make all", needs: [], timeout: 5m }
      test:
        run: |
          make test
          make lint
        needs: [compile]
        env: *base
        retry: { limit: 2, backoff: 1.5 }
        allow_failure: true
"""


def refused(text: str | bytes, **options: Any) -> list[Problem]:
    with pytest.raises(OrchError) as caught:
        parse(text, "a.yaml", **options)
    assert caught.value.problems
    for problem in caught.value.problems:
        assert problem.code in CODES
        assert problem.hint
        assert problem.at is not None
        assert problem.at.path == "a.yaml"
    return caught.value.problems


def at(problem: Problem) -> tuple[int, int]:
    assert problem.at is not None
    return problem.at.line, problem.at.column


def pointed(document: Document, *route: str | int, key: bool = False) -> str:
    span = document.span(route, key=key)
    assert span.source_line == document.text.split("\n")[span.line - 1].removesuffix("\r")
    return f"{span.line}:{span.source_line[span.column - 1 : span.end_column - 1]}"


# Data


def test_a_document_is_plain_data() -> None:
    data = parse(VALID, "a.yaml").data
    test = data["phases"]["build"]["nodes"]["test"]
    assert test["run"] == "make test\nmake lint\n"
    assert test["retry"] == {"limit": 2, "backoff": 1.5}
    assert test["allow_failure"] is True
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "010",
        "3.10",
        "1e3",
        "TRUE",
        "True",
        "yes",
        "on",
        "1:30",
        "2026-11-22",
        "0x1F",
        "0o17",
        ".inf",
        "-.inf",
        "-inf",
        "nan",
        ".5",
        "5.",
        "-0",
        "+1",
        "1_000",
        "1.2.3",
        "-x",
        "١",
    ],
)
def test_a_scalar_that_does_not_print_back_unchanged_stays_text(text: str) -> None:
    assert parse(f"a: {text} # a comment", "a.yaml").data == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-5", -5),
        ("3.1", 3.1),
        ("1e+16", 1e16),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
    ],
)
def test_a_plain_scalar_that_prints_back_unchanged_has_its_type(text: str, value: object) -> None:
    data = parse(f"a: {text}\nb: [{text}]", "a.yaml").data
    assert (data["a"], data["b"]) == (value, [value])
    assert type(data["a"]) is type(value)


def test_quoted_and_block_scalars_are_always_text() -> None:
    text = "a: '1'\nb: \"true\"\nc: |-\n  1\nd: >-\n  null\ne: ''\nf:\n'1': x\n"
    assert parse(text, "a.yaml").data == {"a": "1", "b": "true", "c": "1", "d": "null", "e": "", "f": None, "1": "x"}


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_from_what_it_prints(number: float) -> None:
    value = plain(repr(number))
    assert value == number
    assert type(value) is type(number)


@given(st.text(max_size=20))
def test_a_plain_scalar_is_text_or_prints_back_unchanged(text: str) -> None:
    value = plain(text)
    assert isinstance(value, str | bool | None) or str(value) == text


def test_a_number_of_thousands_of_digits_stays_text() -> None:
    digits = "1" * 5000
    assert parse(f"a: {digits}", "a.yaml").data == {"a": digits}
    assert lookalike(digits) == "quote it"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("3.10", "quote it, or write `3.1`"),
        ("010", "quote it, or write `10`"),
        ("1e3", "quote it, or write `1000`"),
        ("TRUE", "quote it, or write `true`"),
        ("off", "quote it, or write `false`"),
        ("0x1F", "quote it, or write `31`"),
        ("0b12", None),
        ("1_000", "quote it, or write `1000`"),
        ("1:30", "quote it"),
        ("2026-11-22", "quote it"),
        (".inf", "quote it"),
        ("1e999", "quote it"),
        ("NULL", "quote it, or write `null`"),
        ("5", "write `5` without quotes"),
        ("main", None),
        ("1.2.3", None),
        ("", None),
    ],
)
def test_a_text_that_looks_like_something_else_says_what_to_write(text: str, advice: str | None) -> None:
    assert lookalike(text) == advice


# Spans


def test_a_span_points_at_exactly_the_value_or_the_key() -> None:
    document = parse(VALID, "a.yaml")
    nodes = ("phases", "build", "nodes")
    assert pointed(document, "kind") == "3:Pipeline"
    assert pointed(document, "kind", key=True) == "3:kind"
    assert pointed(document, *nodes, "compile") == '8:{ run: "make all", needs: [], timeout: 5m }'
    assert pointed(document, *nodes, "compile", "run") == '8:"make all"'
    assert pointed(document, *nodes, "compile", "needs") == "8:[]"
    assert pointed(document, *nodes, "compile", "timeout", key=True) == "8:timeout"
    assert pointed(document, *nodes, "test", key=True) == "9:test"
    assert pointed(document, *nodes, "test", "run") == "10:|"
    assert pointed(document, *nodes, "test", "needs", 0) == "13:compile"
    assert pointed(document, *nodes, "test", "retry", "backoff") == "15:1.5"


def test_a_span_of_a_route_that_is_not_there_is_that_of_the_nearest_parent() -> None:
    document = parse(VALID, "a.yaml")
    nodes = ("phases", "build", "nodes")
    assert pointed(document, *nodes, "test", "needs", 7, "x") == "13:[compile]"
    assert pointed(document, *nodes, "test", "adapter", key=True) == "9:test"
    assert pointed(document, "kind", "x", 1) == "3:Pipeline"
    assert pointed(document) == "2:apiVersion: orch/v1"
    assert pointed(document, "nothing", key=True) == "2:apiVersion: orch/v1"


def test_a_block_collection_is_shown_by_its_first_entry() -> None:
    document = parse("a:\n  b: c # x\n  d: e\nf:\n- g\n-\n  - h: | # y\n      i\nj:\n  k:\n    l: 1\n", "a.yaml")
    assert pointed(document, "a") == "2:b: c"
    assert pointed(document, "f") == "5:- g"
    assert pointed(document, "f", 1) == "7:- h: |"
    assert pointed(document, "f", 1, 0) == "7:h: |"
    assert pointed(document, "j") == "10:k"


def test_a_span_of_a_value_over_several_lines_is_its_first_line() -> None:
    document = parse("a: one\n  two\nb: 'three  \n  four'\nc: [5,\n  6, {d: 7,\n  e: 8}]\n", "a.yaml")
    assert pointed(document, "a") == "1:one"
    assert pointed(document, "b") == "3:'three"
    assert pointed(document, "c") == "5:[5,"
    assert pointed(document, "c", 2) == "6:{d: 7,"
    assert pointed(document, "c", 2, "e") == "7:8"


def test_columns_count_characters_and_lines_end_in_either_way() -> None:
    document = parse("ä: {日本: 😀, é: x}\r\nb: |\r\n  c\r\n\r\nd: y\r\n".encode(), "a.yaml")
    assert document.data == {"ä": {"日本": "😀", "é": "x"}, "b": "c\n", "d": "y"}
    assert pointed(document, "ä", "日本") == "1:😀"
    assert pointed(document, "ä", "é", key=True) == "1:é"
    assert pointed(document, "ä", "é") == "1:x"
    assert pointed(document, "d") == "5:y"


def test_a_byte_order_mark_at_the_start_is_not_a_part_of_the_text() -> None:
    for raw in (b"\xef\xbb\xbfa: b", "\ufeffa: b"):
        document = parse(raw, "a.yaml")
        assert document.data == {"a": "b"}
        assert document.span(("a",), key=True).column == 1


def test_an_empty_value_has_a_place_too() -> None:
    document = parse("a:\nb: {c: , d}\ne:", "a.yaml")
    assert (document.span(("a",)).line, document.span(("a",)).column) == (1, 3)
    assert (document.span(("b", "c")).line, document.span(("b", "c")).column) == (2, 8)
    assert document.span(("e",)).line == 3


def test_what_comes_from_an_alias_is_shown_at_the_anchor() -> None:
    document = parse(VALID, "a.yaml")
    env = ("phases", "build", "nodes", "test", "env")
    assert document.data["phases"]["build"]["nodes"]["test"]["env"] == {"LANG": "C"}
    assert pointed(document, *env) == "14:*base"
    assert pointed(document, *env, "LANG") == "4:C"


def routes(value: Any, route: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    found = [(route, value)]
    if isinstance(value, dict):
        found += [hit for key, item in value.items() for hit in routes(item, (*route, key))]
    if isinstance(value, list):
        found += [hit for index, item in enumerate(value) for hit in routes(item, (*route, index))]
    return found


keys = st.text("abz_é日", min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab 1é", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def block(value: Any, indent: str = "") -> str:
    """The value in block style; leaves and empty collections as JSON."""
    if isinstance(value, dict) and value:
        return "".join(
            f"\n{indent}{json.dumps(key, ensure_ascii=False)}:{block(value[key], indent + '  ')}" for key in value
        )
    if isinstance(value, list) and value:
        return "".join(f"\n{indent}-{block(item, indent + '  ')}" for item in value)
    return " " + json.dumps(value, ensure_ascii=False)


@settings(deadline=None)
@given(st.dictionaries(keys, values, min_size=1, max_size=4), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_every_route_has_the_span_of_its_own_text(data: dict[str, Any], flow: bool, newline: str) -> None:
    text = json.dumps(data, ensure_ascii=False) if flow else block(data).lstrip("\n")
    document = parse(text.replace("\n", newline), "a.yaml")
    assert document.data == data
    for route, value in routes(data):
        if flow or not isinstance(value, dict | list) or not value:
            assert json.loads(pointed(document, *route).split(":", 1)[1]) == value
        if route and isinstance(route[-1], str):
            assert json.loads(pointed(document, *route, key=True).split(":", 1)[1]) == route[-1]


# Refusals

REFUSED = {
    "a: b: c\n": [("O005", 1, 5)],
    "a:\n\t- b\n": [("O005", 2, 1)],
    "a: >-\n\tx\n": [("O005", 2, 1)],
    "a: [1, 2\nb: 3\n": [("O005", 2, 2)],
    "a: {b: 1\n": [("O005", 1, 9)],
    "a: 1\nb: 'x\nc: 1\n": [("O005", 2, 4)],
    "a: 1\nb\nc: 1\n": [("O005", 2, 1)],
    "a: *.py\n": [("O005", 1, 5)],
    "a: @x\n": [("O005", 1, 4)],
    "a: {x: ${{ y }} }\n": [("O005", 1, 9)],
    "a: {{ x }}\n": [("O015", 1, 5)],
    "a: 1\n...\nb: 1\n": [("O005", 3, 1)],
    "%FOO\n---\na: 1\n": [("O005", 1, 5)],
    "a: 1\nb: 2\na: 3\n": [("O007", 3, 1)],
    "a: {b: 1, c: 2, b: 3}\n": [("O007", 1, 17)],
    "a: 1\n'a': 2\n\"a\": 3\n": [("O007", 2, 1), ("O007", 3, 1)],
    "a: !x 1\n": [("O008", 1, 4)],
    "a: ! 1\n": [("O008", 1, 4)],
    "a: !!str 1\n": [("O008", 1, 4)],
    "a: !!python/object/apply:os.system [id]\n": [("O008", 1, 4)],
    "a: {b: !!set {c}}\n": [("O008", 1, 8)],
    "!x a: 1\n": [("O008", 1, 1)],
    "%TAG ! tag:x,2000:\n---\na: 1\n": [("O008", 1, 1)],
    "a: &b 1\n": [("O009", 1, 4)],
    "&a b: 1\n": [("O009", 1, 1)],
    "--- &a\nb: 1\n": [("O009", 1, 5)],
    "&a x-b: 1\n": [("O009", 1, 1)],
    "a: {x-b: &c 1}\n": [("O009", 1, 10)],
    "a: *b\nx-b: &b 1\n": [("O009", 1, 4)],
    "x-a: &a 1\nx-b: &a 2\n": [("O009", 2, 6)],
    "x-a: &a [*a]\n": [("O009", 1, 10)],
    "x-a: &a {b: {c: [*a]}}\n": [("O009", 1, 18)],
    "x-a: &a b\n*a : 1\n": [("O015", 2, 1)],
    "x-a: &a {b: 1}\nc: {<<: *a}\n": [("O010", 2, 5)],
    "a: 1\n---\nb: 1\n": [("O012", 2, 1)],
    "a: 1\n---\n": [("O012", 2, 1)],
    "": [("O013", 1, 1)],
    "\n\n# only this\n": [("O013", 1, 1)],
    "---\n": [("O013", 1, 4)],
    "null\n": [("O013", 1, 1)],
    "- a\n": [("O014", 1, 1)],
    "# x\n[]\n": [("O014", 2, 1)],
    "x\n": [("O014", 1, 1)],
    "1: a\n": [("O015", 1, 1)],
    "a: {true: 1, 1.5: 2}\n": [("O015", 1, 5), ("O015", 1, 14)],
    "~: a\nnull: b\n": [("O015", 1, 1), ("O015", 2, 1)],
    "a: {: 1}\n": [("O005", 1, 5)],
    "?\n: b\n": [("O015", 1, 2)],
    "? [a]\n: b\n": [("O015", 1, 3)],
    "a: {[b]: c}\n": [("O015", 1, 5)],
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_part_of_the_language_is_refused_with_its_place(text: str) -> None:
    assert [(problem.code, *at(problem)) for problem in refused(text)] == REFUSED[text]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("x-a: &a 1\nb: [*a, *a]\n", {"x-a": 1, "b": [1, 1]}),
        ("x-a: {b: [&c {d: e}]}\nf: {g: *c}\n", {"x-a": {"b": [{"d": "e"}]}, "f": {"g": {"d": "e"}}}),
        ("a: {b: 1}\nc: {b: 2}\n", {"a": {"b": 1}, "c": {"b": 2}}),
        ("a: '!x &b *c'\n", {"a": "!x &b *c"}),
        ("'<<': 1\n", {"<<": 1}),
        ("'1': a\n'': b\n", {"1": "a", "": "b"}),
        ("? a\n: b\n", {"a": "b"}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("a:\n  - b\t# c\nd:\te\n", {"a": ["b"], "d": "e"}),
        ("a: run # it\nb: x#y && z *\n", {"a": "run", "b": "x#y && z *"}),
        ("a: ${{ b }}\n", {"a": "${{ b }}"}),
        ("on: yes\n", {"on": "yes"}),
    ],
)
def test_what_is_one_step_different_is_accepted(text: str, data: object) -> None:
    assert parse(text, "a.yaml").data == data


def test_a_repeated_key_names_the_line_of_the_first() -> None:
    (problem,) = refused("x:\n  a: {c: 1}\n  b: {c: 1}\n  a: 2\n")
    assert at(problem) == (4, 3)
    assert problem.label == "first on line 2"


def test_a_repeated_key_below_a_repeated_key_names_its_own_first_line() -> None:
    first, second = refused("a:\n  x: 1\na:\n  x: 1\n  x: 2\n")
    assert (first.label, second.label) == ("first on line 1", "first on line 4")


def test_all_problems_are_reported_at_once_in_the_order_of_the_text() -> None:
    problems = refused("a: 1\nb: !x 2\na: 3\n4: 5\nc: [\n")
    assert [(problem.code, at(problem)[0]) for problem in problems] == [
        ("O008", 2),
        ("O007", 3),
        ("O015", 4),
        ("O005", 5),
    ]


def test_a_tab_as_indentation_says_so() -> None:
    for text in ("a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "\ta: 1\n"):
        (problem,) = refused(text)
        assert "tab" in problem.message


def test_an_expression_without_quotes_inside_brackets_says_so() -> None:
    (problem,) = refused("a: [${{ b }}]\n")
    assert problem.hint is not None
    assert '"${{' in problem.hint


@pytest.mark.parametrize("character", list("\x00\x07\x0c\x1b\x7f\x85\x9b\u2028\u202e\u2066\u200f\ufeff\ufffe"))
def test_a_character_that_cannot_be_seen_is_refused_anywhere(character: str) -> None:
    for text in (f"a: b\nc: {character}", f'a: b\nc:"{character}"', f"a: b\n#é:{character}", f"a: b\nä: {character}\n"):
        (problem,) = refused(text.encode())
        assert (problem.code, at(problem)) == ("O003", (2, 4))
        assert f"U+{ord(character):04X}" in problem.message


def test_a_carriage_return_in_the_middle_of_a_line_is_refused() -> None:
    (problem,) = refused("a: b\r\nc: d\re: f\n")
    assert (problem.code, at(problem)) == ("O003", (2, 5))


def test_an_escape_for_a_character_that_cannot_be_seen_is_refused() -> None:
    for escape in (r"\0", r"\e", r"\x9b", r"\u202E", r"\N", r"\uFEFF"):
        (problem,) = refused(f'a: ["b", "c{escape}"]')
        assert (problem.code, at(problem)) == ("O003", (1, 10))
    assert parse(r'a: "b\tc\nd\u00e9\r\n"', "a.yaml").data == {"a": "b\tc\ndé\r\n"}


def test_a_lone_surrogate_is_refused() -> None:
    (problem,) = refused("a: \ud800")
    assert (problem.code, at(problem)) == ("O003", (1, 4))


def test_bytes_that_are_not_utf8_are_refused_at_the_first_bad_one() -> None:
    (problem,) = refused(b"a: b\n\xc3\xa9: \xe9t\xe9\n")
    assert (problem.code, at(problem)) == ("O002", (2, 4))
    assert "0xE9" in problem.message
    (problem,) = refused("a: b".encode("utf-16"))
    assert "UTF-16" in problem.message


def test_a_large_document_is_refused_unless_the_limit_is_raised() -> None:
    text = "a: " + "x" * MAX_BYTES
    (problem,) = refused(text)
    assert problem.code == "O004"
    assert problem.hint is not None
    assert "ORCH_MAX_SPEC_BYTES" in problem.hint
    assert parse(text, "a.yaml", max_bytes=2 * MAX_BYTES).data == {"a": "x" * MAX_BYTES}


def test_the_size_limit_is_a_whole_number_of_bytes() -> None:
    assert size_limit(None) == size_limit("") == MAX_BYTES
    assert size_limit("5") == 5
    for value in ("0", "-1", "1MiB", "٣", "1" * 5000, " 5"):
        with pytest.raises(OrchError) as caught:
            size_limit(value)
        assert (caught.value.problems[0].code, caught.value.exit) == ("O017", Exit.USAGE)


def test_a_missing_c_parser_is_a_problem_and_not_a_slower_way() -> None:
    with pytest.raises(OrchError) as caught:
        events("a: 1", SimpleNamespace())
    assert caught.value.problems[0].code == "O016"


# Bounds


def test_64_levels_are_read_and_65_are_not() -> None:
    for opening, closing in (("[", "]"), ("{a: ", "}")):
        parse("a: " + opening * 63 + closing * 63, "a.yaml")
        (problem,) = refused("a: " + opening * 64 + closing * 64)
        assert (problem.code, at(problem)) == ("O006", (1, 4 + 63 * len(opening)))


def test_aliases_count_with_the_depth_that_they_bring() -> None:
    inner = f"x-a: &a {'[' * 40}{']' * 40}\n"
    parse(f"{inner}b: {'[' * 23}*a{']' * 23}\n", "a.yaml")
    (problem,) = refused(f"{inner}b: {'[' * 24}*a{']' * 24}\n")
    assert (problem.code, at(problem)) == ("O006", (2, 28))


def laughs(levels: int, width: int) -> str:
    lines = ["x-0: &l0 [ha]"]
    lines += [f"x-{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "flow lists": ("[" * 100_000, "O006"),
    "flow mappings": ("{a: " * 100_000, "O006"),
    "flow mappings without keys": ("{" * 100_000, "O006 O015"),
    "block lists": ("- " * 100_000, "O006"),
    "keys as questions": ("? " * 100_000, "O015"),
    "block mappings": ("\n".join(" " * n + "a:" for n in range(1000)), "O006"),
    "laughs": (laughs(30, 9), "O011"),
    "wide laughs": (f"x-a: &a [{'b, ' * 1000}c]\nd: [{'*a, ' * 1000}e]", "O011"),
    "the same key": ("a: 1\n" * 50_000, "O007"),
    "tags": ("a: !x [\n" + "!y 1,\n" * 50_000 + "]", "O008"),
    "number keys": ("".join(f"{n}: a\n" for n in range(50_000)), "O015"),
    "open quote": ("a: '" + "x\n " * 300_000, "O005"),
    "one long line": ("a: [" + "b," * 500_000, "O005"),
    "control characters": ("\x01" * 1_000_000, "O003"),
    "colons": ("a:" * 500_000, "O013 O014 O005"),
    "pluses": ("a: |+\n" + "\n" * 1_000_000 + "b", "O005"),
    "anchors": ("".join(f"a{n}: &a{n} 1\n" for n in range(50_000)), "O009"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BOMBS)
def test_a_document_made_to_exhaust_the_reader_is_refused_at_a_cost_in_proportion_to_its_size(name: str) -> None:
    text, codes = BOMBS[name]
    problems = refused(text)
    assert {problem.code for problem in problems} <= set(codes.split())
    assert len(problems) <= 100
    assert calls(lambda: refused(text)) < 10_000 + 10 * len(text)


def test_fifty_thousand_keys_and_huge_lists_are_read() -> None:
    assert len(parse("".join(f"k{n}: {n}\n" for n in range(50_000)), "a.yaml").data) == 50_000
    assert len(parse("a:\n" + "- 1\n" * 200_000, "a.yaml").data["a"]) == 200_000


def test_the_collector_is_left_as_it_was_found() -> None:
    assert gc.isenabled()
    parse(VALID, "a.yaml").span(("kind",))
    refused("a: [")
    assert gc.isenabled()
    gc.disable()
    try:
        parse(VALID, "a.yaml")
        assert not gc.isenabled()
    finally:
        gc.enable()


def checked(raw: str | bytes) -> None:
    """Parses, and finds every place, or is refused at places inside the text."""
    problems: list[Problem] = []
    try:
        document = parse(raw, "a.yaml")
    except OrchError as error:
        problems = error.problems
        document = None
    if document is None:
        assert problems
        for problem in problems:
            assert problem.at is not None
            assert 1 <= problem.at.column <= problem.at.end_column <= len(problem.at.source_line) + 1
            text = raw if isinstance(raw, str) else raw.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
            lines = text.removeprefix("\ufeff").split("\n")
            assert lines[problem.at.line - 1].removesuffix("\r") == problem.at.source_line
        return
    for route, _ in routes(document.data)[:50]:
        assert document.span(route).line <= document.text.count("\n") + 1
    json.dumps(document.data)


pieces = st.sampled_from(
    [
        *"[]{},:?-|>'\"#&*!%@`~\n\t\r\\01abé日\0\u202e ",
        "<<",
        "---",
        "...",
        "\n\n",
        "\r\n",
        "\\u",
        "1.5",
        "true",
        "x-a:",
        "&a ",
        "*a ",
        "!t ",
        "  ",
        ": ",
        "- ",
        "\n  ",
        "$",
        "{{",
        "}}",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=40).map("".join) | st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_document_or_a_problem_with_a_place(raw: str | bytes) -> None:
    checked(raw)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_valid_document_with_any_edit_is_a_document_or_a_problem_with_a_place(data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(pieces | st.just("")) + text[stop:]
    checked(text)


# Files


def test_a_file_is_read_under_the_name_that_the_user_wrote(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a: b\n")
    assert read(str(file), "./a.yaml").span(("a",)).path == "./a.yaml"
    assert read(str(file)).path == str(file)


def test_a_file_that_cannot_be_read_is_a_problem_with_help(tmp_path: Path) -> None:
    (tmp_path / "build.yaml").write_text("a: b")
    (tmp_path / "folder.yaml").mkdir()
    helps = {
        "biuld.yaml": "did you mean `p/build.yaml`?",
        "zzz": "check the path",
        "none/a.yaml": "no directory `p/none`",
        "folder.yaml": "name a YAML file",
    }
    for name, hint in helps.items():
        with pytest.raises(OrchError) as caught:
            read(str(tmp_path / name), f"p/{name}")
        (problem,) = caught.value.problems
        assert problem.code == "O001"
        assert f"`p/{name}`" in problem.message
        assert hint in (problem.hint or "")
        assert caught.value.exit is Exit.INVALID
    for name in ("build.yaml/x", "a\0b", "x" * 300):
        with pytest.raises(OrchError) as caught:
            read(str(tmp_path / name), name)
        assert caught.value.problems[0].code == "O001"


def test_a_file_larger_than_the_limit_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(OrchError) as caught:
        read(str(file))
    assert caught.value.problems[0].code == "O004"
    file.write_text("a: bc")
    with pytest.raises(OrchError):
        read(str(file), max_bytes=4)
    assert read(str(file), max_bytes=5).data == {"a": "bc"}

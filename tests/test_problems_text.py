"""A problem as text: the head, the place, the line, the caret, the help."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.problems.problem import Problem, Span
from orch.render.problems_text import render_problem, render_problems, visible


def shown(line: str, column: int, end_column: int, label: str | None = None) -> tuple[str, str]:
    """The source line and the caret line as they are rendered, without the gutter."""
    problem = Problem("O101", "m", Span("a.yaml", 7, column, end_column, line), label=label)
    lines = render_problem(problem).split("\n")
    assert lines[1] == f"  --> a.yaml:7:{column}"
    assert lines[2] == "   |"
    assert lines[3].startswith(" 7 |")
    assert lines[4].startswith("   | ")
    return lines[3][5:], lines[4][5:]


def cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def test_a_problem_shows_its_line_with_carets_below_the_place() -> None:
    problem = Problem(
        "O101",
        "unknown key `retires` in a node",
        Span("pipelines/checkout.yaml", 9, 5, 12, "    retires: 2"),
        "did you mean `retry`?",
    )
    assert render_problem(problem) == (
        "error[O101]: unknown key `retires` in a node\n"
        "  --> pipelines/checkout.yaml:9:5\n"
        "   |\n"
        " 9 |     retires: 2\n"
        "   |     ^^^^^^^\n"
        "   = help: did you mean `retry`?"
    )


def test_the_gutter_is_as_wide_as_the_line_number_and_the_help_may_have_several_lines() -> None:
    problem = Problem("O007", "m", Span("a.yaml", 120, 1, 2, "a: 1"), "one\n  two", "first on line 3")
    assert render_problem(problem) == (
        "error[O007]: m\n"
        "    --> a.yaml:120:1\n"
        "     |\n"
        " 120 | a: 1\n"
        "     | ^ first on line 3\n"
        "     = help: one\n"
        "               two"
    )


def test_a_problem_without_a_place_is_its_head_and_help() -> None:
    assert render_problem(Problem("O601", "no run `x`", hint="orch runs list")) == (
        "error[O601]: no run `x`\n   = help: orch runs list"
    )
    assert render_problem(Problem("O601", "no run `x`", severity="warning")) == "warning[O601]: no run `x`"


def test_several_problems_end_with_their_count() -> None:
    error, warning = Problem("O101", "a"), Problem("O102", "b", severity="warning")
    assert render_problems([error]) == "error[O101]: a\n\n1 error"
    assert render_problems([error, warning, error]).endswith("\n\nerror[O101]: a\n\n2 errors, 1 warning")
    assert render_problems([warning, warning]).endswith("\n\n2 warnings")
    assert render_problems([]) == ""


def test_tabs_and_wide_characters_keep_the_caret_below_its_place() -> None:
    assert shown("\ta:\tb", 5, 6) == ("    a:    b", " " * 10 + "^")
    assert shown("日本: 語x", 5, 7) == ("日本: 語x", " " * 6 + "^^^")
    assert shown("e\u0301: 😀x", 6, 7) == ("e\u0301: 😀x", " " * 5 + "^")


def test_a_place_at_or_past_the_end_of_the_line_has_one_caret() -> None:
    assert shown("a:", 3, 3) == ("a:", "  ^")
    assert shown("a:", 9, 12) == ("a:", "  ^")
    assert shown("", 1, 1, "here") == ("", "^ here")


def test_a_long_line_is_cropped_around_the_caret() -> None:
    line = "x" * 500 + "HERE" + "y" * 500
    source, carets = shown(line, 501, 505)
    assert source.startswith("…x")
    assert source.endswith("y…")
    assert len(source) <= 122
    assert source[carets.index("^") : len(carets)] == "HERE"
    source, carets = shown(line, 1, 3)
    assert source.startswith("xx")
    assert source.endswith("x…")
    assert carets == "^^"
    source, carets = shown(line, 1004, 1005)
    assert source.endswith("yy")
    assert len(carets) == len(source)
    source, carets = shown(line, 1, 1005)
    assert set(carets) == {"^"}
    assert len(carets) <= len(source)


def test_control_and_bidirectional_characters_are_shown_as_escapes() -> None:
    source, carets = shown("a: \x1b[31m\u202eb", 10, 11)
    assert source == "a: \\x1b[31m\\u202eb"
    assert source[carets.index("^")] == "b"
    text = render_problem(Problem("O1", "k `\x1b\n`", Span("p\x07\udcff", 1, 1, 2, "a"), "h\x9b", "l\x7f"))
    assert text.encode().isascii()
    assert [line for line in text.split("\n") if not line.isprintable()] == []
    assert len(text.split("\n")) == 6


def test_visible_keeps_ordinary_text_of_every_script() -> None:
    for text in ("plain", "größe – 日本 😀", "न\u200dा", "e\u0301", "a\u00a0b"):
        assert visible(text) == text


@given(
    st.text(st.characters(exclude_characters="\n"), max_size=300),
    st.integers(1, 320),
    st.integers(0, 320),
    st.sampled_from(["", "l"]),
)
def test_any_place_in_any_line_renders_as_printable_text(line: str, column: int, length: int, label: str) -> None:
    text = render_problem(Problem("O1", "m", Span("a", 1, column, column + length, line), "h", label))
    assert len(text.split("\n")) == 6
    assert "^" in text
    assert not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text if character != "\n"
    )


@pytest.mark.parametrize("column", [1, 60, 130, 200])
def test_the_caret_stands_below_the_first_character_of_the_place(column: int) -> None:
    line = "".join(chr(0x4E00 + n) if n % 3 else chr(0x61 + n % 26) for n in range(200))
    source, carets = shown(line, column, column + 1)
    before = source[: source.index(line[column - 1 : column + 5])]
    assert cells(before.replace("…", ".")) == carets.index("^")

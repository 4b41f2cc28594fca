"""How a stream is written to: colour, icons, widths, lengths, and nothing that a terminal obeys."""

from __future__ import annotations

import pytest

from orch.problems.problem import Problem, Span
from orch.render.lengths import counted, duration, minute
from orch.render.logs_text import shown_log
from orch.render.problems_github import github_annotations
from orch.render.problems_json import problems_json
from orch.render.style import Style, style_of


@pytest.mark.parametrize(
    ("env", "is_terminal", "color", "live"),
    [
        ({}, True, True, True),
        ({}, False, False, False),
        ({"NO_COLOR": "1"}, True, False, True),
        ({"NO_COLOR": ""}, True, True, True),
        ({"FORCE_COLOR": "1"}, False, True, False),
        ({"FORCE_COLOR": "0"}, False, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, True),
        ({"TERM": "dumb"}, True, False, False),
        ({"CI": "true"}, True, False, False),
        ({"CI": "true", "FORCE_COLOR": "1"}, False, True, False),
        ({"CI": "false"}, True, True, True),
    ],
)
def test_colour_and_live_lines_follow_the_environment(
    env: dict[str, str], is_terminal: bool, color: bool, live: bool
) -> None:
    style = style_of(env, is_terminal=is_terminal, encoding="utf-8", width=80)
    assert (style.color, style.live) == (color, live)


@pytest.mark.parametrize(("encoding", "fancy"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("?", False)])
def test_icons_are_ascii_where_the_encoding_needs_it(encoding: str, fancy: bool) -> None:
    style = style_of({}, is_terminal=False, encoding=encoding, width=None)
    assert style.unicode is fancy
    assert style.icon("failed") == ("✗" if fancy else "x")


def test_a_width_holds_only_for_a_terminal() -> None:
    assert style_of({}, is_terminal=False, encoding="utf-8", width=80).width is None
    assert Style().cut("x" * 500) == "x" * 500


def test_a_cut_text_is_as_wide_as_the_line_and_says_so() -> None:
    style = Style(width=10)
    assert style.cut("x" * 10) == "x" * 10
    assert style.cut("x" * 11) == "x" * 9 + "…"
    assert style.cut("x" * 11, used=4) == "x" * 5 + "…"
    assert style.cut("漢字漢字漢字") == "漢字漢字…"


def test_colours_take_no_room_and_end_where_a_text_is_cut() -> None:
    style = Style(color=True, width=10)
    assert style.cut(style.paint("x" * 10, "red")) == style.paint("x" * 10, "red")
    assert style.cut(style.paint("x" * 4, "red") + "y" * 10) == "\x1b[31mxxxx\x1b[0myyyyy…\x1b[0m"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.00s"),
        (-5, "0.00s"),
        (31, "0.03s"),
        (1_200, "1.2s"),
        (59_949, "59.9s"),
        (59_999, "59.9s"),
        (60_000, "1m00s"),
        (84_000, "1m24s"),
        (7_380_000, "2h03m"),
        (86_400_000, "1 day"),
        (2_592_000_000, "30 days"),
        (273_600_000, "3d04h"),
    ],
)
def test_lengths_of_time_are_short(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_amounts_and_times() -> None:
    assert [counted(1, "file"), counted(2, "file"), counted(100_000, "step")] == ["1 file", "2 files", "100,000 steps"]
    assert minute(None) == "-"
    assert minute(0) == "1970-01-01 00:00"


def test_a_log_shows_what_a_terminal_would_obey() -> None:
    assert shown_log(b"a\x1b[31mb\r\nc\td\x9b\xff\x00\n") == "a\\x1b[31mb\nc\td\\x9b\\xff\\x00\n"
    assert shown_log("\u202eabc\u2066".encode()) == "\\u202eabc\\u2066"
    assert shown_log("grün ✓".encode()) == "grün ✓"


def test_an_annotation_is_one_line_with_its_place() -> None:
    at = Span("pipelines/a,b.yaml", 9, 5, 12, "    retires: 2")
    said = github_annotations([Problem("O101", "unknown key\n100%", at, "did you mean `retries`?")])
    assert said == (
        "::error file=pipelines/a%2Cb.yaml,line=9,col=5,endColumn=12,title=O101"
        "::unknown key%0A100%25%0Ahelp: did you mean `retries`?"
    )


def test_github_is_told_that_it_shows_only_some() -> None:
    problems = [Problem("O101", f"problem {i}", severity="warning") for i in range(12)]
    lines = github_annotations(problems).splitlines()
    assert lines[0].startswith("::notice")
    assert "12 problems" in lines[0]
    assert len(lines) == 13
    assert github_annotations([]) == ""


def test_a_problem_as_json_has_its_place_and_no_empty_keys() -> None:
    at = Span("p.yaml", 1, 2, 3, "xyz")
    assert '"line": 1, "column": 2, "end_column": 3' in problems_json(1, [Problem("O101", "m", at)])
    assert "hint" not in problems_json(1, [Problem("O101", "m", at)])

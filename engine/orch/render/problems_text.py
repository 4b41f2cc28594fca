"""Problems → the text that a person reads: the line, a caret below the place, and what to do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from orch.problems.problem import Problem, Span

_TAB = "    "
_WIDEST = 120  # characters of a source line that are shown
_BEFORE = 40  # of them, how many stand before the caret where the line is cropped
_JOINERS = "\u200c\u200d"  # part of words and of emoji, and harmless


def render_problem(problem: Problem) -> str:
    """One problem, without a newline at its end. Control and bidirectional characters are shown as escapes."""
    head = f"{problem.severity}[{problem.code}]: {visible(problem.message)}"
    at = problem.at
    gutter = " " * (len(str(at.line)) + 2 if at else 3)
    body = _excerpt(at, problem.label, gutter) if at else []
    return "\n".join([head, *body, *_help(problem.hint, gutter)])


def render_problems(problems: Iterable[Problem]) -> str:
    """All problems with an empty line between, and a last line that counts them; empty where there are none."""
    shown = list(problems)
    if not shown:
        return ""
    counts = [(sum(1 for problem in shown if problem.severity == word), word) for word in ("error", "warning")]
    total = ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count)
    return "\n\n".join([*map(render_problem, shown), total])


def visible(text: str) -> str:
    """`text` with every character that a terminal would obey or hide as an escape such as `\\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _excerpt(at: Span, label: str | None, gutter: str) -> list[str]:
    source, first, end = _cropped(at)
    carets = "^" * max(1, width_of(source[first:end]))
    remark = f" {visible(label)}" if label else ""
    return [
        f"{gutter[1:]}--> {visible(at.path)}:{at.line}:{at.column}",
        f"{gutter}|",
        f" {at.line} | {visible(source)}".rstrip(),
        f"{gutter}| {' ' * width_of(source[:first])}{carets}{remark}",
    ]


def _cropped(at: Span) -> tuple[str, int, int]:
    """The part of the line that is shown, and where the place starts and ends in it."""
    line = at.source_line
    first = min(max(at.column - 1, 0), len(line))
    end = min(max(at.end_column - 1, first), len(line))
    if len(line) <= _WIDEST:
        return line, first, end
    start = max(0, min(first - _BEFORE, len(line) - _WIDEST))
    stop = start + _WIDEST
    left, right = "…" if start else "", "…" if stop < len(line) else ""
    shift = len(left) - start
    return f"{left}{line[start:stop]}{right}", first + shift, end + shift


def _help(hint: str | None, gutter: str) -> list[str]:
    if not hint:
        return []
    first, *more = hint.split("\n")
    return [f"{gutter}= help: {visible(first)}", *(f"{gutter}        {visible(line)}".rstrip() for line in more)]


def _shown(character: str) -> str:
    if character == "\t":
        return _TAB
    if character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


def width_of(text: str) -> int:
    """How many cells of a terminal `text` takes as it is shown."""
    return len(text) if text.isascii() and text.isprintable() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if character in _JOINERS or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else len(_shown(character))

"""What is wrong, where, and what to do next: the one shape of every user error."""

from enum import IntEnum
from typing import NamedTuple


class Exit(IntEnum):
    """Exit codes of every verb; where several hold, `worst` says which one is reported."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INVALID = 3
    WAITING = 4
    REFUSED = 5
    CONFLICT = 6
    CORRUPT = 7
    WORK_TO_DO = 10
    BUG = 70
    IO = 74
    INTERRUPTED = 130
    TERMINATED = 143


_PRECEDENCE = (
    Exit.BUG,
    Exit.IO,
    Exit.CORRUPT,
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.REFUSED,
    Exit.FAILED,
    Exit.WAITING,
    Exit.OK,
)


def worst(codes: list[Exit]) -> Exit:
    """The exit code to report where several hold: the first of 70, 74, 7, 130, 143, 5, 1, 4, 0."""
    return next((code for code in _PRECEDENCE if code in codes), Exit.OK)


class Span(NamedTuple):
    """A place in a text file. `line` and `column` count from 1; `end_column` is past the last character of the
    span on that line; `source_line` is the line itself, without its newline."""

    path: str
    line: int
    column: int
    end_column: int
    source_line: str


class Problem(NamedTuple):
    """One finding for a person. `code` is a key of the catalogue, `hint` says what to do and holds the next command
    where there is one; `label` is a short remark below the caret. `severity` is `error` or `warning`."""

    code: str
    message: str
    at: Span | None = None
    hint: str | None = None
    label: str | None = None
    severity: str = "error"


class OrchError(Exception):
    """The only exception that a user's mistake or a refusal raises. Carries all problems of its stage."""

    def __init__(self, problems: Problem | list[Problem], exit_code: Exit = Exit.INVALID) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        self.exit = exit_code
        super().__init__("; ".join(f"{p.code}: {p.message}" for p in self.problems))

"""Warnings of a stage that went well: on stderr, before the result."""

from __future__ import annotations

from collections.abc import Sequence

from orch.cli.session import say
from orch.problems.problem import Problem


def warn(problems: Sequence[Problem]) -> None:
    """Say them all; nothing where there are none."""
    if problems:
        from orch.render.problems_text import render_problem

        say("\n\n".join(map(render_problem, problems)) + "\n")

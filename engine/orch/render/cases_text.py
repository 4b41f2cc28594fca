"""Cases for people: a line for each, and below one that does not hold what was expected and what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from orch.plan.difference import Difference
from orch.render.lengths import counted
from orch.render.problems_text import visible
from orch.render.style import Style


class Held(Protocol):
    """A case, and what is not as it says."""

    @property
    def path(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def differences(self) -> Sequence[Difference]: ...


def cases_text(cases: Sequence[Held], style: Style) -> str:
    """All cases, in their order."""
    lines = []
    for case in cases:
        icon = style.icon("failed" if case.differences else "ok")
        lines.append(f"{icon} {visible(case.path)}  {visible(case.description)}")
        lines += [f"    {line}" for one in case.differences for line in told(one)]
    return style.ascii("\n".join(lines))


def told(one: Difference) -> list[str]:
    """What was expected, and what came, in three lines."""
    got = "nothing of the kind" if one.got is None else shown(one.got)
    return [one.what, f"  expected  {shown(one.expected)}", f"  got       {got}"]


def shown(value: Any) -> str:
    """A text as it is, any other value as JSON."""
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def counted_cases(count: int, wrong: int) -> str:
    """How many cases there were, and how many are wrong."""
    return f"{counted(count, 'case')}, {wrong} wrong"

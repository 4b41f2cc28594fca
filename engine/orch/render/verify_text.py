"""What a check of a run's record found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from orch.problems.problem import Problem
from orch.render.lengths import counted
from orch.render.problems_json import problem_doc
from orch.render.problems_text import render_problems
from orch.render.style import Style

FORMAT_VERSION = 1


class Verified(Protocol):
    """How many records and files were read, the head (hex), and what does not fit."""

    @property
    def problems(self) -> Sequence[Problem]: ...
    @property
    def records(self) -> int: ...
    @property
    def files(self) -> int: ...
    @property
    def head(self) -> str: ...


def verified_text(found: Verified, style: Style, *, against_head: bool) -> str:
    """The problems, or one line that there are none."""
    read = f"{counted(found.records, 'record')}, {counted(found.files, 'file')}"
    if found.problems:
        return f"{render_problems(found.problems)} ({read} read)"
    lines = [f"{style.icon('ok')} whole and unchanged: {read}"]
    lines.append(f"  head  sha256:{found.head}" + (" (as given)" if against_head else ""))
    return style.ascii("\n".join(lines))


def verified_json(found: Verified) -> str:
    """`{format_version, ok, records, files, head, problems}`."""
    return json.dumps(
        {
            "format_version": FORMAT_VERSION,
            "ok": not found.problems,
            "records": found.records,
            "files": found.files,
            "head": f"sha256:{found.head}",
            "problems": [problem_doc(problem) for problem in found.problems],
        },
        ensure_ascii=False,
    )

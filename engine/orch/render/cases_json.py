"""Cases of pipelines as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from orch.render import cases_text

FORMAT_VERSION = 1


class Held(cases_text.Held, Protocol):
    """A case of a pipeline."""

    @property
    def pipeline(self) -> str: ...


def cases_json(cases: Sequence[Held]) -> str:
    """`{format_version, passed, failed, cases: [{pipeline, path, description, passed, differences}]}`; a difference is
    `{what, expected, got}`."""
    failed = sum(bool(case.differences) for case in cases)
    rows = [
        {
            "pipeline": case.pipeline,
            "path": case.path,
            "description": case.description,
            "passed": not case.differences,
            "differences": [one._asdict() for one in case.differences],
        }
        for case in cases
    ]
    told = {"format_version": FORMAT_VERSION, "passed": len(cases) - failed, "failed": failed, "cases": rows}
    return json.dumps(told, ensure_ascii=False)

"""Cases of pipelines as JUnit XML: a suite for each pipeline, a case for each of its cases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from orch.render.cases_json import Held
from orch.render.cases_text import told
from orch.render.errors_junit import clean, quoted


def cases_junit(cases: Sequence[Held]) -> str:
    """A whole document."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="orch" {_counts(cases)}>']
    for pipeline, group in groupby(cases, key=lambda case: case.pipeline):
        own = list(group)
        lines.append(f'  <testsuite name={quoted(pipeline)} {_counts(own)} skipped="0">')
        lines += [line for case in own for line in _case(case)]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _counts(cases: Sequence[Held]) -> str:
    return f'tests="{len(cases)}" failures="{sum(bool(case.differences) for case in cases)}" errors="0"'


def _case(case: Held) -> list[str]:
    head = f"    <testcase name={quoted(case.description)} classname={quoted(case.pipeline)} file={quoted(case.path)}"
    if not case.differences:
        return [f"{head}/>"]
    first = case.differences[0]
    text = "\n".join(line for one in case.differences for line in told(one))
    message = quoted(f"{len(case.differences)} not as expected, first: {first.what}")
    return [f"{head}>", f"      <failure message={message}>{escape(clean(text))}</failure>", "    </testcase>"]

"""Failed attempts as JUnit XML, as GitLab and Jenkins read it: a suite for each step, a case for each finding."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from orch.render.failures import Failure, failures

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENDS = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def errors_junit(errors: Sequence[Mapping[str, Any]]) -> str:
    """A whole document, also where nothing failed."""
    listed = failures(errors)
    count = sum(not each.allowed for each in listed)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="orch" tests="{len(listed)}" failures="{count}" errors="0">',
    ]
    for address, group in groupby(listed, key=lambda each: each.address):
        cases = list(group)
        skipped = sum(case.allowed for case in cases)
        lines.append(
            f'  <testsuite name={quoted(address)} tests="{len(cases)}" failures="{len(cases) - skipped}" errors="0"'
            f' skipped="{skipped}">'
        )
        lines += [line for case in cases for line in _case(case)]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"])


def _case(case: Failure) -> list[str]:
    place = f"{case.file}:{case.line}" if case.file and case.line else case.file
    attributes = {"name": case.test or place or case.address, "classname": case.address, "file": case.file}
    attributes["line"] = None if case.line is None else str(case.line)
    told = " ".join(f"{key}={quoted(value)}" for key, value in attributes.items() if value is not None)
    text = "\n\n".join(filter(None, (place, case.message, case.details)))
    if case.allowed:  # what may fail is no failure for who reads this
        told_so = f"<skipped message={quoted(f'allowed to fail: {case.message}')}>{escape(clean(text))}</skipped>"
        return [f"    <testcase {told}>", f"      {told_so}", "    </testcase>"]
    failure = f"<failure message={quoted(case.message)} type={quoted(case.reason)}>{escape(clean(text))}</failure>"
    return [f"    <testcase {told}>", f"      {failure}", "    </testcase>"]


def quoted(text: str) -> str:
    """A text as an attribute, with its quotes."""
    return quoteattr(clean(text), _ENDS)


def clean(text: str) -> str:
    """Without what XML cannot hold, even escaped."""
    return _NOT_XML.sub("\ufffd", text)

"""What reports say, for people: how many tests ended how, and what is wrong where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orch.render.problems_text import visible

SHOWN = 10
_COLUMNS = 200
_COUNTS = (("failed", "failed"), ("errors", "with errors"), ("passed", "passed"), ("skipped", "skipped"))


def counts_text(tests: Mapping[str, int] | None) -> str:
    """`2 failed, 12 passed, 1 skipped`; empty where no tests were counted."""
    if tests is None:
        return ""
    return ", ".join(f"{tests[name]:,} {words}" for name, words in _COUNTS if tests.get(name)) or "no tests"


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int] | None:
    """The counts of several reports as one; None where there are none."""
    found = list(counts)
    return {name: sum(one.get(name, 0) for one in found) for name, _ in _COUNTS} if found else None


def finding_lines(findings: Sequence[Mapping[str, Any]], found: int) -> list[str]:
    """One line each: place, test, and the first line of the message; then how many more there are."""
    lines = [_line(finding) for finding in findings[:SHOWN]]
    if found > SHOWN:
        lines.append(f"… and {found - SHOWN:,} more")
    return lines


def hunk_lines(finding: Mapping[str, Any]) -> list[str]:
    """What git could not merge, as it stands between its marks; nothing of a finding of another kind. It was bounded
    when it was found."""
    message = str(finding["message"])
    return [visible(line[:_COLUMNS]) for line in message.split("\n")] if message.startswith("<<<<<<< ") else []


def _line(finding: Mapping[str, Any]) -> str:
    file, line, test = finding.get("file"), finding.get("line"), finding.get("test")
    place = f"{file}:{line}" if file and line else file or ""
    head, colons, rest = (test or "").partition("::")  # pytest names the file as from the package on
    name = rest if colons and f"/{file}".endswith(f"/{head}") else test or ""
    message = str(finding["message"]).strip().partition("\n")[0]
    told = ": ".join(part for part in ("  ".join(part for part in (place, name) if part), message) if part)
    return visible(told[:_COLUMNS] + ("…" if len(told) > _COLUMNS else ""))

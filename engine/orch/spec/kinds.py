"""The one kind key of a node or a gate: what is said where there is none, or more than one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orch.source.document import Route
from orch.spec.expressions.wording import names_text
from orch.spec.report import Report


def report_kinds(report: Report, route: Route, kinds: Sequence[str], what: str, known: Iterable[str]) -> None:
    """Report a node or gate (`what`) whose kind keys, in the order written, are not exactly one of `known`."""
    if not kinds:
        hint = f"a {what} has exactly one of {names_text(known)}"
        report.add("O105", f"a {what} without a kind key", route, hint, key=True)
        return
    hint = f"a {what} has exactly one kind key: split it into one {what} for each"
    message = f"a {what} with both `{kinds[0]}` and `{kinds[1]}`"
    report.add("O105", message, (*route, kinds[1]), hint, key=True)

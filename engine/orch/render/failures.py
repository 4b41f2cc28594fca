"""Error artifacts → one entry for each finding, or one for the attempt where nothing was found: what all formats for
other tools are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Failure(NamedTuple):
    """One thing that is wrong; `allowed` where nothing suffers for it. `details` is what is known besides: the end of a
    log."""

    address: str
    reason: str
    message: str
    file: str | None = None
    line: int | None = None
    test: str | None = None
    details: str = ""
    allowed: bool = False

    @property
    def title(self) -> str:
        """The step, and the test in it."""
        return f"{self.address}: {self.test}" if self.test else self.address


def failures(errors: Sequence[Mapping[str, Any]]) -> list[Failure]:
    """In the order of the artifacts; of a step that was tried again, the last attempt alone."""
    last = {error["address"]: number for number, error in enumerate(errors)}
    return [each for number, error in enumerate(errors) if last[error["address"]] == number for each in _of(error)]


def _of(error: Mapping[str, Any]) -> Iterator[Failure]:
    details = error.get("details", {})
    address, reason, allowed = error["address"], error["reason"], error.get("allowed", False)
    findings = details.get("findings", ())
    for finding in findings:
        place = (finding.get("file"), finding.get("line"), finding.get("test"))
        yield Failure(address, reason, finding["message"], *place, allowed=allowed)
    more = details.get("found", len(findings)) - len(findings)
    if more > 0:
        message = f"{more} more findings, which are not kept: its log has them"
        yield Failure(address, reason, message, allowed=allowed)
    if not findings:
        tail = "\n".join(filter(None, (details.get("stdout_tail"), details.get("stderr_tail"))))
        yield Failure(address, reason, error["summary"], details=tail, allowed=allowed)

"""What all readers share: counting, keeping the first findings, and lines and texts of bounded length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import unquote

from orch.model.report import MAX_FINDINGS, MAX_MESSAGE, Counts, Finding, Report

LONGEST_LINE = 1 << 20
_LONGEST_NAME = 500
_LAST_LINE = 10**9
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # colours
_UNPRINTABLE = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


@dataclass
class Gathered:
    """Counts, and the findings that are kept: those that make a command fail before mere warnings."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    errors: int = 0
    found: int = 0
    _kept: list[Finding] = field(default_factory=list)
    _minor: list[Finding] = field(default_factory=list)

    def add(
        self,
        message: str,
        file: str | None = None,
        line: int | None = None,
        test: str | None = None,
        minor: bool = False,
    ) -> None:
        """Count a finding, and keep it while there is room. `minor` is a warning."""
        self.found += 1
        kept = self._minor if minor else self._kept
        if len(kept) < MAX_FINDINGS:
            name = None if test is None else cleaned(test[:LONGEST_LINE], _LONGEST_NAME, " ") or None
            line = line if line is not None and 0 < line < _LAST_LINE else None
            kept.append(Finding(cleaned(message, MAX_MESSAGE) or "failed", path_of(file), line, name))

    @property
    def is_full(self) -> bool:
        """Is there room for no more? Then a failure need only be counted."""
        return len(self._kept) >= MAX_FINDINGS

    def report(self, *, counted: bool = True) -> Report:
        """What was read. `counted` is false for a linter, which has no tests."""
        tests = Counts(self.passed, self.failed, self.skipped, self.errors) if counted else None
        return Report(tests, tuple((self._kept + self._minor)[:MAX_FINDINGS]), self.found)


def cleaned(text: str, longest: int, newline: str = "\n") -> str:
    """Text without colours, control characters and empty lines at its ends, as valid Unicode, cut with a `…`: what is
    cut must show it, since there may be half a secret before it."""
    much = len(text) > 16 * longest
    text = text[: 16 * longest].replace("\r\n", "\n")
    text = _ESCAPES.sub("", text).translate(_UNPRINTABLE).encode("utf-8", "replace").decode()
    text = "\n".join(map(str.rstrip, text.split("\n"))).strip("\n").replace("\n", newline)
    return text if len(text) <= longest and not much else text[: longest - 1] + "…"


def path_of(file: str | None) -> str | None:
    """A path, also where the report has a `file://` URL."""
    if not file:
        return None
    if file.startswith("file://"):
        file = unquote(file.removeprefix("file://"))
    return cleaned(file.removeprefix("./"), 4096, " ") or None


def lines(stream: BinaryIO) -> Iterator[str]:
    """The lines without their ends. What a line has beyond `LONGEST_LINE` bytes is dropped; bytes that are not UTF-8
    are replaced."""
    while line := stream.readline(LONGEST_LINE):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE)
        yield line.decode("utf-8", "replace").rstrip("\r\n")

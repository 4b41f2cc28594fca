"""Which function reads which format; a reader is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import BinaryIO

from orch.model.report import MAX_FINDINGS, Counts, Report

Reader = Callable[[BinaryIO], Report]


def _lazily(module: str) -> Reader:
    def read(stream: BinaryIO) -> Report:
        reader: Reader = import_module(f"orch.store.reports.{module}").read
        return reader(stream)

    return read


READERS: dict[str, Reader] = {
    "junit": _lazily("junit"),
    "tap": _lazily("tap"),
    "gotest": _lazily("gotest"),
    "cargo": _lazily("cargo"),
    "cargo-json": _lazily("cargo_json"),
    "jest": _lazily("jest"),
    "eslint": _lazily("eslint"),
    "ruff": _lazily("ruff"),
}
"""By the names of `ReportFormat`. Each raises UnreadableReport, and nothing else for what is in the file."""


def merge(reports: Iterable[Report]) -> Report:
    """Several reports of one attempt as one: tests are counted where one of them counts tests."""
    listed = list(reports)
    counts = [report.tests for report in listed if report.tests is not None]
    tests = Counts(*map(sum, zip(*counts, strict=True))) if counts else None
    findings = tuple(finding for report in listed for finding in report.findings)[:MAX_FINDINGS]
    return Report(tests, findings, sum(report.found for report in listed))

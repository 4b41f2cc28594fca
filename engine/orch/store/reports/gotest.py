"""`go test -json`: a record a line, and between them what a build that fails says."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.gather import Gathered, lines
from orch.store.reports.go_output import go_failure
from orch.store.reports.json_text import json_line, text_at

_ACTIONS = frozenset(
    (
        *("start", "run", "pause", "cont", "pass", "bench", "fail", "output", "skip", "attr", "artifacts"),
        *("build-output", "build-fail"),
    )
)
_NOT_BUILT = re.compile(r"^FAIL\t(\S{1,1000}) \[(?:build|setup) failed\]$")
_COMPILER = re.compile(r"^(?:vet: )?([^\s:]{1,1000}\.go):(\d{1,9}):(?:\d{1,9}:)? (.{1,2000})")
_KEPT_LINES = 60  # of one test
_MOST_KEPT = 4 << 20  # characters, of all that are under way
_MOST_OPEN = 200_000


@dataclass
class _Test:
    """A test under way, and the end of what it printed."""

    output: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    has_failed_inside: bool = False


@dataclass
class _Package:
    """A package under way; `output` is what no test printed."""

    output: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    tests: dict[str, _Test] = field(default_factory=dict)
    failed: bool = False


class _Reading:
    def __init__(self) -> None:
        self.gathered = Gathered()
        self.is_gotest = False
        self._packages: dict[str, _Package] = {}
        self._open = 0
        self._kept = 0
        self._compiler: deque[str] = deque(maxlen=_KEPT_LINES)

    def record(self, record: dict[str, Any]) -> None:
        action, name, test = (text_at(record, key) for key in ("Action", "Package", "Test"))
        if action not in _ACTIONS:
            return
        self.is_gotest = True
        if action == "build-output":
            self.plain(text_at(record, "Output").rstrip("\n"))
        elif name:
            package = self._packages.get(name) or self._begun(name)
            if test:
                self._of_test(package, test, action, text_at(record, "Output"))
            elif action == "output":
                self._keep(package.output, text_at(record, "Output"))
            elif action in ("pass", "fail", "skip"):
                self._end(name, package, action, is_build=bool(text_at(record, "FailedBuild")))

    def plain(self, line: str) -> None:
        """A line that is no record: of the compiler, or, up to Go 1.19, of a package that was not built."""
        if found := _NOT_BUILT.match(line):
            self.is_gotest = True
            self._not_built(found[1])
        elif found := _COMPILER.match(line):
            self._compiler.append(line)

    def close(self) -> None:
        """What is still under way broke off."""
        for name, package in list(self._packages.items()):
            if package.tests or package.output:
                self._end(name, package, "broken")
        self._tell_compiler()

    def _begun(self, name: str) -> _Package:
        self._opened()
        return self._packages.setdefault(name, _Package())

    def _opened(self) -> None:
        self._open += 1
        if self._open > _MOST_OPEN:
            raise UnreadableReport(f"has more than {_MOST_OPEN} tests under way at once")

    def _keep(self, output: deque[str], text: str) -> None:
        if self._kept < _MOST_KEPT or len(output) == _KEPT_LINES:
            text = text.rstrip("\n")[:1000]
            self._kept += len(text) + 100 - (len(output[0]) + 100 if len(output) == _KEPT_LINES else 0)
            output.append(text)

    def _forget(self, output: deque[str]) -> None:
        self._kept -= sum(len(text) + 100 for text in output)
        self._open -= 1

    def _of_test(self, package: _Package, name: str, action: str, text: str) -> None:
        if action == "run" and name not in package.tests:
            self._opened()
            package.tests[name] = _Test()
        test = package.tests.get(name)
        if test is None:  # of a line that a test printed itself: nothing of this name was begun
            return
        if action == "output":
            self._keep(test.output, text)
        elif action in ("pass", "fail", "skip", "bench"):
            del package.tests[name]
            self._forget(test.output)
            if action == "fail":
                package.failed = True
                self.gathered.failed += 1
                self._tell(package, name, test)
            elif action == "skip":
                self.gathered.skipped += 1
            else:
                self.gathered.passed += 1

    def _tell(self, package: _Package, name: str, test: _Test) -> None:
        parent = package.tests.get(name.rpartition("/")[0])
        if parent is not None:
            parent.has_failed_inside = True
        message, place = go_failure(test.output)
        if message or not test.has_failed_inside:
            self.gathered.add(message, place.file, place.line, name)

    def _end(self, name: str, package: _Package, action: str, *, is_build: bool = False) -> None:
        del self._packages[name]
        self._forget(package.output)
        for test, state in package.tests.items():
            self._forget(state.output)
            if action != "pass":  # a test of a package that passed was begun by a line that something printed
                self.gathered.errors += 1
                package.failed = True
                message, place = go_failure(state.output)
                self.gathered.add(message or "the test did not come to its end", place.file, place.line, test)
        if action == "skip" or action == "pass":
            return
        if is_build or any(_NOT_BUILT.match(line) for line in package.output):
            self._not_built(name)
        elif not package.failed:
            self.gathered.errors += 1
            message, place = go_failure(package.output)
            self.gathered.add(f"{name}: {message or 'the package failed, and no test of it'}", *place)

    def _not_built(self, package: str) -> None:
        self.gathered.errors += 1
        if not self._tell_compiler():
            self.gathered.add(f"{package}: the build failed")

    def _tell_compiler(self) -> bool:
        told = [found for line in self._compiler if (found := _COMPILER.match(line))]
        self._compiler.clear()
        for found in told:
            self.gathered.add(found[3], found[1], int(found[2]))
        return bool(told)


def read(stream: BinaryIO) -> Report:
    """Count tests and subtests, each package that could not be built or failed on its own as an error. Raises
    UnreadableReport."""
    reading = _Reading()
    for line in lines(stream):
        record = json_line(line)
        if record is None:
            reading.plain(line)
        else:
            reading.record(record)
    reading.close()
    if not reading.is_gotest:
        raise UnreadableReport("has no record of `go test -json`")
    return reading.gathered.report()

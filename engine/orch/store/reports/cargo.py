"""The text of `cargo test`: several binaries, doc tests, and what failing tests printed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.frames import NOWHERE, Place
from orch.store.reports.gather import Gathered, lines

_RUNNING = re.compile(r"^running (\d{1,9}) tests?$")
_TEST = re.compile(r"^test (.{1,1000}?) \.\.\. ?(.*)$")
_RESULT = re.compile(
    r"^test result: (?:ok|FAILED)\. (\d{1,9}) passed; (\d{1,9}) failed; (\d{1,9}) ignored; (\d{1,9}) measured; "
)
_OUTPUT_OF = re.compile(r"^---- (.{1,1000}) stdout ----$")
_PANIC = re.compile(r"^thread '(.{0,1000}?)' (?:\(\d+\) )?panicked at ([^\s:']{1,1000}):(\d{1,9}):\d{1,9}:$")
_OLD_PANIC = re.compile(r"^thread '(.{0,1000}?)' panicked at '(.{0,4000})', ([^\s:']{1,1000}):(\d{1,9}):\d{1,9}$")
_NO_PANIC = re.compile(r"^note: (test did not panic as expected)(?: at ([^\s:]{1,1000}):(\d{1,9}):\d{1,9})?$")
_DOC_TEST = re.compile(r"^(.{1,1000}) - (?:.{0,1000} )?\(line (\d{1,9})\)")
_COMPILER = re.compile(
    r"^error(?:\[E\d+\])?: (?!test failed|doctest failed|aborting|could not compile|\d+ target)(.{1,1000})$"
)
_ARROW = re.compile(r"^\s*--> ([^\s:]{1,1000}):(\d{1,9}):\d{1,9}$")
_KIND = re.compile(r" - (?:should panic|compile fail|compile)$")
_QUIET_FAILURE = re.compile(r"^(\S.{0,1000}) --- FAILED$")
_ENDS = ("ok", "FAILED", "ignored", "bench:")
_MOST_NAMES = 10_000
_MOST_LINES = 50


@dataclass
class _Output:
    """What a failing test printed: the last panic, and the message below it while its lines come."""

    test: str
    place: Place = NOWHERE
    message: list[str] = field(default_factory=list)
    is_in_message: bool = False
    is_own: bool = False

    def line(self, text: str) -> None:
        if found := _PANIC.match(text):
            self._panicked(found[1], Place(found[2], int(found[3])), [])
            self.is_in_message = not self.is_own or found[1] in (self.test, "main")
        elif found := _OLD_PANIC.match(text):
            self._panicked(found[1], Place(found[3], int(found[4])), [found[2]])
        elif found := _NO_PANIC.match(text):
            self.message = self.message or [found[1]]
            if found[2]:
                self.place = Place(found[2], int(found[3]))
        elif self.is_in_message:
            self.is_in_message = bool(text) and not text.startswith(("stack backtrace:", "note: "))
            if self.is_in_message and len(self.message) < _MOST_LINES:
                self.message.append(text[:2000])
        elif not self.message and text.startswith(("Error: ", "error: ", "error[")):
            self.message = [text[:2000]]

    def _panicked(self, thread: str, place: Place, message: list[str]) -> None:
        """A panic of the test's own thread counts more than those of others, which may be meant."""
        is_own = thread in (self.test, "main")
        if is_own or not self.is_own:
            self.is_own, self.place, self.message = is_own, place, message


@dataclass
class _Binary:
    """One `running N tests`, to its result."""

    planned: int
    ended: dict[str, int] = field(default_factory=dict)
    last: str | None = None
    failed: set[str] = field(default_factory=set)
    result: tuple[int, int, int, int] | None = None
    is_told: bool = False  # the section with the outputs has begun
    output: _Output | None = None

    def fails(self, test: str) -> None:
        """Its output will be told below: a heading with another name was printed by a test."""
        if len(self.failed) < _MOST_NAMES:
            self.failed.add(_KIND.sub("", test))


def read(stream: BinaryIO) -> Report:
    """Count by the last lines of the binaries. Tests of one that broke off are errors. Raises UnreadableReport."""
    gathered = Gathered()
    binary: _Binary | None = None
    is_cargo = False
    broken = ""  # what the compiler said last
    for line in lines(stream):
        begun = _RUNNING.match(line)
        if begun and (binary is None or binary.result or not binary.is_told):
            _end(gathered, binary)
            binary = _Binary(int(begun[1]))
            is_cargo = True
        elif binary is not None and not (binary.result and line.startswith("error")):
            _line(gathered, binary, line)
        elif found := _COMPILER.match(line):
            broken = line
        elif (found := _ARROW.match(line)) and broken:
            gathered.add(broken, found[1], int(found[2]))
            gathered.errors += not is_cargo
            is_cargo, broken = True, ""
    _end(gathered, binary)
    if not is_cargo:
        raise UnreadableReport("is not of `cargo test`: it has no line `running N tests`")
    return gathered.report()


def _line(gathered: Gathered, binary: _Binary, line: str) -> None:
    if found := _RESULT.match(line):
        passed, failed, ignored, measured = (int(found[number]) for number in range(1, 5))
        if passed + failed + ignored + measured == binary.planned:  # else printed by a test
            binary.result = (passed, failed, ignored, measured)
            _tell(gathered, binary)
        return
    if not binary.is_told:
        if line == "failures:":
            binary.is_told = True
        elif found := _QUIET_FAILURE.match(line):
            binary.fails(found[1])
        elif found := _TEST.match(line):
            how = next((word for word in _ENDS if found[2].startswith(word)), "")
            binary.ended[how] = binary.ended.get(how, 0) + 1
            binary.last = None if found[2] else _KIND.sub("", found[1])
            if how == "FAILED":
                binary.fails(found[1])
        return
    found = _OUTPUT_OF.match(line)
    if found and (found[1] in binary.failed or not binary.failed):
        _tell(gathered, binary)
        binary.output = _Output(found[1])
    elif line == "failures:":
        _tell(gathered, binary)
    elif binary.output is not None:
        binary.output.line(line)


def _tell(gathered: Gathered, binary: _Binary) -> None:
    output, binary.output = binary.output, None
    if output is not None:
        place = output.place
        if found := _DOC_TEST.match(output.test):  # the panic counts lines of a file that rustdoc made
            place = Place(found[1], int(found[2]))
        gathered.add("\n".join(output.message) or "failed", place.file, place.line, output.test)


def _end(gathered: Gathered, binary: _Binary | None) -> None:
    if binary is None:
        return
    if binary.result is not None:
        passed, failed, ignored, measured = binary.result
        gathered.passed += passed + measured
        gathered.failed += failed
        gathered.skipped += ignored
        return
    _tell(gathered, binary)
    ended = sum(binary.ended.get(word, 0) for word in _ENDS)
    gathered.passed += binary.ended.get("ok", 0)
    gathered.failed += binary.ended.get("FAILED", 0)
    gathered.skipped += binary.ended.get("ignored", 0)
    gathered.errors += max(1, binary.planned - ended)
    gathered.add(f"the tests broke off: {ended} of {binary.planned} came to their end", test=binary.last)

"""TAP 12 to 14, as tape, node-tap, vitest, mocha and `node --test` write it.

Counted is what the tool itself counts: leaves, and with node also tests that hold others, but no suites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.gather import Gathered, lines
from orch.store.reports.tap_diagnostics import Diagnostics

_POINT = re.compile(r"(not )?ok\b(?: +(\d{1,9}))?(?: +-(?= ))? ?(.*)")
_PLAN = re.compile(r"1\.\.(\d{1,9})(?:\s*#\s*(.*))?$")
_DIRECTIVE = re.compile(r"(?<!\\)#\s*(skip|todo)\S*\s*(.*)$", re.IGNORECASE)
_TIME = re.compile(r"\s*(?<!\\)# time=[\d.]+ *m?s$")
_DEEPEST = 100
_INDENT = 4
_LONGEST_NAME = 2000  # of what a directive is searched in


@dataclass
class _Point:
    """A line `ok` or `not ok`, and what is known of it by the time that the next line of its level comes."""

    is_ok: bool
    name: str
    depth: int
    directive: str  # `skip`, `todo` or empty
    opens: bool  # its subtests follow, in braces
    inner: int  # subtests before it
    inner_failed: bool
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


@dataclass
class _Level:
    """What was seen at one depth since its parent's last point."""

    points: int = 0
    failed: bool = False


class _Reading:
    def __init__(self) -> None:
        self.gathered = Gathered()
        self.planned: int | None = None
        self.is_tap = False
        self.stopped = False
        self._levels: dict[int, _Level] = {}
        self._names: dict[int, str] = {}
        self._open: _Point | None = None

    @property
    def seen(self) -> int:
        """The points at the top."""
        return self._levels[0].points if 0 in self._levels else 0

    def line(self, text: str) -> None:
        if self._open is not None and self._open.diagnostics.take(text):
            return
        body = text.lstrip(" ")
        depth, odd = divmod(len(text) - len(body), _INDENT)
        if odd or depth > _DEEPEST:
            return
        if found := _POINT.match(body):
            self.close()
            self._open = self._point(found, depth)
        elif body.rstrip() == "}":
            self.close()
            self._leave(depth)
        elif depth == 0 and (plan := _PLAN.match(body)):
            self.is_tap = True
            self.planned = int(plan[1])
        elif body.startswith("# Subtest: "):
            self.close()
            self._names[depth] = _plain(body.removeprefix("# Subtest: "))
        elif depth == 0 and body.startswith("Bail out!"):
            self.close()
            self.is_tap = self.stopped = True
            self.gathered.errors += 1
            self.gathered.add(body)
        elif depth == 0 and re.match(r"TAP version \d+$", body):
            self.is_tap = True

    def _point(self, found: re.Match[str], depth: int) -> _Point:
        self.is_tap = True
        name = found[3][:_LONGEST_NAME]
        opens = name.endswith("{") and not name.endswith("\\{")
        name = _TIME.sub("", name.removesuffix("{").rstrip() if opens else name)
        directive = _DIRECTIVE.search(name)
        if directive:
            name = name[: directive.start()]
        inner = self._leave(depth)
        here = self._levels.setdefault(depth, _Level())
        here.points += 1
        is_ok = found[1] is None
        kind = directive[1].lower() if directive else ""
        if not is_ok and not kind:
            here.failed = True
        self._names[depth] = _plain(name.strip())
        return _Point(is_ok, self._names[depth], depth, kind, opens, inner.points, inner.failed)

    def _leave(self, depth: int) -> _Level:
        """What was seen one level further in; all levels there are over."""
        inner = self._levels.get(depth + 1, _Level())
        for deeper in [level for level in self._levels if level > depth]:
            del self._levels[deeper]
        return inner

    def close(self) -> None:
        """The last point is complete: count it."""
        point, self._open = self._open, None
        if point is None:
            return
        diagnostics = point.diagnostics
        diagnostics.close()
        failed = not point.is_ok and not point.directive
        own_failure = failed and not point.inner_failed and not point.opens and diagnostics.kind != "subtestsFailed"
        if diagnostics.is_suite or ((point.opens or point.inner) and not diagnostics.is_node):
            # its subtests are counted; a failure of its own, such as of a hook or a timeout, is not among them
            self.gathered.errors += own_failure and not diagnostics.is_suite
        elif point.directive:
            self.gathered.skipped += 1
        elif point.is_ok:
            self.gathered.passed += 1
        elif diagnostics.kind in ("testTimeoutFailure", "cancelledByParent", "testAborted"):
            self.gathered.errors += 1  # node says `cancelled`
        else:
            self.gathered.failed += 1
        if own_failure:
            path = [self._names.get(depth, "") for depth in range(point.depth)]
            place = diagnostics.place
            message = diagnostics.message or point.name or "failed"
            self.gathered.add(message, place.file, place.line, " > ".join(filter(None, [*path, point.name])))


def read(stream: BinaryIO) -> Report:
    """Count the points. Tests that were planned and did not come are errors. Raises UnreadableReport."""
    reading = _Reading()
    for text in _unwrapped(stream):
        reading.line(text)
    reading.close()
    if not reading.is_tap:
        raise UnreadableReport("is not TAP: it has neither a plan nor a test")
    gathered = reading.gathered
    if not reading.stopped:
        if reading.planned is None:
            gathered.errors += 1
            gathered.add("the report has no plan: the tests did not come to their end")
        elif missing := max(0, reading.planned - reading.seen):
            gathered.errors += missing
            gathered.add(f"{reading.planned} tests were planned, and {reading.seen} came")
    return gathered.report()


def _unwrapped(stream: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(lines(stream)):
        yield line.removeprefix("\ufeff") if number == 0 else line.expandtabs(_INDENT) if line[:1] == "\t" else line


def _plain(text: str) -> str:
    return re.sub(r"\\([#\\{])", r"\1", text[:2000])

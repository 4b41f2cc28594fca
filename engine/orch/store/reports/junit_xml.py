"""JUnit XML → its cases, one at a time: nothing is kept of those that were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from orch.model.report import UnreadableReport

_BLOCK = 1 << 16
_LARGEST_TAG = 8 << 20
_DEEPEST = 200
_KEPT = 16_384  # characters of a text, at each of its ends
_OUTCOMES = {"failure": "failure", "error": "error", "skipped": "skipped"}
_MOST_OUTCOMES = 10  # of one case


@dataclass
class Outcome:
    """What a case ended with: `failure`, `error` or `skipped`."""

    kind: str
    message: str
    text: str = ""


@dataclass
class Case:
    """One `<testcase>`; `suites` are the names of those that it lies in, the outermost first."""

    attributes: dict[str, str]
    suites: tuple[str, ...]
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name."""
        return self.attributes.get("name", "")

    @property
    def classname(self) -> str:
        """The class, or what a tool writes in its place."""
        return self.attributes.get("classname", "")


def cases(stream: BinaryIO, comments: dict[str, str]) -> Iterator[Case]:
    """Every case. Comments of the form `word rest` outside of all suites are put into `comments`, the last of a word.
    Raises UnreadableReport."""
    return _Reading(comments).read(stream)


class _Reading:
    def __init__(self, comments: dict[str, str]) -> None:
        self._comments = comments
        self._path: list[str] = []
        self._suites: list[str] = []
        self._case: Case | None = None
        self._outcome: Outcome | None = None
        self._done: list[Case] = []

    def read(self, stream: BinaryIO) -> Iterator[Case]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = _refuse_doctype
        fed = 0
        try:
            while block := stream.read(_BLOCK):
                parser.Parse(block, False)
                fed += len(block)
                if fed - parser.CurrentByteIndex > _LARGEST_TAG:
                    raise UnreadableReport(f"has an element of more than {_LARGEST_TAG >> 20} MiB")
                yield from self._done
                self._done.clear()
            parser.Parse(b"", True)
            yield from self._done
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            raise UnreadableReport(f"is not XML: {why} (line {error.lineno})") from error
        except (LookupError, ValueError) as error:  # an encoding that nobody knows
            raise UnreadableReport(f"is not XML that can be read: {error}"[:200]) from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._path and name not in ("testsuites", "testsuite"):
            raise UnreadableReport(f"is not JUnit's: its root is <{name[:40]}>")
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise UnreadableReport(f"is nested more than {_DEEPEST} deep")
        if name in ("testsuites", "testsuite"):
            self._suites.append(attributes.get("name", ""))
        elif name == "testcase" and self._case is None:
            self._case = Case(attributes, tuple(self._suites))
        elif name in _OUTCOMES and self._path[-2] in ("testcase", "testsuite"):
            self._outcome = Outcome(_OUTCOMES[name], attributes.get("message", ""))

    def _end(self, name: str) -> None:
        self._path.pop()
        if name in ("testsuites", "testsuite"):
            self._suites.pop()
        elif name in _OUTCOMES and self._outcome is not None:
            self._conclude(self._outcome)
            self._outcome = None
        elif name == "testcase" and "testcase" not in self._path and self._case is not None:
            self._done.append(self._case)
            self._case = None

    def _conclude(self, outcome: Outcome) -> None:
        case = self._case
        if case is None:  # of a whole suite: as a case that stands for it
            self._done.append(Case({"name": self._suites[-1]}, tuple(self._suites[:-1]), [outcome]))
        elif len(case.outcomes) < _MOST_OUTCOMES:
            case.outcomes.append(outcome)

    def _text(self, text: str) -> None:
        if self._outcome is not None:
            self._outcome.text += text
            if len(self._outcome.text) > 4 * _KEPT:
                self._outcome.text = f"{self._outcome.text[:_KEPT]}\n{self._outcome.text[-_KEPT:]}"

    def _comment(self, text: str) -> None:
        if len(self._path) == 1 and len(text) < 100:
            word, _, rest = text.strip().partition(" ")
            if word in self._comments or len(self._comments) < 100:
                self._comments[word] = rest


def _refuse_doctype(*_: object) -> None:
    raise UnreadableReport("has a document type declaration, which no report needs")

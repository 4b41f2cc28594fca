"""JUnit XML, as pytest, mocha, vitest, node, Surefire, Gradle and the tools around Go write it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from orch.model.report import Report
from orch.store.reports.frames import NOWHERE, Place, is_js_frame, java_place, js_place, python_place
from orch.store.reports.gather import Gathered
from orch.store.reports.go_output import go_failure
from orch.store.reports.junit_xml import Case, Outcome, cases
from orch.store.reports.pytest_names import is_pytest, pytest_id, pytest_line, pytest_message

_SCRIPT = re.compile(r"\.[cm]?[jt]sx?$")
_ERROR_AGAIN = re.compile(r"^\w*(?:Error|Exception)\b.*: ")
_OF_NODE = "Error [ERR_TEST_FAILURE]: "  # its attribute has lost the ends of lines
_GO_TEST = re.compile(r"(?:Test|Example|Fuzz|Benchmark)")
_MOST_LINES = 50  # of a message
_NODE_TOTALS = ("pass", "fail", "cancelled", "skipped", "todo")


def read(stream: BinaryIO) -> Report:
    """Count the cases. Raises UnreadableReport."""
    gathered = Gathered()
    totals: dict[str, str] = {}
    before: object = None
    for case in cases(stream, totals):
        key = (case.classname, case.name)
        _count(gathered, case, again=key == before)
        before = key
    _as_node_counts(gathered, totals)
    return gathered.report()


def _count(gathered: Gathered, case: Case, *, again: bool) -> None:
    kinds = {outcome.kind for outcome in case.outcomes}
    told: list[Outcome] = []
    if "skipped" in kinds or case.attributes.get("status") in ("disabled", "notrun"):
        gathered.skipped += 1  # also where an expected failure is told beside it
    elif "failure" in kinds:
        told = [outcome for outcome in case.outcomes if outcome.kind == "failure"]
        if case.name == case.classname and _SCRIPT.search(case.name):  # vitest: a file that could not be loaded
            gathered.errors += 1
        else:
            gathered.failed += 1
    elif not kinds:
        gathered.passed += 1
    if "error" in kinds and "failure" not in kinds:
        told = [outcome for outcome in case.outcomes if outcome.kind == "error"]
        gathered.errors += 1
        if told[0].message.startswith("failed on teardown") and not again and "skipped" not in kinds:
            gathered.passed += 1  # pytest: the test was over, and is told once; a failed one is told twice
    if told:
        _tell(gathered, case, told[0])


def _as_node_counts(gathered: Gathered, totals: dict[str, str]) -> None:
    """Node writes its totals as comments: they have the tests that hold others, which are no cases."""
    if not {"tests", "suites", *_NODE_TOTALS} <= totals.keys():
        return
    if not all(totals[name].isdecimal() and len(totals[name]) < 10 for name in ("tests", *_NODE_TOTALS)):
        return
    passed, failed, cancelled, skipped, todo = (int(totals[name]) for name in _NODE_TOTALS)
    if passed + failed + cancelled + skipped + todo == int(totals["tests"]):
        gathered.passed, gathered.failed, gathered.skipped = passed, failed, skipped + todo
        gathered.errors = cancelled


def _tell(gathered: Gathered, case: Case, outcome: Outcome) -> None:
    if gathered.is_full:
        gathered.found += 1
        return
    if is_pytest(case, outcome.text):
        name = pytest_id(case, outcome.text)
        place = python_place(outcome.text)
        if place is NOWHERE:
            place = Place(name.partition("::")[0], pytest_line(case))
        gathered.add(pytest_message(outcome), *place, name)
        return
    lines = outcome.text.splitlines()
    message, place = outcome.message, NOWHERE
    if message in ("", "Failed") and _GO_TEST.match(case.name):
        told, place = go_failure(lines)
        message = told or message
    elif not message or outcome.text.lstrip().startswith(_OF_NODE):
        message = _head(lines)
    finders: tuple[Callable[[], Place], ...] = (
        lambda: java_place(outcome.text, case.classname),
        lambda: js_place(outcome.text),
        lambda: python_place(outcome.text),
        lambda: _written(case),
    )
    for find in finders:
        place = place if place is not NOWHERE else find()
    gathered.add(message, place.file, place.line, _name(case))


def _written(case: Case) -> Place:
    """The place that the case's attributes have."""
    file = case.attributes.get("file")
    line = case.attributes.get("line", "")
    if file:
        return Place(file, int(line) if line.isdecimal() and len(line) < 10 else None)
    return Place(case.name) if _SCRIPT.search(case.name) else NOWHERE


def _name(case: Case) -> str:
    """The test as its tool prints it."""
    name, classname = case.name, case.classname
    if classname == "test":  # node: where a test lies is told by the suites
        return " > ".join([*filter(None, case.suites), name])
    if not classname or ("/" in classname and not _SCRIPT.search(classname)) or name.startswith(classname):
        return name or classname
    if _SCRIPT.search(classname):
        return f"{classname} > {name}"
    return f"{classname}{' ' if ' ' in name or not re.search(r'[.$]', classname) else '.'}{name}"


def _head(lines: list[str]) -> str:
    """The message before a stack trace, without the error's own repetition of it."""
    head: list[str] = []
    for line in lines[:_MOST_LINES]:
        if is_js_frame(line) or (any(head) and _ERROR_AGAIN.match(line)):
            break
        head.append(line)
    return "\n".join(head).strip().removeprefix(_OF_NODE)

"""Jest's `--json`: each file with its tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.frames import is_js_frame, js_place
from orch.store.reports.gather import Gathered
from orch.store.reports.json_text import json_object, text_at


def read(stream: BinaryIO) -> Report:
    """Count the tests; a file that failed, and no test of it, is an error. Raises UnreadableReport."""
    gathered = Gathered()
    document = json_object(stream)
    if "testResults" not in document:
        raise UnreadableReport("is not Jest's: it has no `testResults`")
    for file in _objects(document, "testResults"):
        tests = list(_objects(file, "assertionResults"))
        for test in tests:
            _count(gathered, test, text_at(file, "name"))
        if text_at(file, "status") == "failed" and all(text_at(test, "status") != "failed" for test in tests):
            gathered.errors += 1
            gathered.add(*_told(text_at(file, "message"), text_at(file, "name")))
    return gathered.report()


def _count(gathered: Gathered, test: dict[str, Any], file: str) -> None:
    status = text_at(test, "status")
    if status == "passed":
        gathered.passed += 1
    elif status == "failed":
        gathered.failed += 1
        messages = test.get("failureMessages")
        message = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], str) else ""
        titles = test.get("ancestorTitles")
        path = [title for title in titles if isinstance(title, str)] if isinstance(titles, list) else []
        gathered.add(*_told(message, file), " > ".join([*path, text_at(test, "title")]))
    elif status in ("pending", "todo", "skipped", "disabled"):  # `focused` is not a way to end
        gathered.skipped += 1


def _told(text: str, file: str) -> tuple[str, str, int | None]:
    """The message before the stack, and the place; the test's own file where the stack names none."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if is_js_frame(line)), len(lines))
    place = js_place("\n".join(lines[end:]))
    return "\n".join(lines[:end]).strip().removeprefix("Error: "), place.file or file, place.line


def _objects(value: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    items = value.get(key)
    return (item for item in items if isinstance(item, dict)) if isinstance(items, list) else iter(())

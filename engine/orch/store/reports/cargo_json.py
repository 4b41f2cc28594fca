"""`--message-format=json` of `cargo build`, `check` and `clippy`."""

from __future__ import annotations

from typing import Any, BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.gather import Gathered, lines
from orch.store.reports.json_text import json_line, text_at, whole_at

_MOST_KNOWN = 10_000


def read(stream: BinaryIO) -> Report:
    """Every error and warning of the compiler, once: a library is compiled again for its tests. Raises
    UnreadableReport."""
    gathered = Gathered()
    known: set[int] = set()
    is_cargo = False
    for line in lines(stream):
        item = json_line(line)
        if item is None or not text_at(item, "reason"):
            continue
        is_cargo = True
        message = item.get("message")
        level = text_at(message, "level")
        is_told = item["reason"] == "compiler-message" and level.startswith(("error", "warning"))
        if not is_told or not isinstance(message, dict):
            continue
        span = _primary(message)
        if span is None:
            continue  # `aborting due to 2 previous errors`
        told = _told(level, text_at(message, "code", "code"), text_at(message, "message"))
        file, number = text_at(span, "file_name"), whole_at(span, "line_start")
        key = hash((told, file, number))
        if key not in known:
            if len(known) < _MOST_KNOWN:
                known.add(key)
            gathered.add(told, file, number, minor=level == "warning")
    if not is_cargo:
        raise UnreadableReport("has no message of cargo")
    return gathered.report(counted=False)


def _told(level: str, code: str, message: str) -> str:
    """As cargo prints it: the number of an error before it; the name of a lint behind."""
    if code.startswith("E") and code[1:].isdecimal():
        return f"{level}[{code}]: {message}"
    return f"{level}: {message} ({code})" if code else f"{level}: {message}"


def _primary(message: dict[str, Any]) -> dict[str, Any] | None:
    spans = message.get("spans")
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict) and span.get("is_primary") is True:
            return span
    return None

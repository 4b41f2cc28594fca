"""ESLint's `--format json`."""

from __future__ import annotations

from typing import BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.gather import Gathered
from orch.store.reports.json_text import json_array, text_at, whole_at

_WARNING = 1


def read(stream: BinaryIO) -> Report:
    """Every message of every file, errors first. Raises UnreadableReport."""
    gathered = Gathered()
    for file in json_array(stream):
        messages = file.get("messages")
        if not isinstance(messages, list) or not text_at(file, "filePath"):
            raise UnreadableReport("is not ESLint's: an entry without `filePath` and `messages`")
        for message in messages:
            rule = text_at(message, "ruleId")
            told = text_at(message, "message")
            gathered.add(
                f"{rule}: {told}" if rule else told,
                text_at(file, "filePath"),
                whole_at(message, "line"),
                minor=whole_at(message, "severity") == _WARNING,
            )
    return gathered.report(counted=False)

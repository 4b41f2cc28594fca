"""Ruff's `--output-format json`."""

from __future__ import annotations

from typing import BinaryIO

from orch.model.report import Report, UnreadableReport
from orch.store.reports.gather import Gathered
from orch.store.reports.json_text import json_array, text_at, whole_at


def read(stream: BinaryIO) -> Report:
    """Every diagnostic. Raises UnreadableReport."""
    gathered = Gathered()
    for item in json_array(stream):
        if not text_at(item, "filename") or not text_at(item, "message"):
            raise UnreadableReport("is not ruff's: an entry without `filename` and `message`")
        code = text_at(item, "code")  # null: a syntax error of older versions
        told = text_at(item, "message")
        gathered.add(f"{code}: {told}" if code else told, text_at(item, "filename"), whole_at(item, "location", "row"))
    return gathered.report(counted=False)

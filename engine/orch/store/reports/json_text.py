"""JSON of strangers: whole, or a line at a time."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from orch.model.report import UnreadableReport

LARGEST = 64 << 20


def json_array(stream: BinaryIO) -> list[dict[str, Any]]:
    """The objects of an array. Raises UnreadableReport."""
    array = _whole(stream)
    if not isinstance(array, list) or not all(isinstance(item, dict) for item in array):
        raise UnreadableReport("is not a JSON array of objects")
    return array


def json_object(stream: BinaryIO) -> dict[str, Any]:
    """The object that all of it is. Raises UnreadableReport."""
    value = _whole(stream)
    if not isinstance(value, dict):
        raise UnreadableReport("is not a JSON object")
    return value


def _whole(stream: BinaryIO) -> object:
    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UnreadableReport(f"is larger than {LARGEST >> 20} MiB")
    try:
        value: object = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UnreadableReport("is not JSON") from error
    return value


def json_line(line: str) -> dict[str, Any] | None:
    """The object on a line; None where there is none, as in what other programs print between."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def text_at(value: object, *path: str) -> str:
    """The text that lies there; empty where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def whole_at(value: object, *path: str) -> int | None:
    """The whole number that lies there."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None

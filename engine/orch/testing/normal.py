"""What differs from machine to machine in texts of orch, replaced by what it is: the one place for such filters."""

from __future__ import annotations

import json
import re
from typing import Any

_FIELDS = {
    "prev": r'"[0-9a-f]{64}"',
    "pid": r"\d+",
    "start_time": r"\d+",
    "boot_id": r'"[^"]*"',
    "host": r'"[^"]*"',
    "actor": r'"[^"]*"',
    "python": r'"[^"]*"',
    "orch": r'"[^"]*"',
    "containment": r'"[^"]*"',
}
_MOVING = {"duration_seconds": r"[\d.e-]+", "started_by": r'"[^"]*"'}
"""What differs from run to run as well."""
_RUN = re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_DIGEST = re.compile(r"(?<![-\w])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12})\b")
"""Whole, git's, or as they are shown; not the end of a UUID."""


def _field(values: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(rf'(?<="{name}":)( ?)(?:{value})' for name, value in values.items()))


_FIELD, _MOVING_FIELD = _field(_FIELDS), _field(_FIELDS | _MOVING)


class Normal:
    """Replaces the project's folder, digests, and whatever tells of the machine. Equal digests stay equal: they are
    counted in the order in which they are first seen, which has to be the same each time."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._digests: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        """The text as any machine would have given it."""
        text = text.replace(self._folder, "<project>")
        text = _FIELD.sub(r"\1<differs>", text)
        return _DIGEST.sub(self._digest, text)

    def data(self, value: Any) -> Any:
        """JSON as any machine would have given it, at any time: ids of runs, times and durations are replaced too."""
        text = json.dumps(value, ensure_ascii=False).replace(self._folder, "<project>")
        text = _MOVING_FIELD.sub(r'\1"<differs>"', text)
        text = _TIME.sub("<time>", _RUN.sub("<run>", text))
        return json.loads(_DIGEST.sub(self._digest, text))

    def _digest(self, found: re.Match[str]) -> str:
        number = self._digests.setdefault(found[0][:12], len(self._digests) + 1)
        return f"<digest {number}>"

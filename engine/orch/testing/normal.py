"""What differs from machine to machine in texts of orch, replaced by what it is: the one place for such filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
_MOVING = {
    "": {"prev", "actor", "containment", "duration_seconds"},
    "owner": {"pid", "start_time", "boot_id", "host", "started_by"},
    "versions": {"orch", "python"},
    "resume_events": {"actor"},
}
"""The same of a record and of a manifest, with what differs from run to run: by the key that it stands below."""
_GIVEN = {
    *("command", "run", "probe", "once", "env", "if", "expr", "until", "matrix", "rows", "inputs", "outputs"),
    *("stdout_tail", "stderr_tail", "findings"),
}
"""Below these stands what users and their commands have written; but for what a cache tells (`inputs`, `run`), and the
list of the artifacts that a node had as `inputs`."""
_RUN = re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_DIGEST = re.compile(r"(?<![-\w])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12})\b")
"""Whole, git's, or as they are shown; not the end of a UUID."""


_FIELD = re.compile("|".join(rf'(?<="{name}":)( ?)(?:{value})' for name, value in _FIELDS.items()))


class Normal:
    """Replaces the project's folder, digests, and whatever tells of the machine. Equal digests stay equal: they are
    counted in the order in which they are first seen, which has to be the same each time. `known` are other texts that
    are this machine's or this run's alone, with what stands for each."""

    def __init__(self, folder: str, known: Mapping[str, str] | None = None) -> None:
        self._known = {folder: "<project>", **(known or {})}
        self._digests: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        """The text as any machine would have given it."""
        text = _FIELD.sub(r"\1<differs>", self._text(text))
        return _DIGEST.sub(self._digest, text)

    def data(self, value: Any) -> Any:
        """A record, a manifest or a plan as any machine would have given it, at any time: ids of runs, times and
        durations are replaced too. What users and their commands have written is left as it is, but for `known`."""
        return self._told(value, "")

    def _told(self, value: Any, below: str) -> Any:
        if isinstance(value, dict):
            return {self._said(key): self._field(key, item, below) for key, item in value.items()}
        if isinstance(value, list):
            return [self._told(item, below) for item in value]
        return self._said(value) if isinstance(value, str) else value

    def _field(self, key: str, value: Any, below: str) -> Any:
        if key in _MOVING.get(below, ()):
            return "<differs>"
        given = key in _GIVEN and below != "cache" and not (key == "inputs" and isinstance(value, list))
        return self._given(value) if given else self._told(value, key)

    def _given(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._text(key): self._given(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._given(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _said(self, text: str) -> str:
        text = _TIME.sub("<time>", _RUN.sub("<run>", self._text(text)))
        return _DIGEST.sub(self._digest, text)

    def _text(self, text: str) -> str:
        for known, stands in self._known.items():
            text = text.replace(known, stands)
        return text

    def _digest(self, found: re.Match[str]) -> str:
        number = self._digests.setdefault(found[0][:12], len(self._digests) + 1)
        return f"<digest {number}>"

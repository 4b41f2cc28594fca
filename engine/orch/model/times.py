"""Times as files and people write them: UTC, ISO 8601, milliseconds; in memory whole milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def to_iso(at_ms: int) -> str:
    """`2026-11-22T19:05:12.345Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def from_iso(text: str) -> int:
    """Milliseconds since 1970. Raises ValueError for anything but what `to_iso` writes."""
    if not text.endswith("Z"):
        raise ValueError(f"not a UTC time: {text}")
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND

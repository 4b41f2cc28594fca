"""Dates as people write them in decisions and front matter, and how old they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

DAY_SECONDS = 86_400
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2}))?", re.ASCII)


class Moment(NamedTuple):
    """`seconds` since the epoch, UTC. A date without a time is a whole day and `seconds` is its beginning."""

    seconds: float
    whole_day: bool


def parse_moment(text: str) -> Moment | None:
    """`2026-11-20`, or `2026-11-20T10:30:00Z` with a zone; None for everything else."""
    if not _SHAPE.fullmatch(text):
        return None
    try:
        if len(text) == 10:
            return Moment(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp(), True)
        return Moment(datetime.fromisoformat(text).timestamp(), False)
    except (ValueError, OverflowError):
        return None


def is_future(moment: Moment, at: float) -> bool:
    """The future begins after tomorrow, so that no time zone makes today's decision one of the future."""
    return moment.seconds // DAY_SECONDS > at // DAY_SECONDS + 1


def age_seconds(moment: Moment, at: float) -> float:
    """Whole days for a date without a time; never negative."""
    now = at // DAY_SECONDS * DAY_SECONDS if moment.whole_day else at
    return max(0.0, now - moment.seconds)


def day(at: float) -> str:
    """The UTC day as `2026-11-20`."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()

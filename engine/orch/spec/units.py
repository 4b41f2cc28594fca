"""Durations as people write them: `1h30m`. They always carry a unit."""

from __future__ import annotations

import re

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
COUNT_PATTERN = r"^([1-9][0-9]{0,8})([kM])$"
_COUNT, _TIMES = re.compile(COUNT_PATTERN), {"k": 1000, "M": 1_000_000}
_MOST_SECONDS = 100 * 366 * 86400.0
_LONGEST = 40  # characters; nobody means more


def seconds(value: object, unit: str = "s") -> float:
    """The seconds of a duration such as `20m`, `1h30m`, `500ms`, `30d`: units from large to small, each once.
    `unit` is what is proposed where there is none. Raises ValueError with a sentence for people."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a duration is written like `20m`, `1h30m` or `500ms`")
    text = str(value)
    if _NUMBER.fullmatch(text):
        raise ValueError(f"`{_short(text)}` has no unit: write `{_short(text)}{unit}`")
    parts = _PART.findall(text) if len(text) <= _LONGEST else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"`{_short(text)}` is not a duration: write it like `20m`, `1h30m` or `500ms`")
    sizes = [_SECONDS[unit] for _, unit in parts]
    if sizes != sorted(set(sizes), reverse=True):
        raise ValueError(f"`{text}` is not a duration: each unit stands once, the largest first, like `1h30m`")
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if total > _MOST_SECONDS:
        raise ValueError(f"`{text}` is longer than 100 years")
    return total


def count(value: object) -> object:
    """A number, also as `2k` or `4M`; anything else is left for others to refuse."""
    found = _COUNT.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * _TIMES[found[2]] if found else value


def duration(seconds: float) -> str:
    """A duration as it is written: `1h30m`."""
    left, parts = round(seconds * 1000), ""
    for unit in ("d", "h", "m", "s", "ms"):
        number, left = divmod(left, round(_SECONDS[unit] * 1000))
        parts += f"{number}{unit}" if number else ""
    return parts or "0s"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

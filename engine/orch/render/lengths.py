"""Lengths of time, amounts and times of day as people read them."""

from __future__ import annotations

from orch.model.times import to_iso


def duration(milliseconds: int | float) -> str:
    """`0.03s`, `12.4s`, `1m24s`, `2h03m`, `3d04h`."""
    if milliseconds < 1000:
        return f"{max(milliseconds, 0) / 1000:.2f}s"
    tenths = int(milliseconds) // 100
    if tenths < 600:
        return f"{tenths / 10:.1f}s"
    seconds = tenths // 10
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours == 0:
        return f"{minutes}m{seconds % 60:02d}s"
    if days == 0:
        return f"{hours}h{minutes % 60:02d}m"
    return f"{days}d{hours % 24:02d}h" if hours % 24 else counted(days, "day")


def minute(at_ms: int | None) -> str:
    """`2026-11-22 19:05` (UTC), or a dash."""
    return "-" if at_ms is None else to_iso(at_ms)[:16].replace("T", " ")


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

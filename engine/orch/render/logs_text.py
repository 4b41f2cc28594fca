"""Logs for people: raw bytes with everything that a terminal would obey shown as an escape."""

from __future__ import annotations

from orch.render.style import Style

SHORTENED = "log shortened"
_OBEYED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_OBEYED |= {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))}


def log_title(title: str, style: Style) -> str:
    """The line above a log."""
    return style.ascii(f"{style.paint('──', 'dim')} {style.paint(title, 'bold')}")


def left_out(size: int, style: Style) -> str:
    """The line in place of so many bytes that were not kept."""
    return style.ascii(f"… {size} bytes are left out here …")


def shown_log(block: bytes) -> str:
    """A part of a log. What is not UTF-8 is shown with a backslash, line ends of Windows as line ends."""
    return block.decode("utf-8", "backslashreplace").replace("\r\n", "\n").translate(_OBEYED)

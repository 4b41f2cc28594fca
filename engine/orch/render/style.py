"""How may this stream be written to? Colour, icons and width, decided once from what the terminal says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_COLOUR = r"(\x1b\[\d*m)"
_COLOURS = {
    "succeeded": "green",
    "open": "green",
    "ok": "green",
    "failed": "red",
    "fail": "red",
    "blocked": "red",
    "rejected": "red",
    "waiting": "yellow",
    "wait": "yellow",
    "warn": "yellow",
    "interrupted": "yellow",
    "damaged": "red",
    "cancelled": "yellow",
    "running": "blue",
    "run": "green",
    "skipped": "dim",
    "skip": "dim",
    "later": "dim",
    "queued": "dim",
}
_ICONS = {
    "succeeded": ("✓", "+"),
    "open": ("✓", "+"),
    "ok": ("✓", "+"),
    "failed": ("✗", "x"),
    "fail": ("✗", "x"),
    "blocked": ("!", "!"),
    "rejected": ("!", "!"),
    "warn": ("!", "!"),
    "waiting": ("⏸", "W"),
    "wait": ("⏸", "W"),
    "interrupted": ("!", "!"),
    "damaged": ("!", "!"),
    "cancelled": ("-", "-"),
    "running": ("▸", ">"),
    "run": ("+", "+"),
    "skipped": ("-", "-"),
    "skip": ("-", "-"),
    "later": ("·", "."),
    "queued": ("·", "."),
}


class Style(NamedTuple):
    """`width` is None where no terminal reads: lines are then never cut. `live` allows lines that are written over."""

    color: bool = False
    unicode: bool = True
    width: int | None = None
    live: bool = False

    def paint(self, text: str, how: str | None) -> str:
        """The text in a colour or weight, or as it is."""
        return f"\x1b[{_CODES[how]}m{text}\x1b[0m" if self.color and how and text else text

    def status(self, word: str, text: str | None = None) -> str:
        """A status word, or a text in its colour."""
        return self.paint(word if text is None else text, _COLOURS.get(word))

    def icon(self, word: str) -> str:
        """The sign of a status, one cell wide; a word always stands beside it."""
        fancy, plain = _ICONS.get(word, ("·", "."))
        return self.status(word, fancy if self.unicode else plain)

    def ascii(self, text: str) -> str:
        """Our own punctuation as this stream can show it."""
        if self.unicode:
            return text
        for fancy, plain in (("…", "..."), ("—", "-"), ("→", "->"), ("×", "x"), ("│", "|"), ("─", "-")):
            text = text.replace(fancy, plain)
        return text

    def cut(self, text: str, used: int = 0) -> str:
        """The text, cut to what the terminal's line still holds after `used` cells. Colours take no cells."""
        room = max((self.width or 0) - used, 1)
        if self.width is None or len(text) <= room // 2 or (len(text) <= room and text.isascii()):
            return text
        from orch.render.problems_text import width_of

        if width_of(re.sub(_COLOUR, "", text)) <= room:
            return text
        mark = "…" if self.unicode else "..."
        kept: list[str] = []
        room -= len(mark)
        for piece in re.split(_COLOUR, text):
            if piece.startswith("\x1b"):
                kept.append(piece)
                continue
            fits = piece
            while fits and width_of(fits) > room:
                fits = fits[: room if len(fits) > room else -1]
            kept.append(fits)
            if fits != piece:
                return "".join(kept) + mark + ("\x1b[0m" if "\x1b" in text else "")
            room -= width_of(fits)
        return "".join(kept)


def style_of(env: Mapping[str, str], *, is_terminal: bool, encoding: str, width: int | None) -> Style:
    """NO_COLOR beats FORCE_COLOR; without either, colour is for a terminal that is not dumb and not in CI."""
    dumb = env.get("TERM") == "dumb"
    in_ci = env.get("CI", "") not in ("", "0", "false")
    if env.get("NO_COLOR"):
        color = False
    elif env.get("FORCE_COLOR", "") not in ("", "0", "false"):
        color = True
    else:
        color = is_terminal and not dumb and not in_ci
    try:
        "✓⏸▸…".encode(encoding)
        fancy = True
    except (UnicodeEncodeError, LookupError):
        fancy = False
    return Style(color, fancy, width if is_terminal else None, is_terminal and not dumb and not in_ci)

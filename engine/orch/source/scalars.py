"""What a plain scalar means: null, a boolean, a number that prints back unchanged, or else text."""

from __future__ import annotations

import re

WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
NUMERIC = frozenset("-0123456789")  # how a number can start

_LONGEST_NUMBER = 640  # Python can be told to refuse longer ones, and a file must mean the same everywhere
_DIGITS = r"[0-9][0-9_]*"
_NUMBER = re.compile(rf"[-+]?(?:{_DIGITS}(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_OTHER_BASE = re.compile(r"([-+]?)0([xob])([0-9a-fA-F_]+)", re.IGNORECASE)
_ONLY_QUOTED = re.compile(
    r"[-+]?\.(?:inf|nan)"
    r"|[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?",
    re.IGNORECASE,
)
_BOOLEANS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def plain(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar. `010`, `3.10`, `1e3`, `TRUE`, `1:30` and dates stay text."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMERIC or len(text) > _LONGEST_NUMBER:
        return text
    try:
        number = int(text)
        return number if str(number) == text else text
    except ValueError:
        pass
    try:
        real = float(text)
    except ValueError:
        return text
    return real if repr(real) == text and text[-1] in NUMERIC else text  # not -inf


def lookalike(text: str) -> str | None:
    """What to do about a text that reads like a number, boolean, null or date and is none: a part of a sentence such
    as "quote it, or write `3.1`". None where it looks like nothing else."""
    if plain(text) != text:
        return f"write `{text}` without quotes" if text else None
    meant = _meant(text)
    if meant is None:
        return None
    return f"quote it, or write `{meant}`" if meant else "quote it"


def _meant(text: str) -> str | None:
    """The plain form of what the text seems to mean; empty where there is none, None where it is just text."""
    lowered = text.lower()
    if lowered in _BOOLEANS:
        return _BOOLEANS[lowered]
    if lowered == "null":
        return "null"
    if len(text) > _LONGEST_NUMBER:
        return "" if text.lstrip("+-").isdecimal() else None
    if found := _OTHER_BASE.fullmatch(text):
        return _other_base(found)
    if _NUMBER.fullmatch(text):
        return _printed(text)
    return "" if _ONLY_QUOTED.fullmatch(text) else None


def _other_base(found: re.Match[str]) -> str | None:
    sign, base, digits = found.groups()
    try:
        return str(int(sign + digits, {"x": 16, "o": 8, "b": 2}[base.lower()]))
    except ValueError:
        return None


def _printed(text: str) -> str:
    try:
        bare = text.replace("_", "")
        if bare.lstrip("+-").isdecimal():
            return str(int(bare))
        real = float(bare)
        whole = "e" in bare.lower() and real.is_integer() and abs(real) < 2**53
        printed = str(int(real)) if whole else repr(real)
    except (ValueError, OverflowError):
        return ""
    return printed if plain(printed) != printed else ""

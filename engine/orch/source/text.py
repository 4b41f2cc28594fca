"""Bytes → text that is safe to parse and to show: its size, its encoding, its characters."""

from __future__ import annotations

import re
import unicodedata

from orch.problems.problem import OrchError, Problem, Span
from orch.source.limits import SIZE_VARIABLE
from orch.source.lines import Lines

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# NEL, LS and PS are line breaks for the parser and for nothing else, so that lines would be miscounted.
_UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff"
FORBIDDEN = re.compile(f"[{_UNSEEN}{_BIDI}]")
_FORBIDDEN_IN_FILE = re.compile(rf"[{_UNSEEN}{_BIDI}]|\r(?!\n)")
_PLAIN_BYTES = bytes(range(0x20, 0x7F)) + b"\t\n"
_NAMES = {"\x00": "NUL", "\x1b": "ESC", "\x7f": "DEL", "\r": "a carriage return alone", "\ufeff": "a byte order mark"}


def decoded(raw: str | bytes, path: str, max_bytes: int) -> str:
    """The text without its byte order mark. Refuses what is too large, is not UTF-8, or holds characters that a
    reviewer cannot see."""
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    if len(data) > max_bytes:
        raise OrchError(_too_large(data, path, max_bytes))
    if isinstance(raw, str):
        text = raw.removeprefix("\ufeff")
    else:
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError as error:
            raise OrchError(_not_utf8(error, path)) from error
    if not data.translate(None, _PLAIN_BYTES):  # the usual file, ten times faster than the search
        return text
    if found := _FORBIDDEN_IN_FILE.search(text):
        raise OrchError(_forbidden(found.group(), text, found.start(), path))
    return text


def unseen_name(character: str) -> str:
    """A control or bidirectional character in words, with its number."""
    name = _NAMES.get(character) or unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def _too_large(data: bytes, path: str, max_bytes: int) -> Problem:
    first = data[:200].split(b"\n")[0].decode(errors="replace").rstrip("\r")
    return Problem(
        "O004",
        f"the file is larger than {max_bytes} bytes",
        Span(path, 1, 1, len(first) + 1, first),
        f"split it into several pipelines, or raise the limit: export {SIZE_VARIABLE}={max_bytes * 16}",
    )


def _not_utf8(error: UnicodeDecodeError, path: str) -> Problem:
    before = error.object[: error.start].decode()
    line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    shown = Lines(path, error.object.decode(errors="replace"))
    utf16 = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
    return Problem(
        "O002",
        "the file looks like UTF-16" if utf16 else f"the byte 0x{error.object[error.start]:02X} is not UTF-8",
        shown.span((line, column, line, column + 1)),
        "save the file as UTF-8",
    )


def _forbidden(character: str, text: str, offset: int, path: str) -> Problem:
    line, column = text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1
    more = sum(1 for _ in _FORBIDDEN_IN_FILE.finditer(text)) - 1
    return Problem(
        "O003",
        f"the character {unseen_name(character)} cannot be seen and is refused",
        Lines(path, text).span((line, column, line, column + 1)),
        "remove it" + (f", and {more} more of its kind in this file" if more else ""),
    )

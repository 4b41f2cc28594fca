"""What a secret looks like once a program has quoted or encoded it: all the forms that are looked for."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

SHORTEST = 8
"""Bytes of a value, or of a line of one: shorter ones would be found where they are not meant."""

_ALPHABETS = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
)
_WIDTHS = (64, 76)  # of the lines that `openssl base64` and `base64` write


class Form(NamedTuple):
    """Bytes to look for. `before` and `after` are what the byte on that side may be; where they are empty, there is
    none that counts. They are the characters of base64 that hold bits of the value and of what stands beside it."""

    core: bytes
    before: bytes = b""
    after: bytes = b""


def forms(value: bytes) -> list[Form]:
    """The forms of a value, and of each of its lines that is long enough, each once."""
    parts = {value: None, **{line: None for line in map(bytes.strip, value.splitlines()) if len(line) >= SHORTEST}}
    return list(dict.fromkeys(form for part in parts for form in (*_texts(part), *_base64(part))))


def _texts(value: bytes) -> Iterator[Form]:
    yield Form(value)
    for digits in (value.hex(), value.hex().upper()):
        yield Form(digits.encode())
    yield Form(repr(value)[2:-1].encode())  # a literal of Python's bytes
    text = value.decode("utf-8", "surrogateescape")
    encodings = _OF_ANY if value.isalnum() else (*_OF_ANY, *_OF_SIGNS)
    for encoded in dict.fromkeys(encode(text) for encode in encodings):
        yield Form(encoded.encode("utf-8", "surrogateescape"))


def _percent(safe: str, *, plus: bool = False, lower: bool = False) -> Callable[[str], str]:
    def encode(text: str) -> str:
        # the space is kept by `quote` and then written as a plus, which itself is escaped
        encoded = quote(text, safe=safe + " " * plus, errors="surrogateescape")
        encoded = encoded.replace(" ", "+") if plus else encoded
        return _ESCAPE.sub(lambda found: found[0].lower(), encoded) if lower else encoded

    return encode


def _every_byte(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


def _json(*, ascii_only: bool, also: str = "", upper: bool = False) -> Callable[[str], str]:
    def encode(text: str) -> str:
        encoded = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        for character in also:
            encoded = encoded.replace(character, f"\\u{ord(character):04x}")
        return _UNICODE.sub(lambda found: f"\\u{found[1].upper()}", encoded) if upper else encoded

    return encode


def _numbered(number: str, signs: str) -> Callable[[str], str]:
    def encode(text: str) -> str:
        escaped = text if signs else html.escape(text, quote=False)
        odd = [c for c in dict.fromkeys(escaped) if not c.isascii() or c in signs]
        table = {ord(c): f"&#{number.format(ord(c))};" for c in odd if not "\ud800" <= c <= "\udfff"}
        return escaped.translate(table)

    return encode


def _single_quoted(quote_character: str) -> Callable[[str], str]:
    return lambda text: text.replace("'", f"'{quote_character}'")


_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_UNICODE = re.compile(r"\\u([0-9a-f]{4})")
_OF_ANY: tuple[Callable[[str], str], ...] = (_every_byte, lambda text: _every_byte(text).lower())
_OF_SIGNS: tuple[Callable[[str], str], ...] = (
    # URLs: Python's and the shells' ways, `encodeURIComponent`, `encodeURI`, forms
    *(
        _percent(safe, plus=plus, lower=lower)
        for lower in (False, True)
        for safe, plus in (("/", False), ("", False), ("", True), ("/", True), ("!'()*", False), ("*", True))
    ),
    *(_percent("!'()*;,/?:@&=+$#", lower=lower) for lower in (False, True)),
    # JSON: as it is and in ASCII, with `<`, `>`, `&` escaped as some do for HTML, with `\/`
    *(_json(ascii_only=one, also=also) for one in (False, True) for also in ("", "<>&")),
    _json(ascii_only=True, upper=True),
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/"),
    # shells: in single quotes, in double quotes, with backslashes; and Python's own
    lambda text: shlex.quote(text)[1:-1] if shlex.quote(text) != text else text,
    lambda text: text.replace("'", "'\\''"),
    lambda text: re.sub(r'(["$`\\])', r"\\\1", text),
    lambda text: re.sub(r"([^\w@%+=:,./-])", r"\\\1", text),
    lambda text: repr(text)[1:-1],
    # XML
    lambda text: html.escape(text, quote=False),
    html.escape,
    # with numbers for what is no ASCII, as XML writers do, or for all signs
    *(_numbered(number, signs) for number in ("{}", "x{:x}", "x{:X}") for signs in ("", "<>&\"'")),
    lambda text: html.escape(text, quote=False).replace('"', "&quot;").replace("'", "&apos;"),
)


def _base64(value: bytes) -> Iterator[Form]:
    """At each of the three alignments: the characters that follow from the value alone, and those at its two ends,
    which hold bits of its neighbours too. Where it begins an encoding, also broken into lines."""
    for shift in range(3):
        # any neighbours do: what depends on them is left out of the core
        encoded = base64.b64encode(bytes(shift) + value + bytes(-(shift + len(value)) % 3))
        begin, begin_bits = divmod(8 * shift, 6)
        end, end_bits = divmod(8 * (shift + len(value)), 6)
        core = slice(begin + (begin_bits > 0), end)
        for alphabet in _ALPHABETS:
            digits = bytes(alphabet[_ALPHABETS[0].index(character)] for character in encoded[: end + (end_bits > 0)])
            first = _sharing(alphabet, digits[begin], range(begin_bits)) if begin_bits else b""
            last = _sharing(alphabet, digits[end], range(end_bits, 6)) if end_bits else b""
            yield Form(digits[core], first, last)
            if shift == 0:
                yield from (Form(_wrapped(digits[core], width, bool(last)), b"", last) for width in _WIDTHS)


def _sharing(alphabet: bytes, digit: int, free: range) -> bytes:
    """The digits that differ from this one at most in the free bits; bit 0 is the highest of six."""
    mask = sum(1 << (5 - bit) for bit in free)
    fixed = alphabet.index(digit) & ~mask
    return bytes(alphabet[value] for value in range(64) if value & ~mask == fixed)


def _wrapped(core: bytes, width: int, more: bool) -> bytes:
    lines = [core[start : start + width] for start in range(0, len(core), width)]
    return b"\n".join(lines) + (b"\n" if more and len(core) % width == 0 else b"")

"""Twenty secrets, the forms in which programs write them, and how to look for them in bytes that should hold none."""

from __future__ import annotations

import ast
import base64
import html
import json
import re
import shlex
import string
from collections.abc import Callable
from random import Random
from urllib.parse import quote, quote_plus, unquote_to_bytes

_RNG = Random(20)
_NASTY = "'\"\\$`&<>/+=?#% ~*!()ü\n\t"
_DIGITS = re.compile(rb"[A-Za-z0-9+/]{8,}")
_LITERAL = re.compile(rb"""\bb(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")""")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")


def _secret(number: int) -> str:
    """Half of them are plain words, half hold what every encoding must escape; of all lengths from 8 bytes on."""
    letters = string.ascii_letters + string.digits
    plain = "".join(_RNG.choice(letters) for _ in range(8 + number))
    return plain if number % 2 else plain[:4] + "".join(_RNG.sample(_NASTY, 9)) + plain[4:]


def _small_escapes(text: str) -> str:
    pieces = text.split("%")
    return "%".join([pieces[0], *(piece[:2].lower() + piece[2:] for piece in pieces[1:])])


SECRETS = {f"CANARY_{number:02}": _secret(number) for number in range(20)}

FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 without padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64 behind one byte": lambda value: base64.b64encode(b"u" + value.encode()).decode(),
    "base64 behind two bytes": lambda value: base64.b64encode(b"u:" + value.encode()).decode(),
    "base64 within": lambda value: base64.b64encode(b"user:" + value.encode() + b"@host").decode(),
    "base64 for URLs within": lambda value: base64.urlsafe_b64encode(b"\xff\xfe" + value.encode() + b"\xff").decode(),
    "a part of a URL": quote,
    "a whole part of a URL": lambda value: quote(value, safe=""),
    "a form": quote_plus,
    "a part of a URL, in small letters": lambda value: _small_escapes(quote(value, safe="")),
    "a form, in small letters": lambda value: _small_escapes(quote_plus(value)),
    "JSON": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in ASCII": json.dumps,
    "a word of a shell": shlex.quote,
    "a word of a shell in single quotes": lambda value: "'" + value.replace("'", "'\\''") + "'",
    "hex": lambda value: value.encode().hex(),
    "XML": html.escape,
    "XML in ASCII": lambda value: html.escape(value, quote=False).encode("ascii", "xmlcharrefreplace").decode(),
    "XML in numbers": lambda value: re.sub(r"[^\w\s#!$%()*+/=?@~`\\-]|ü", lambda found: f"&#{ord(found[0])};", value),
    "a literal of Python's bytes": lambda value: repr(value.encode()),
}


def twins(value: str) -> list[str]:
    """Texts that are not it: one character is another, the first or the last one is missing."""
    changed = [value[:i] + ("y" if value[i] == "x" else "x") + value[i + 1 :] for i in range(len(value))]
    return [*changed, value[1:], value[:-1]]


def leaks(data: bytes) -> list[str]:
    """The secrets that can be read in these bytes, as they are or decoded in one of the ways that there are."""
    found = _readings(data)
    return [name for name, value in SECRETS.items() if any(value.encode() in reading for reading in found)]


def _readings(data: bytes) -> list[bytes]:
    text = data.decode("utf-8", "replace")
    readings = [data, unquote_to_bytes(data), unquote_to_bytes(data.replace(b"+", b" ")), html.unescape(text).encode()]
    readings.append(re.sub(r'"(?:[^"\\\n]|\\.)*"', _unquoted, text).encode("utf-8", "replace"))
    readings += [ast.literal_eval(found[0].decode()) for found in _LITERAL.finditer(data)]
    readings += [data.replace(b"'\"'\"'", b"'"), data.replace(b"'\\''", b"'")]
    readings += [bytes.fromhex(found[0].decode()) for found in _HEX.finditer(data)]
    for found in _DIGITS.finditer(data.replace(b"-", b"+").replace(b"_", b"/")):
        for shift in range(4):
            digits = found[0][shift:]
            readings.append(base64.b64decode(digits[: len(digits) - len(digits) % 4]))
            readings.append(base64.b64decode(digits[: len(digits) - len(digits) % 4 - 4]))
            if len(digits) % 4 > 1:
                readings.append(base64.b64decode(digits + b"=" * (-len(digits) % 4)))
    return readings


def _unquoted(found: re.Match[str]) -> str:
    try:
        return str(json.loads(found[0]))
    except ValueError:
        return found[0]

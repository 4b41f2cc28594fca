"""The one function that makes journal bytes, and the one that reads them back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from orch.model.events import EVENT_TYPES, TYPE_NAMES, Event
from orch.model.times import from_iso, to_iso


def _encoder() -> Callable[[Any], str]:
    """`JSONEncoder.encode` makes a new C encoder for every call; one that is kept halves the cost of a record."""
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    fixed = make({}, encoder.default, encode_basestring, None, ":", ",", False, False, True)
    return lambda value: "".join(fixed(value, 0))


_encode = _encoder()
_DEFAULTS = {cls: cls._field_defaults for cls in TYPE_NAMES}
_MISSING = object()


class UnknownEvent(ValueError):
    """A record type that this version does not know: a newer orch wrote it."""


def encode(event: Event, seq: int, prev: str) -> bytes:
    """One journal line with its newline. `prev` is the sha256 (hex) of the line before, without its newline."""
    cls = type(event)
    defaults = _DEFAULTS[cls]
    record: dict[str, Any] = {"seq": seq, "prev": prev, "at": to_iso(event[0]), "type": TYPE_NAMES[cls]}
    for name, value in zip(cls._fields[1:], event[1:], strict=True):
        if defaults.get(name, _MISSING) != value:
            record[name] = value
    return _encode(record).encode() + b"\n"


def digest(line: bytes) -> str:
    """The `prev` of the record that follows `line` (given with or without its newline)."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def decode(line: bytes) -> tuple[int, str, Event]:
    """Sequence number, digest of the line before, event. Raises UnknownEvent, or ValueError for anything else."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("not an object")
    try:
        seq, prev, at, name = record.pop("seq"), record.pop("prev"), record.pop("at"), record.pop("type")
    except KeyError as error:
        raise ValueError(f"no {error}") from error
    cls = EVENT_TYPES.get(name)
    if cls is None:
        raise UnknownEvent(str(name))
    for key in ("reset", "artifacts", "keys", "rows"):
        if key in record:
            record[key] = tuple(record[key])
    try:
        return seq, prev, cls(from_iso(at), **record)
    except TypeError as error:
        raise ValueError(str(error)) from error

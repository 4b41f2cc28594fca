"""The one function that makes journal bytes, and the one that reads them back."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from orch.model.encoding import encoder
from orch.model.events import EVENT_TYPES, TYPE_NAMES, Event
from orch.model.times import from_iso, to_iso

_encode = encoder(compact=True)
_ALWAYS = object()
_FIELDS = {cls: tuple((name, cls._field_defaults.get(name, _ALWAYS)) for name in cls._fields[1:]) for cls in TYPE_NAMES}
"""By type the fields behind `at`, each with the value for which it is left out."""


class UnknownEvent(ValueError):
    """A record type that this version does not know: a newer orch wrote it."""


def encode(event: Event, seq: int, prev: str) -> bytes:
    """One journal line with its newline. `prev` is the sha256 (hex) of the line before, without its newline."""
    cls = type(event)
    record: dict[str, Any] = {"seq": seq, "prev": prev, "at": to_iso(event[0]), "type": TYPE_NAMES[cls]}
    for (name, default), value in zip(_FIELDS[cls], event[1:], strict=True):
        if value is not default and value != default:
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

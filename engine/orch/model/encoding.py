"""Data to JSON text. `JSONEncoder.encode` makes a new C encoder for every call; one that is kept halves the cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any


def encoder(*, compact: bool, in_order: bool = False) -> Callable[[Any], str]:
    """What encodes plain data; `compact` without blanks, `in_order` by the names of the keys."""
    item, key = (",", ":") if compact else (", ", ": ")
    slow = json.JSONEncoder(ensure_ascii=False, separators=(item, key), sort_keys=in_order)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return slow.encode
    fixed = make({}, slow.default, encode_basestring, None, key, item, in_order, False, True)
    return lambda value: encode_basestring(value) if type(value) is str else "".join(fixed(value, 0))

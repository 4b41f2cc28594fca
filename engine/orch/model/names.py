"""Addresses as file names."""

from __future__ import annotations

import hashlib

_LONGEST = 120


def file_stem(address: str) -> str:
    """The address itself, or where it is over 120 bytes (or holds a slash) a prefix and 12 digits of its sha256."""
    if len(address) <= _LONGEST and "/" not in address:
        return address
    digest = hashlib.sha256(address.encode()).hexdigest()[:12]
    return f"{address[: _LONGEST - 20].replace('/', '-')}-{digest}"

"""One thing that is not as a case says."""

from __future__ import annotations

from typing import Any, NamedTuple


class Difference(NamedTuple):
    """What differs, and how. `got` is None where there is nothing of the kind."""

    what: str
    expected: Any
    got: Any

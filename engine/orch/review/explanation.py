"""Why a step stands as it does, and what would turn it: the value that explaining gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Compared(NamedTuple):
    """An input of a step's result, as it was in the run that is compared, and as it is in this one; None where there
    is none. Values are digests, of files with their mode before."""

    name: str
    was: str | None
    now: str | None


class Explanation(NamedTuple):
    """`because` and `would_change` are sentences without a full stop, the nearest cause first; a line that begins with
    two spaces belongs to the one above. `root` is the step where the cause lies, if that is another one; `log` is the
    end of what it wrote. `next` are commands that can be pasted, the best first. `compared` lays the keys of two
    results side by side, where the step has a `cache`."""

    address: str
    status: str
    reason: str | None
    because: Sequence[str] = ()
    would_change: Sequence[str] = ()
    next: Sequence[str] = ()
    root: str | None = None
    log: Sequence[str] = ()
    compared: Sequence[Compared] = ()

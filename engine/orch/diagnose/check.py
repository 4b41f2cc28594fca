"""What a look at the machine found."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Check(NamedTuple):
    """One thing that was looked at. `status`: warn is something that orch can do without, fail what it cannot. `found`
    is what is there, `help` what to do where it is not ok."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    help: str = ""

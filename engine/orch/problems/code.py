"""The shape of a page of the error catalogue."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A page of `orch explain CODE`: a title, what it means and why, and an example of what to write instead."""

    title: str
    text: str

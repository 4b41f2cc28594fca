"""What the steps of a simulated run are said to give: how attempts end, and what looking at gates finds. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_ITERATION = re.compile(r"#\d+")
_KEY = re.compile(r"\[[^\]]*\]")


class Stub(NamedTuple):
    """How an attempt ends. Without `outputs` a step that declares some gives what nobody knows. `probe` is what the
    probe of a `once` step answers."""

    status: str = "succeeded"
    reason: str = "ok"
    exit_code: int | None = 0
    outputs: dict[str, Any] | None = None
    probe: str = "not-done"


class Stubs(NamedTuple):
    """`nodes` has, by address, a stub for each attempt, the last of them for all further ones; `gates` the status and
    the reason of a look. What is said of a matrix holds for each child, and of a loop's node in each iteration, unless
    a nearer address is there. `default` is the stub of nodes that have none."""

    nodes: Mapping[str, tuple[Stub, ...]] = {}
    gates: Mapping[str, tuple[str, str]] = {}
    default: Stub | None = None

    def of(self, address: str, attempt: int) -> Stub | None:
        """The stub of an attempt (counted from 1); None where nothing is said."""
        for name in names_of(address):
            if (found := self.nodes.get(name)) is not None:
                return found[min(attempt, len(found)) - 1]
        return self.default

    def look(self, address: str) -> tuple[str, str] | None:
        """What looking at a gate finds."""
        return next((self.gates[name] for name in names_of(address) if name in self.gates), None)


def names_of(address: str) -> list[str]:
    """The address, and what it may be called for short: without iterations, without keys, without both."""
    plain = _ITERATION.sub("", address)
    return list(dict.fromkeys((address, plain, _KEY.sub("", address), _KEY.sub("", plain))))


def is_of(address: str, name: str) -> bool:
    """Is this the step of a name, or is it inside of it?"""
    while name not in names_of(address):
        cut = max(address.rfind("#"), address.rfind("/"))
        if cut < 0:
            return False
        address = address[:cut]
    return True

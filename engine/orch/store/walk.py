"""The journal from end to end, past every bad line: all that is wrong with it, not only the first."""

from __future__ import annotations

import json
from typing import NamedTuple

from orch.model.codec import UnknownEvent, digest
from orch.model.events import Closed, Event
from orch.problems.problem import Problem
from orch.store.atomic import read_file
from orch.store.records import BadRecord, Chain, bad_line

_MOST_PROBLEMS = 50
_TIME = len("2026-11-22T19:05:12.345Z")


class Walked(NamedTuple):
    """The events of the good lines, what is wrong with the others, the sha256 (hex) of the last line, and those of all
    lines with that of the plan."""

    events: list[Event]
    problems: list[Problem]
    head: str
    heads: set[str]


def walk(path: str, plan_digest: str) -> Walked:
    """Read the journal. No journal is an empty one; a torn last line is wrong only behind a `closed`, where it
    must be of the owner that took the run up again."""
    try:
        lines = read_file(path).split(b"\n")
    except FileNotFoundError:
        lines = [b""]
    torn = lines.pop()
    chain = Chain(plan_digest)
    events: list[Event] = []
    problems: list[Problem] = []
    heads = {plan_digest}
    for number, line in enumerate(lines, 1):
        try:
            events.append(chain.accept(line))
        except (BadRecord, UnknownEvent) as error:
            if len(problems) < _MOST_PROBLEMS:
                problems += bad_line("journal.ndjson", number, error).problems
            chain.seq, chain.head = _number(line, chain.seq + 1), digest(line)
        heads.add(chain.head)
    if torn and events and isinstance(events[-1], Closed) and not _may_open(torn, chain):
        said = f"journal.ndjson:{len(lines) + 1}: there is more behind the end of the run"
        problems.append(Problem("O602", said))
    return Walked(events, problems, chain.head, heads)


def _may_open(torn: bytes, chain: Chain) -> bool:
    """Is this the beginning of the `opened` that would come next?"""
    before, after = f'{{"seq":{chain.seq + 1},"prev":"{chain.head}","at":"'.encode(), b'","type":"opened",'
    kind = torn[len(before) + _TIME :][: len(after)]
    return before.startswith(torn[: len(before)]) and after.startswith(kind)


def _number(line: bytes, otherwise: int) -> int:
    """The number that a bad line gives itself, so that the lines behind it are not all called bad."""
    try:
        seq = json.loads(line)["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return otherwise
    return seq if type(seq) is int else otherwise

"""The places of a group: at most so many runs of a project at work at once. A place is a lock, which dies with its
holder; so is the ticket of one that waits, and who came first is let in first."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from orch.store.atomic import read_file
from orch.store.lock import Lock, is_locked
from orch.store.rundir import RunDir, make_folder

FOLDER = ".groups"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class Holder(NamedTuple):
    """A run that holds a place, the process that owns it, and since when (milliseconds since 1970)."""

    run_id: str
    pid: int
    since: int


class Queued(NamedTuple):
    """What a run waits for. `holders` are those of whom it is known; `ahead` runs came before it and wait, too."""

    group: str
    limit: int
    holders: tuple[Holder, ...]
    ahead: int


class Queue:
    """A run in the queue of a group, until `leave`. `at` says since when it waits."""

    def __init__(self, runs_root: str, run: RunDir, group: str, limit: int, *, pid: int, at: int) -> None:
        self._run, self._group, self._limit, self._pid = run, group, limit, pid
        self._folder = f"{runs_root}/{FOLDER}/{_safe(group)}"
        self._waiting = f"{self._folder}/waiting"
        for folder in (f"{runs_root}/{FOLDER}", self._folder, self._waiting):
            make_folder(folder, runs_root)
        self._ticket = f"{at:015d}-{run.run_id}"
        self._lock = Lock.attempt(f"{self._waiting}/{self._ticket}")

    def take(self, now_ms: int) -> Lock | None:
        """A place, or None where all are held, or another one is next."""
        if self._ahead():
            return None
        for path in self._places():
            lock = Lock.attempt(path)
            if lock is not None:
                lock.write(json.dumps(Holder(self._run.run_id, self._pid, now_ms)._asdict()).encode() + b"\n")
                return lock
        return None

    def look(self) -> Queued:
        """Who holds the places now, and how many are before this one."""
        holders = (_holder(path) for path in self._places() if is_locked(path))
        known = tuple(holder for holder in holders if holder is not None)
        return Queued(self._group, self._limit, known, self._ahead())

    def leave(self) -> None:
        """Wait no longer; a place that was taken stays."""
        if self._lock is not None:
            with suppress(FileNotFoundError):
                os.unlink(f"{self._waiting}/{self._ticket}")
            self._lock.release()
            self._lock = None

    def _places(self) -> Iterator[str]:
        return (f"{self._folder}/{number}" for number in range(1, self._limit + 1))

    def _ahead(self) -> int:
        """How many came before and wait. The tickets of the dead are cleared away: of one that is just being made, only
        its turn is lost."""
        ahead = 0
        for name in sorted(os.listdir(self._waiting)):
            if name >= self._ticket:
                break
            path = f"{self._waiting}/{name}"
            if is_locked(path):
                ahead += 1
            else:
                with suppress(FileNotFoundError):
                    os.unlink(path)
        return ahead


def _safe(group: str) -> str:
    """A folder for each group, also where names differ in case only, or in what no file name may hold."""
    return f"{_UNSAFE.sub('', group)[:48]}-{hashlib.sha256(group.encode()).hexdigest()[:12]}"


def _holder(path: str) -> Holder | None:
    try:
        fields = json.loads(read_file(path))
        holder = Holder(fields["run_id"], fields["pid"], fields["since"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return holder if [type(value) for value in holder] == [str, int, int] else None

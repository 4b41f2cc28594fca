"""A run for tests, recorded by the store's own code: events go to the journal, the state and the projections."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from orch.model.events import Event, Opened
from orch.model.fold import apply
from orch.model.plan import Plan, PlanDoc, seal
from orch.plan.compile import compile_plan
from orch.store import rundir
from orch.store.beat import Beat
from orch.store.cas import Cas
from orch.store.journal import FileJournal
from orch.store.lock import Lock
from orch.store.owner import Owner, write_owner
from orch.store.projector import Projector

NOW = 1_795_374_312_345  # 2026-11-22T19:05:12.345Z
VERSIONS = {"orch": "0.1.0", "python": "3.11.7"}


class Recorded:
    """A run and, while it is open, its owner. `log` and `artifact` make what `finished` speaks of."""

    def __init__(self, root: Path, doc: PlanDoc, blobs: dict[str, bytes] | None = None) -> None:
        self.plan: Plan = seal(doc)
        self.compiled = compile_plan(self.plan)
        self.root = str(root / ".runs")
        self.now = NOW
        self.run = rundir.create(
            self.root,
            doc["task"],
            self.plan,
            durability=doc["durability"],
            now_ms=NOW,
            random=os.urandom,
            blobs=blobs or {},
        )
        self.cas = Cas(self.run.path, durable=False)
        self.epoch = 0

    def open(self, **fields: Any) -> list[str]:
        """Own the run: lock, beat, journal, repaired projections (their names are returned), `opened`."""
        self.lock = Lock.acquire(self.run)
        self.journal, events, torn = FileJournal.open(
            self.run.journal, self.plan.digest, durability=self.plan.doc["durability"]
        )
        self.projector = Projector(self.run, self.compiled, lambda: self.journal.head)
        self.state, rewritten = self.projector.rebuild(events)
        self.epoch = self.state.epoch + 1
        owner = Owner(self.run.run_id, self.epoch, os.getpid(), 7, "boot", "here")
        write_owner(self.run, owner)
        self.beat()
        opened = Opened(self.now, self.epoch, owner.record(), self.plan.digest, "none", VERSIONS, torn, **fields)
        self.happen(opened)
        return rewritten

    def happen(self, *events: Event) -> None:
        """One turn: write, fold, project."""
        for event in events:
            apply(self.state.plan, self.state, event)
        self.journal.append(events)
        self.journal.sync()
        self.projector.record(events, self.state)

    def beat(self, turn: int = 1, *, beats: int = 1, seconds: int = 0) -> None:
        """A heartbeat that finds the loop at this turn, `beats` times with so many seconds in between."""
        beat = Beat(self.run, now_ms=lambda: self.now, steady=lambda: self.now / 1000, turn=lambda: turn)
        for _ in range(beats):
            beat.once()
            self.now += seconds * 1000
        beat.stop()

    def leave(self) -> None:
        """The owner is gone."""
        self.journal.close()
        self.lock.release()

    def at(self) -> int:
        """A second later."""
        self.now += 1000
        return self.now

    def log(self, name: str, data: bytes) -> dict[str, Any]:
        """Write `logs/<name>`; the value for `finished{logs}`."""
        self._write(f"logs/{name}", data)
        return {
            "path": f"logs/{name}",
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "truncated_bytes": 0,
        }

    def artifact(self, address: str, name: str, data: bytes) -> dict[str, Any]:
        """Keep an artifact and its copy; the value for `finished{artifacts}`."""
        self._write(f"artifacts/{address}/{name}", data)
        return {"name": name, "path": f"{name}.txt", "sha256": self.cas.put_bytes(data), "bytes": len(data)}

    def text(self, name: str) -> str:
        """A file of the run."""
        return (Path(self.run.path) / name).read_text()

    def _write(self, name: str, data: bytes) -> None:
        path = Path(self.run.path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

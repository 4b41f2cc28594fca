"""The order in which things become true: decided, written, synced, acted on, told."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from plans import compiled, one_phase, plan_doc

from orch.app.gatewatch import ProjectGates
from orch.gates.verdict import Context
from orch.governance.decide import Request as Asked
from orch.governance.decide import decide
from orch.governance.observe import observe_approval
from orch.governance.where import Where
from orch.model.attempt import Attempt, Result
from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Finished, Opened, Started
from orch.model.plan import seal
from orch.model.state import RunState
from orch.plan.compile import compile_plan
from orch.ports import Look, Request
from orch.run.attempts import Renderer, Surroundings
from orch.run.loop import Loop
from orch.run.world import World
from orch.store.cas import Cas

SWEEP = Path(__file__).parents[1] / "evaluation" / "sweep"
Happened = tuple[str, Any]


class Observer:
    """A world of one run in which every attempt succeeds at once; `seen` is what the loop asked of it, in order."""

    def __init__(self) -> None:
        self.seen: list[Happened] = []
        self._begun: list[Any] = []
        self._ms = itertools.count(1)

    def now_ms(self) -> int:
        return next(self._ms)

    def steady(self) -> float:
        return next(self._ms) / 1000

    def append(self, events: Sequence[Event]) -> None:
        self.seen += [("written", event) for event in events]

    def sync(self) -> None:
        self.seen.append(("synced", None))

    def begin(self, attempt: Attempt) -> Any:
        self.seen.append(("begun", attempt.address))
        self._begun.append(running := Begun(attempt))
        return running

    def wait(self, timeout_seconds: float | None) -> Sequence[Any]:
        ended, self._begun = self._begun, []
        return ended

    def collect(self, running: Any) -> Result:
        self.seen.append(("collected", running.attempt.address))
        return Result(0, None, None, None, None, 0)

    def stop(self, running: Any, why: str) -> None: ...

    def kill_all(self) -> None: ...

    def drain(self) -> Sequence[Request]:
        return ()

    def record(self, events: Sequence[Event], state: RunState) -> None:
        self.seen += [("shown", event) for event in events]

    def tick(self, state: RunState) -> None: ...

    def stir(self) -> None:
        self.seen.append(("stirred", None))

    def ended(self, step: int) -> None:
        self.seen.append(("looked", step))

    def settle(self) -> None: ...

    def look(self, state: RunState, step: int, at_ms: int) -> Look:
        raise AssertionError("no gate here")

    def output_path(self, stem: str) -> str:
        raise AssertionError("no outputs here")

    def outputs(self, stem: str, declared: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        raise AssertionError("no outputs here")

    def folder(self, stem: str) -> str:
        raise AssertionError("no reports here")

    def artifacts(self, address: str, cwd: str, paths: Mapping[str, str]) -> Any:
        raise AssertionError("no artifacts here")


class Begun:
    """An attempt in progress."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt


def ran(plan: Compiled) -> list[Happened]:
    """What the loop asked for from `opened` to `closed`."""
    one = Observer()
    world = World(one, one, one, one, one, one, one, one, one, lambda: None)
    loop = Loop(plan, RunState.new(plan), world, Renderer(plan, Surroundings("/", "/", {})))
    loop.begin([Opened(0, 1, {"run_id": "r"}, plan.digest, "none", {}, 0, ())])
    loop.run()
    return one.seen


ONCE = {"effect": {"once": "key"}}
CHAIN = compiled(one_phase(a=ONCE, b={"needs": ["a"]}, c={**ONCE, "needs": ["b"]}), {"f": {}})


def place(seen: list[Happened], what: str, kind: type[Event] | None, address: str | None) -> int:
    """Where this happened first."""
    for number, (word, about) in enumerate(seen):
        fits = about == address if kind is None else type(about) is kind and getattr(about, "address", None) == address
        if word == what and fits:
            return number
    raise AssertionError(f"{what} {kind} {address} never happened")


def synced(seen: list[Happened], first: int, last: int) -> bool:
    return ("synced", None) in seen[first:last]


@pytest.mark.parametrize("address", ["build.a", "build.c"])
def test_the_start_of_a_once_step_is_durable_before_it_starts(address: str) -> None:
    seen = ran(CHAIN)
    written, begun = place(seen, "written", Started, address), place(seen, "begun", None, address)
    assert written < begun
    assert synced(seen, written, begun)


def test_the_start_of_a_step_that_may_run_twice_is_written_before_it_starts_and_needs_no_sync() -> None:
    seen = ran(compiled(one_phase(a={}, b={"needs": ["a"]})))
    written, begun = place(seen, "written", Started, "build.a"), place(seen, "begun", None, "build.a")
    assert written < begun
    assert not synced(seen, written, begun)


@pytest.mark.parametrize(
    ("address", "dependant"), [("build.a", "build.b"), ("build.b", "build.c"), ("build.c", "finally.f")]
)
def test_an_end_is_durable_before_it_is_shown_and_before_a_dependant_starts(address: str, dependant: str) -> None:
    seen = ran(CHAIN)
    written = place(seen, "written", Finished, address)
    for later in (place(seen, "shown", Finished, address), place(seen, "begun", None, dependant)):
        assert synced(seen, written, later)


@pytest.mark.parametrize("kind", [Opened, Closed])
def test_that_a_run_is_owned_and_that_it_is_over_are_durable_before_they_are_shown(kind: type[Event]) -> None:
    seen = ran(CHAIN)
    assert synced(seen, place(seen, "written", kind, None), place(seen, "shown", kind, None))


CALLS = """
import sys
sys.path.insert(0, {sweep!r})
import sessions
from trial import Ground
from workload import WHOLE
sessions.warm()
ground = Ground(WHOLE)
try:
    print(*ground.trial(None).calls, sep="\\n")
finally:
    ground.close()
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="the sweep needs a pid namespace, which is Linux's")


@pytest.fixture(scope="module")
def calls() -> list[str]:
    """Every call by which the engine changes something, in order, from `apply` of a fresh project to the end."""
    command = [sys.executable, "-c", CALLS.format(sweep=str(SWEEP))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def last(calls: list[str], call: str) -> int:
    return len(calls) - 1 - calls[::-1].index(call)


def unsynced(calls: list[str], path: str) -> list[str]:
    """What is not on the disk of a file that was renamed to its name: its bytes, its name, the folders made for it."""
    found = []
    made = last(calls, f"rename {path}")
    written = next(i for i in range(made, -1, -1) if calls[i].startswith("write "))
    if f"fsync {calls[written].partition(' ')[2]}" not in calls[written:made]:
        found.append(f"the bytes of {path}")
    while path:
        folder = os.path.dirname(path)
        if f"fsync {folder or '.'}" not in calls[made:]:
            found.append(f"the name of {path}")
        if f"mkdir {folder}" not in calls:
            break
        path, made = folder, last(calls, f"mkdir {folder}")
    return found


@linux
def test_a_run_is_on_the_disk_before_it_is_claimed(calls: list[str]) -> None:
    before = calls[: next(number for number, call in enumerate(calls) if re.fullmatch(r"open .*/lock", call))]
    paths = [
        call.removeprefix("rename ") for call in before if re.match(r"rename .*/(plan\.json|resume-token|cas/)", call)
    ]
    assert os.path.basename(paths[-1]) == "plan.json"
    assert len(paths) >= 4
    assert [said for path in paths for said in unsynced(before, path)] == []


@linux
def test_what_is_written_to_the_journal_is_synced_before_a_manifest_tells_it(calls: list[str]) -> None:
    journal = [call for call in calls if re.search(r"/(journal\.ndjson|nodes/.*|errors/.*|manifest\.json)$", call)]
    open_end = False
    for call in journal:
        word, _, path = call.partition(" ")
        if path.endswith("/journal.ndjson"):
            open_end = word == "write" or (open_end and word != "fdatasync")
        else:
            assert not (open_end and word == "rename"), f"{call} before the journal's sync"
    first = next(number for number, call in enumerate(calls) if re.fullmatch(r"fdatasync .*/journal\.ndjson", call))
    run = os.path.dirname(calls[first].partition(" ")[2])
    assert calls[first + 1] == f"fsync {run}", "the name of the journal"


GATE = {
    "kind": "approval",
    "name": "ok",
    "subject": ["spec.md"],
    "evidence": [],
    "require": {"lead": 1},
    "exclude": [],
    "max_age_seconds": None,
    "trust": "file",
}


@pytest.mark.parametrize(("found", "kept"), [("approved\n", [b"approved\n"]), ("other\n", [])])
def test_bytes_that_changed_since_the_look_are_not_kept_as_what_was_approved(
    tmp_path: Path, found: str, kept: list[bytes]
) -> None:
    people = {"roles": {"lead": ["ann"]}, "people": {"ann": ["ann@project.example"]}}
    where = Where(str(tmp_path), "id", "-", "p", people["people"], people["roles"], people["roles"])
    (tmp_path / "spec.md").write_text("approved\n")
    decide(Asked("approved", "lead", "ann"), GATE, observe_approval(GATE, where)[0], where, 1, None)
    asked = itertools.count(1)

    def places(*_: Any) -> Where:
        """Asked for the second time when the look is over and what was looked at is to be kept."""
        if next(asked) == 2:
            (tmp_path / "spec.md").write_text(found)
        return where

    doc = plan_doc({"build": {"gates": {"ok": {"kind": "approval"}}, "nodes": {"a": {}}}})
    doc["steps"][0]["gate"] = GATE
    plan = compile_plan(seal(doc))
    run = tmp_path / ".runs/r"
    gates = ProjectGates(plan, places, Context(run="r"), kept=Cas(str(run), durable=False), run_path=str(run))
    look = gates.look(RunState.new(plan), 0, 2000)
    assert [path.read_bytes() for path in run.glob("cas/sha256/*/*")] == kept
    assert look.status == ("succeeded" if kept else "waiting")
    assert (run / "subjects").exists() is bool(kept)


def test_the_files_are_looked_at_once_for_all_that_end_at_a_time_and_again_for_who_ends_later() -> None:
    words = ("collected", "stirred", "looked")
    together = [what for what, _ in ran(compiled(one_phase(a={}, b={}))) if what in words]
    assert together == ["collected", "collected", "stirred", "looked", "looked"]
    after = [what for what, _ in ran(compiled(one_phase(a={}, b={"needs": ["a"]}))) if what in words]
    assert after == ["collected", "stirred", "looked"] * 2

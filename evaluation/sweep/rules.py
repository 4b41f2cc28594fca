"""What must hold of a run after every session, however it ended: each broken rule is one sentence."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from inject import KILLED
from sessions import Session
from workload import Workload, effects, root_of

from orch.app.outcome import exit_of
from orch.gates.judge import judge
from orch.model.compiled import Compiled
from orch.model.events import Event, Finished, Merged, Observed, Settled, Started
from orch.model.names import file_stem
from orch.model.state import RunState
from orch.model.status import Status
from orch.plan.compile import compile_plan
from orch.problems.problem import Exit, OrchError
from orch.store import journal
from orch.store.ledger import replay
from orch.store.rundir import RunDir
from orch.store.verify import verify

_ENDED = ("succeeded", "failed", "cancelled")
_LAST = ("manifest.json", "manifest.json.new")
_OWNERS = ("lock", "beat", "owner.json")


class Standing:
    """What the journal of a run says now."""

    def __init__(self, run: RunDir | None, plan: Compiled) -> None:
        self.events: list[Event] = []
        self.torn = 0
        self.corrupt: str | None = None
        if run is not None:
            try:
                found = journal.read(run.journal, plan.digest)
                self.events, self.torn = found.events, found.torn_bytes
            except OrchError as error:
                self.corrupt = error.problems[0].message
        self.state: RunState = replay(plan, self.events)[0]
        self.started = [(event.address, event.attempt) for event in self.events if isinstance(event, Started)]
        self.finished = {(event.address, event.attempt) for event in self.events if isinstance(event, Finished)}
        self.over = {
            address for address, i in self.state.plan.index_of.items() if self.state.status[i] >= Status.SUCCEEDED
        }

        self.succeeded = {address for event in self.events for address in _succeeds(event)}

    @property
    def ended(self) -> bool:
        return self.state.closed in _ENDED


def _succeeds(event: Event) -> Iterator[str]:
    match event:
        case Finished(status="succeeded"):
            yield event.address
        case Merged() if event.commit is not None:
            yield event.address
        case Observed(status="succeeded"):
            yield event.gate
        case Settled(how="done"):
            yield event.address


def broken(
    base: str,
    workload: Workload,
    run: RunDir | None,
    plan: Compiled,
    before: Standing,
    done: int,
    session: Session,
    faulted: bool,
) -> Iterator[str]:
    """The rules that this session broke. `before` is how the run stood when it began, `done` how many starts there had
    been; `faulted` says that a fault hit it."""
    now = Standing(run, plan)
    lines = effects(base)
    if session.hung:
        yield "it hangs"
    if session.left:
        yield f"it leaves {len(session.left)} processes behind"
    if session.code == Exit.BUG:
        yield f"it ends as a bug: {session.said}"
    if now.corrupt:
        yield f"the journal is corrupt: {now.corrupt}"
        return
    if len(now.events) < len(before.events) or now.events[: len(before.events)] != before.events:
        yield "records are lost"
    yield from _starts(workload, now, before, lines, done)
    for address, attempt in sorted(session.shown - now.finished):
        yield f"the end of {address} attempt {attempt} was shown and is not in the journal"
    if run is not None and not session.cut:
        yield from _derived(run, plan, now)
        if now.events:
            yield from _verified(run, now, session)
    if session.code == Exit.IO:
        yield from (f"no path is named as the cause: {said}" for said in session.said if said.startswith("nowhere:"))
        if not session.said:
            yield "no cause is given"
    elif faulted and session.code not in (0, 4, 137):
        yield f"it ends with {session.code}: {session.said}"
    if session.code in (0, 1, 4, 5):
        yield from _truth(base, workload, run, now, session, faulted)
    if not faulted:
        yield from _calm(base, plan, now, before, session)


def _starts(
    workload: Workload, now: Standing, before: Standing, lines: list[tuple[str, int]], done: int
) -> Iterator[str]:
    recorded = set(now.started)
    for (address, attempt), count in Counter(lines).items():
        if count > 1:
            yield f"{address} attempt {attempt} was started {count} times"
        if (address, attempt) not in recorded:
            yield f"{address} attempt {attempt} was started and is not in the journal"
    for address, attempt in lines[done:]:
        if address in before.over:
            yield f"{address} was over and was started again (attempt {attempt})"
    for address in workload.once:
        starts = sum(1 for line in lines if line[0] == address)
        decided = sum(
            1 for event in now.events if isinstance(event, Settled) and event.address == address and event.how != "done"
        )
        if starts > 1 + decided:
            yield f"{address} runs once, and ran {starts} times after {decided} decisions"


def _derived(run: RunDir, plan: Compiled, now: Standing) -> Iterator[str]:
    """Files that others read at any time: whole, and never ahead of the journal. They may be behind it: a gate that
    was open is looked at anew by the next owner."""
    for name in _json_files(run.path):
        with open(os.path.join(run.path, name), "rb") as file:
            data = file.read()
        try:
            document = json.loads(data)
        except ValueError:
            yield f"{name} is not whole ({len(data)} bytes)"
            continue
        if name.startswith("nodes/") and document["status"] == "succeeded" and document["address"] not in now.succeeded:
            yield f"{name} says succeeded, the journal does not"
        if name == "manifest.json" and document["status"] in _ENDED and document["status"] != now.state.closed:
            yield f"manifest.json says {document['status']}, the journal says {now.state.closed}"


def _verified(run: RunDir, now: Standing, session: Session) -> Iterator[str]:
    """`orch verify` finds nothing, whoever died, but that the run's manifest is still to be written: it is the one file
    that follows the last record."""
    problems = verify(run, compiler=compile_plan, judge=judge).problems
    if session.code in (Exit.IO, KILLED) and now.state.closed is not None:
        problems = [problem for problem in problems if problem.message.split()[0] not in _LAST]
    if session.lossy:
        problems = [problem for problem in problems if not problem.message.startswith("logs/")]
    yield from (f"verify: {problem.message}" for problem in problems[:5])


def _json_files(path: str) -> Iterator[str]:
    for folder in ("", "nodes", "errors"):
        try:
            names = os.listdir(os.path.join(path, folder))
        except FileNotFoundError:
            continue
        yield from (os.path.join(folder, name) for name in names if name.endswith(".json"))


def _truth(
    base: str, workload: Workload, run: RunDir | None, now: Standing, session: Session, faulted: bool
) -> Iterator[str]:
    """An exit code that speaks of the run is what the run is. What a fault has left of trees when all was over, the
    next session removes."""
    if run is None or not now.events:
        yield f"it ends with {session.code} and there is no run"
        return
    if now.state.closed is None:
        yield f"it ends with {session.code} and the run is not closed"
        return
    if exit_of(now.state) != session.code:
        yield f"it ends with {session.code}, the journal says {int(exit_of(now.state))}"
    if session.code != 0:
        return
    ran = Counter(address for address, _ in effects(base))
    for address in (*workload.nodes, *workload.others):
        step = now.state.plan.index_of[address]
        wanted = Status.FAILED if address in workload.fails else Status.SUCCEEDED
        if now.state.status[step] is not wanted:
            yield f"exit 0, and {address} is {now.state.status[step].word}"
        if address in workload.nodes and not ran[address]:
            yield f"exit 0, and {address} never ran"
        if not os.path.exists(os.path.join(run.path, "nodes", f"{file_stem(address)}.json")):
            yield f"exit 0, and {address} has no manifest"
    if not os.path.exists(run.manifest):
        yield "exit 0, and the run has no manifest"
    if not faulted:
        yield from (f"exit 0, and {sentence}" for sentence in workload.ended(base, os.path.basename(run.path)))


def _calm(base: str, plan: Compiled, now: Standing, before: Standing, session: Session) -> Iterator[str]:
    """Without a fault everything ends well, and nothing half done stays."""
    if session.code not in (0, 4):
        yield f"without a fault it ends with {session.code}: {session.said}"
    if now.torn:
        yield f"{now.torn} bytes of a torn line are left"
    known = set(before.started)
    announced = {one for one in now.started if one not in known}
    real = set(effects(base))
    yield from (f"{address} attempt {attempt} is recorded and never started" for address, attempt in announced - real)
    root = os.path.join(root_of(base), ".runs")
    for folder, subfolders, names in os.walk(root):
        if "plan.json" not in names and os.path.basename(os.path.dirname(folder)) == "cli":
            subfolders.clear()
            continue  # claimed and never a run
        for name in names:
            if name.endswith((".new", ".tmp")) or (name.startswith(".") and name != ".gitignore"):
                yield f"{os.path.relpath(os.path.join(folder, name), root)} is left over"


def picture(run: RunDir) -> dict[str, Any]:
    """Every file of a run with its bytes, but for what an owner moves."""
    found: dict[str, Any] = {}
    for folder, _, names in os.walk(run.path):
        for name in names:
            path = os.path.join(folder, name)
            if folder != run.path or name not in _OWNERS:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, run.path)] = (os.stat(path).st_ino, file.read())
    return found

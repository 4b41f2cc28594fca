"""Is a run's directory what its journal says? Every record and every file, as they lie; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from orch.gates.facts import DIFFERENCE
from orch.gates.verdict import Context
from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Observed, Opened
from orch.model.plan import Plan
from orch.model.state import RunState
from orch.model.status import Status
from orch.problems.problem import OrchError, Problem
from orch.run.scope import ends_as
from orch.store.atomic import read_file
from orch.store.beat import read_beat
from orch.store.expected import derived, earlier, manifest_name
from orch.store.files import Files
from orch.store.ledger import Ledger, replay
from orch.store.lock import is_held
from orch.store.manifests import noted_head
from orch.store.owner import owner_bytes, owner_of, read_owner
from orch.store.poll import Judge
from orch.store.requests import parse
from orch.store.rundir import RunDir, load_plan
from orch.store.walk import Walked, walk


class Verified(NamedTuple):
    """What was found, and over what: the number of records and files that were looked at, and the head (sha256 in hex)
    of the journal, to be kept elsewhere. `live` says that an owner is at work, and derived files were left out."""

    problems: list[Problem]
    records: int
    files: int
    head: str
    live: bool


def verify(
    run: RunDir, *, head: str | None = None, compiler: Callable[[Plan], Compiled], judge: Judge | None = None
) -> Verified:
    """Check a run. `head` is what `apply` printed; without it a journal that was cut or written anew as a whole, with
    all that follows from it, cannot be told from a true one. Raises OSError where a file exists and cannot be read."""
    live = _is_live(run)
    try:
        plan = load_plan(run)
        walked = walk(run.journal, plan.digest)
    except OrchError as error:
        return Verified(error.problems, 0, 0, "", live)
    except OSError as error:
        said = f"{os.path.basename(str(error.filename))} cannot be read: {error.strerror}"
        return Verified([Problem("O610", said)], 0, 0, "", live)
    problems = list(walked.problems)
    if head is not None and head.removeprefix("sha256:") != walked.head:
        problems.append(Problem("O614", f"the journal ends with {walked.head}, not with {head}"))
    try:
        compiled = compiler(plan)
        state, ledger = replay(compiled, walked.events)
        files = Files(run, state.plan, walked.events)
    except Exception as error:  # compiling and folding trust what orch wrote, and this may be anything
        if not walked.problems:
            problems.append(Problem("O617", f"plan and journal cannot have been written by orch ({error!r})"))
        return Verified(problems, len(walked.events), 0, walked.head, live)
    closed = ledger.closed is not None
    if not walked.problems:
        problems += _story(run, state.plan, walked.events, judge)
        if ledger.closed is not None and not _ends_so(state, ledger.closed):
            problems.append(Problem("O617", f"the run closed as {ledger.closed.status}, which its steps do not say"))
        if not live:
            problems += _derived(run, compiled, state, ledger, walked, files)
    problems += files.check(closed=closed, live=live, derived=not walked.problems)
    problems += _requests(run)
    return Verified(problems, len(walked.events), files.count, walked.head, live)


def _derived(
    run: RunDir, plan: Compiled, state: RunState, ledger: Ledger, walked: Walked, files: Files
) -> list[Problem]:
    """Manifests, error artifacts, owner.json. Of a run that died, those that lie there are compared: a manifest may be
    behind the journal, of a step that runs again or of which the last record is newer; it is never ahead of it. `plan`
    is as it was before the run added to it."""
    problems = []
    closed = ledger.closed is not None
    right: dict[str, bytes | None] = dict(derived(run, state.plan, state, ledger, walked.head))
    if not closed:
        names = {step: manifest_name(state.plan, step) for step in ledger.records}
        behind = {step for step, name in names.items() if not files.agrees(name, right.get(name))}
        for name, once in earlier(plan, walked.events if behind else (), behind):
            if not files.agrees(name, right.get(name)):
                right[name] = once
    for name, data in right.items():
        problems += files.compare(name, data, required=closed, hint=f"orch resume {run.run_id}")
    if closed:
        problems += _owned(run, ledger.openings[-1], files)
    elif not _holds_noted_head(run, walked):
        said = "manifest.json speaks of a record that the journal does not hold: its end was cut off"
        problems.append(Problem("O614", said))
    return problems


def _owned(run: RunDir, opened: Opened, files: Files) -> list[Problem]:
    """owner.json and the heartbeat once the run has closed: of its last owner, or of one that took it up since and died
    before its first record, perhaps with half a beat."""
    found = read_owner(run)
    if found is not None and (found.run_id, found.epoch) == (run.run_id, opened.epoch + 1):
        return files.compare("owner.json", owner_bytes(found), required=True, hint=None)
    owner = owner_of(opened)
    data = None if owner is None else owner_bytes(owner)
    beat = [Problem("O611", "beat was changed")] if files.holds("beat") and read_beat(run) is None else []
    return files.compare("owner.json", data, required=True, hint=None) + beat


def _holds_noted_head(run: RunDir, walked: Walked) -> bool:
    """Does the journal of a run that has not closed hold the record with which its manifest was written?"""
    noted = noted_head(run)
    return noted is None or noted in walked.heads


def _story(run: RunDir, plan: Compiled, events: list[Event], judge: Judge | None) -> list[Problem]:
    """What the records say must fit the run, and the recorded facts of a gate must mean what the record says."""
    problems = []
    epoch = latest = 0
    for event in events:
        latest = max(latest, event.at)
        if isinstance(event, Opened):
            epoch += 1
            if event.epoch != epoch or event.plan != plan.digest:
                problems.append(Problem("O617", f"epoch {event.epoch} does not follow epoch {epoch - 1} of this plan"))
                epoch = event.epoch
            if event.owner.get("run_id", run.run_id) != run.run_id:
                problems.append(Problem("O617", f"this is the journal of run {event.owner['run_id']}"))
        elif isinstance(event, Observed) and judge is not None and not _stands(run, plan, event, latest, judge):
            said = f"gate {event.gate} was recorded as {event.status} ({event.reason}), which its facts do not say"
            problems.append(Problem("O615", said, hint=f"orch gate show {event.gate} --run {run.run_id}"))
    return problems


def _stands(run: RunDir, plan: Compiled, event: Observed, latest: int, judge: Judge) -> bool:
    try:
        gate = plan.action(plan.index_of[event.gate]).step["gate"]
        verdict = judge(gate, event.facts, latest / 1000, Context(run=run.run_id))
    except Exception:  # facts that no look can have given
        return False
    if (event.status, event.reason) == ("waiting", "stale") and verdict.status == "succeeded":
        return True  # it was not opened, because its subject changed while it was read
    if (event.status, event.reason) == ("waiting", "stale") and DIFFERENCE in gate.get("subject", ()):
        return True  # whatever was decided: the branch did not hold yet what was done in the run's tree
    return (verdict.status, verdict.reason) == (event.status, event.reason)


def _ends_so(state: RunState, closed: Closed) -> bool:
    if closed.status == "waiting":
        return True  # an owner that only settled a step closes so, too
    over = all(state.status[step] >= Status.SUCCEEDED for step in state.plan.steps)
    return over and closed.status == ends_as(state.plan, state)[0]


def _is_live(run: RunDir) -> bool:
    try:
        return is_held(run)
    except OSError:
        return False  # not a file that an owner made: the list of files says so


def _requests(run: RunDir) -> list[Problem]:
    try:
        lines = read_file(f"{run.path}/requests.ndjson").split(b"\n")
    except OSError:
        return []
    return [
        Problem("O616", f"requests.ndjson:{number}: this line is not a request")
        for number, line in enumerate(lines, 1)
        if line and (parse(line) is None or number == len(lines))
    ]

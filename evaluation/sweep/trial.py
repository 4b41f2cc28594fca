"""One trial: a run with a fault in it, taken up again until it has ended, and looked at after every session."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

import rules
import sessions
import workload as works
from inject import Fault
from power import Disk
from rules import Standing
from sessions import Session
from workload import Workload

from orch.app import gates
from orch.app.context import Context
from orch.app.planning import Planned, PlanRequest, make_plan
from orch.problems.problem import OrchError
from orch.store.rundir import RunDir, find

_MOST_ROUNDS = 6
_PASSED = ("PATH", "LANG", "TZ")


@dataclass(slots=True)
class Outcome:
    """Where the fault hit, if it did, all calls that could have been hit, and the rules that were broken."""

    fault: Fault | None
    hit: str | None = None
    calls: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kind, at, _ = self.fault or ("none", 0, "")
        return f"{kind} at {at} ({self.hit}): " + "; ".join(self.broken)


class Ground:
    """Where trials take place: a folder in memory where there is one, and the project and plan that all of them run."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self.path = tempfile.mkdtemp(prefix="sweep-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self._count = 0
        self._disk: Disk | None = None
        self.planned = self._plan()

    def trial(self, fault: Fault | None, again: Fault | None = None, *, power: bool = False) -> Outcome:
        """One trial; `again` hits the first session after the one that was hit. With `power` the project lies on a
        disk of its own, whose power fails where the fault hits."""
        self._count += 1
        base = os.path.join(self.path, str(self._count))
        os.makedirs(works.disk_of(base))
        disk = self._new_disk(works.disk_of(base)) if power else None
        try:
            root = works.root_of(base)
            shutil.copytree(self.planned.root, root, symlinks=True, dirs_exist_ok=True)
            context, planned = self._context(base), self.planned._replace(root=root)
            return _Trial(base, self._workload, planned, context, fault, again, disk).run()
        finally:
            if disk is not None:
                disk.remove()
            shutil.rmtree(base)

    def close(self) -> None:
        shutil.rmtree(self.path)

    def _new_disk(self, place: str) -> Disk:
        if self._disk is None:
            self._disk = Disk(self.path)
        self._disk.insert(place)
        return self._disk

    def _plan(self) -> Planned:
        base = os.path.join(self.path, "0")
        works.lay_out(self._workload, base)
        return make_plan(self._context(base), PlanRequest())

    def _context(self, base: str) -> Context:
        env = {name: os.environ[name] for name in _PASSED if name in os.environ}
        env |= {"HOME": base, "XDG_CACHE_HOME": os.path.join(self.path, "cache")}
        env["XDG_STATE_HOME"] = works.state_of(base)
        return Context(cwd=works.root_of(base), env=env, cores=4)


class _Trial:
    def __init__(
        self,
        base: str,
        workload: Workload,
        planned: Planned,
        context: Context,
        fault: Fault | None,
        again: Fault | None,
        disk: Disk | None,
    ) -> None:
        self._base, self._planned, self._context, self._disk = base, planned, context, disk
        self._workload = workload
        self._plan = planned.compiled
        self._fault, self._again = fault, again
        self._approved = False
        self.outcome = Outcome(fault)

    def run(self) -> Outcome:
        if self._disk is not None:
            self._disk.flush()
        session = self._apply()
        if self.outcome.hit is None and session.code == 4:
            self._approve()
            self._resume(self._fault)
        if self.outcome.hit is not None or self._fault is None:
            self._recover()
        return self.outcome

    def _recover(self) -> None:
        """As people would: resume twice, answer what is asked, and once more when it has ended."""
        for number in range(_MOST_ROUNDS):
            if self._run() is None:
                self._apply()
                continue
            before = self._standing()
            picture = rules.picture(self._run_dir()) if before.ended else None
            again, self._again = self._again, None
            session = self._resume(again if number == 0 else None)
            if self.outcome.broken:
                return
            if picture is not None and session.hit is None:
                now = rules.picture(self._run_dir())
                changed = sorted(name for name in {*picture, *now} if picture.get(name) != now.get(name))
                if not changed:
                    if session.code != 0:
                        self._note(f"the run ended with {session.code}")
                    return
                if number > 1:
                    self._note(f"a second resume changed {', '.join(changed)}")
                    return
            elif session.code == 4 and number > 0:
                self._answer()
        self._note("it never ends")

    def _answer(self) -> None:
        state = self._standing().state
        if state.doubt:
            lines = works.effects(self._base)
            for step in list(state.doubt):
                address = state.plan.addresses[step]
                how = "done" if any(line[0] == address for line in lines) else "not-done"
                self._settle(address, how)
        elif not self._approved:
            self._approve()

    def _approve(self) -> None:
        self._approved = True
        gates.decide(
            self._context, "approved", "approved", "owner", "owner", "", gates.Target(run="@last"), lambda _: None
        )
        if self._disk is not None:
            self._disk.flush()

    def _settle(self, address: str, how: str) -> Session:
        return self._session(lambda _: sessions.settle(self._context, address, how), None)

    def _apply(self) -> Session:
        return self._session(lambda fault: sessions.apply(self._context, self._planned, fault), self._fault)

    def _resume(self, fault: Fault | None) -> Session:
        return self._session(lambda one: sessions.resume(self._context, one), fault)

    def _session(self, verb: Callable[[Fault | None], Session], fault: Fault | None) -> Session:
        armed = fault
        if fault is not None and fault is self._fault:
            armed = None if self.outcome.hit else fault._replace(at=fault.at - len(self.outcome.calls))
        before = self._standing()
        done = len(works.effects(self._base))
        session = verb(armed)
        if fault is self._fault and not self.outcome.hit:
            self.outcome.calls += session.calls
            self.outcome.hit = session.hit
        faulted = session.hit is not None
        if faulted and self._disk is not None:
            self._disk.fail()
            session.cut = True
            recorded = set(self._standing().started)
            works.forget(self._workload, self._base, lambda start: start not in recorded)
        session.lossy = self._disk is not None
        for sentence in rules.broken(
            self._base, self._workload, self._run(), self._plan, before, done, session, faulted
        ):
            self._note(sentence)
        return session

    def _note(self, sentence: str) -> None:
        self.outcome.broken.append(sentence)

    def _standing(self) -> Standing:
        return Standing(self._run(), self._plan)

    def _run(self) -> RunDir | None:
        try:
            return find(os.path.join(self._context.cwd, ".runs"), "@last")
        except OrchError:
            return None

    def _run_dir(self) -> RunDir:
        run = self._run()
        assert run is not None
        return run

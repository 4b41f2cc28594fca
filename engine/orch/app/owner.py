"""Own a run: lock it, read its journal, work until it closes. Apply, resume, retry and cancel are all this."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from orch import __version__
from orch.app.absent import NoGates, NoMemory, NoReports
from orch.app.context import Context
from orch.app.outcome import exit_of, exit_of_signal
from orch.app.recorder import RunRecorder
from orch.app.reporting import Reporter, RunInfo
from orch.app.root import RUNS
from orch.app.runplan import plan_of
from orch.app.signals import Interruption
from orch.app.surroundings import surroundings
from orch.local.contain import Containment
from orch.local.executor import LocalExecutor
from orch.local.identity import boot_id, start_time
from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Merged, Opened
from orch.model.state import RunState
from orch.ports import GateWatch, Reports
from orch.problems.problem import Exit, OrchError
from orch.run.attempts import Renderer
from orch.run.close import closing
from orch.run.loop import Loop
from orch.run.requests import answer
from orch.run.world import World
from orch.store.beat import Beat, read_beat
from orch.store.cas import Cas
from orch.store.glance import glance
from orch.store.harvest import DirHarvest
from orch.store.journal import FileJournal
from orch.store.lock import Lock
from orch.store.manifests import NodeManifests, noted_head
from orch.store.owner import Owner, last_beat_ms, put_back, write_owner
from orch.store.projector import Projector
from orch.store.requests import Inbox
from orch.store.rundir import RunDir

if TYPE_CHECKING:  # loaded only where they are needed
    from orch.app.memory import ProjectMemory
    from orch.app.secrets import Vault
    from orch.local.trees import GitTrees
    from orch.run.spaces import Spaces

ENDED = ("succeeded", "failed", "cancelled")
GARBAGE_AFTER = 20_000
"""Objects: as many as a turn of a thousand steps makes. Looked at sooner, most would still be in use."""


class Work(NamedTuple):
    """What an owner is to do. `choose` names the steps that are decided again (retry), and may refuse; `decided` is the
    record of who said so, where that must be kept. With `settle_only` the owner answers what was asked and closes at
    once. `compiled` saves compiling a known plan, `vault` reading its secrets. One that only ends the run is `lenient`:
    what lacks a secret fails."""

    choose: Callable[[Compiled, RunState], tuple[str, ...]] | None = None
    decided: Callable[[int, Compiled], Event] | None = None
    settle_only: bool = False
    compiled: Compiled | None = None
    vault: Vault | None = None
    lenient: bool = False


def vault_of(plan: Compiled, context: Context, root: str) -> Vault | None:
    """The secrets of a plan; None where it has none, and what reads them is not even imported."""
    if "secrets" not in plan.head:
        return None
    from orch.app.secrets import open_vault

    return open_vault(plan, context.env, root)


def _merged_unsaid(plan: Compiled, state: RunState, trees: GitTrees, at: int) -> list[Merged]:
    """What an owner died over after it was on the branch, and before it said so: nobody is to end it as unmerged."""
    found = ((step, trees.merged(patch)) for step, patch in state.unmerged.items())
    return [Merged(at, plan.addresses[step], commit) for step, commit in found if commit is not None]


def _release(held: list[Lock]) -> None:
    for lock in reversed(held):
        lock.release()


class Ownership:
    """One process's hold on a run."""

    def __init__(
        self,
        context: Context,
        root: str,
        run: RunDir,
        containment: Containment,
        reporter: Reporter,
        interrupted: Interruption,
    ) -> None:
        self._context, self._root, self._run = context, root, run
        self._containment, self._reporter, self._interrupted = containment, reporter, interrupted

    def work(self, work: Work) -> Exit:
        """Own the run until it closes, or until a signal ends this owner. Raises OrchError (6: somebody else owns it,
        7: the journal is corrupt), OSError where the disk fails."""
        held = [Lock.acquire(self._run)]
        try:
            compiled = work.compiled or plan_of(self._run)
            vault = work.vault or self._vault(compiled, work)
            durability = compiled.head["durability"]
            journal, events, torn = FileJournal.open(
                self._run.journal, compiled.digest, durability=durability, noted=noted_head(self._run)
            )
            projector = Projector(self._run, compiled, lambda: journal.head)
            state = projector.rebuild(events)[0] if events else projector.begin()
            compiled = state.plan
            if state.closed in ENDED and work.choose is None:
                put_back(self._run, next(event for event in reversed(events) if isinstance(event, Opened)))
                if read_beat(self._run) is None:  # a power cut took it
                    self._beating(self._context.clock.now_ms, lambda: 0, lambda: None)
                self._reporter.opened(self._info(compiled, journal.head), compiled, state)
                self._tidy(self._trees(compiled, events, vault), state)
                return self._end(compiled, state, journal, exit_of(state))
            reset = work.choose(compiled, state) if work.choose else ()
            beat_ms = last_beat_ms(self._run, state.epoch) if state.epoch and state.closed is None else 0
            self._reporter.opened(self._info(compiled, journal.head), compiled, state)
            if "concurrency" in compiled.head:
                place = self._place(work, compiled, state)
                if isinstance(place, int):
                    return self._end(compiled, state, journal, exit_of_signal(place))
                held += [place] if place is not None else []
            opened = self._opened(compiled, state, torn, reset, beat_ms)
            events = [*events, opened]
            trees = self._trees(compiled, events, vault)
            spaces = None if trees is None else self._spaces(compiled, events, trees, vault)
            loop = self._loop(compiled, state, events, journal, projector, spaces, vault)
            gc.freeze()
            gc.set_threshold(GARBAGE_AFTER)
            gc.enable()  # from here on as long as the run takes
            carry_out = partial(self._carry_out, work, compiled, state, loop, opened, trees, spaces)
            number = self._beating(loop.now_ms, lambda: loop.turns, carry_out)
            code = exit_of(state) if number is None else exit_of_signal(number)
            self._tidy(trees, state)
            self._end(compiled, state, journal, code)
            if number is None and "notify" in compiled.head:
                _release(held)  # who is told of the run may go on with it
                self._notify(compiled)
            return code
        finally:
            _release(held)

    def _beating(
        self, now_ms: Callable[[], int], turns: Callable[[], int], work: Callable[[], int | None]
    ) -> int | None:
        beat = Beat(self._run, now_ms=now_ms, steady=self._context.clock.steady, turn=turns)
        beat.start()
        try:
            return work()
        finally:
            beat.stop()

    def _carry_out(
        self,
        work: Work,
        plan: Compiled,
        state: RunState,
        loop: Loop,
        opened: Opened,
        trees: GitTrees | None,
        spaces: Spaces | None,
    ) -> int | None:
        def begin() -> None:
            first: list[Event] = [opened] if work.decided is None else [opened, work.decided(opened.at, plan)]
            if trees is not None and opened.epoch > 1:
                first += _merged_unsaid(plan, state, trees, opened.at)
            loop.begin(first)

        if trees is None or spaces is None:
            begin()
        elif opened.epoch == 1:  # the journal knows where trees are before they are made
            begin()
            self._open_trees(work, state, opened, trees, spaces)
        else:  # where they are refused, nothing is written
            self._open_trees(work, state, opened, trees, spaces)
            begin()
        if opened.reset:
            loop.refuse_pending()
        if not work.settle_only:
            return loop.run()
        answers: list[Event] = []
        for request in Inbox(self._run).drain():
            answers += answer(plan, state, request, loop.now_ms())
        loop.begin(answers)
        loop.look_at_gates()
        outputs, summary = closing(plan, state)
        loop.begin([Closed(loop.now_ms(), "waiting", "in-doubt" if state.doubt else "settled", outputs, summary)])
        return None

    def _vault(self, plan: Compiled, work: Work) -> Vault | None:
        """The secrets of the run, if it goes on. Raises OrchError before anything is written."""
        if "secrets" not in plan.head or (work.choose is None and glance(self._run.journal).status in ENDED):
            return None
        vault = vault_of(plan, self._context, self._root)
        if vault is not None and not work.lenient and not work.settle_only:
            vault.refuse_missing()
        return vault

    def _loop(
        self,
        plan: Compiled,
        state: RunState,
        events: list[Event],
        journal: FileJournal,
        projector: Projector,
        spaces: Spaces | None,
        vault: Vault | None,
    ) -> Loop:
        run, head = self._run, plan.head
        gated = any(plan.phase_gates)
        cas = Cas(run.path, durable=head["durability"] == "full")
        harvest = DirHarvest(run.path, cas, self._context.env)
        executor = LocalExecutor(run.path)
        executor.watch(self._interrupted.fd)
        around = surroundings(
            self._context.env,
            head["env_pass"],
            root=self._root,
            run_dir=run.path,
            run_id=run.run_id,
            task=run.task,
            subjects=gated,
            secrets=vault,
        )
        memory = self._memory(plan, cas, self._root if spaces is None else spaces.home)
        world = World(
            clock=self._context.clock,
            journal=journal,
            executor=executor,
            gates=self._gates(plan, state, events, cas, projector) if gated else NoGates(),
            harvest=harvest,
            reports=self._reports(head["resources"]),
            inbox=Inbox(run),
            recorder=RunRecorder(projector, self._reporter, memory),
            memory=memory or NoMemory(),
            interrupted=self._interrupted,
        )
        if spaces is None:
            return Loop(plan, state, world, Renderer(plan, around))
        return Loop(plan, state, world._replace(spaces=spaces), Renderer(plan, around, spaces.root))

    def _trees(self, plan: Compiled, events: Sequence[Event], vault: Vault | None) -> GitTrees | None:
        if "workspace" not in plan.head:
            return None
        from orch.app.workspace import patches, trees_of

        home = next(event.owner["trees"] for event in events if isinstance(event, Opened))
        cas = Cas(self._run.path, durable=plan.head["durability"] == "full")
        mask = None if vault is None else vault.mask
        return trees_of(self._context, self._root, self._run.run_id, plan, home, patches(self._run.path, cas), mask)

    def _spaces(self, plan: Compiled, events: Sequence[Event], trees: GitTrees, vault: Vault | None) -> Spaces:
        from orch.run.spaces import Spaces

        spaces = Spaces(plan, trees, str if vault is None else vault.mask.text)
        spaces.remember(events)
        return spaces

    def _open_trees(self, work: Work, state: RunState, opened: Opened, trees: GitTrees, spaces: Spaces) -> None:
        """Raises OrchError where the run cannot go on there, unless it is only to be ended: then nothing of it starts
        there."""
        from orch.app.workspace import open_trees
        from orch.run.spaces import passed

        try:
            open_trees(
                trees,
                self._run.run_id,
                begun=any(state.attempt),
                settled=opened.epoch > 1 and spaces.is_settled,
                again=work.choose is not None,
                passed=passed(state, opened.reset),
            )
        except OrchError as error:
            if not work.lenient:
                raise
            spaces.shut(error.problems[0].message)

    def _tidy(self, trees: GitTrees | None, state: RunState) -> None:
        if trees is not None and state.closed == "succeeded":
            from orch.app.workspace import tidy

            tidy(trees, state)

    def _gates(self, plan: Compiled, state: RunState, events: list[Event], cas: Cas, projector: Projector) -> GateWatch:
        from orch.app.gatewatch import ProjectGates
        from orch.app.people import places, started_by
        from orch.gates.verdict import Context as CommandContext

        manifests = NodeManifests(plan)
        gates = ProjectGates(
            plan,
            places(self._context, self._root, plan.head, started_by(events)),
            CommandContext(run=self._run.run_id),
            kept=cas,
            run_path=self._run.path,
            manifest=lambda step: manifests.build(step, state, projector.ledger.records[step]),
        )
        gates.remember(events)
        return gates

    def _memory(self, plan: Compiled, cas: Cas, tree: str) -> ProjectMemory | None:
        if not any(action.globs is not None for action in plan.action_table):
            return None
        from orch.app.memory import ProjectMemory

        runs_root = f"{self._root}/{RUNS}"
        return ProjectMemory(plan, tree, runs_root, self._context.env, (self._run, cas))

    def _reports(self, resources: Sequence[Mapping[str, Any]]) -> Reports:
        if not any(resource["kind"] == "adapter" for resource in resources):
            return NoReports()
        from orch.store.copies import adapter_copies, put_back
        from orch.store.reading import DirReports

        put_back(self._run.path, adapter_copies(resources))
        return DirReports(self._run.path, self._context.env)

    def _place(self, work: Work, plan: Compiled, state: RunState) -> Lock | int | None:
        """A place in the run's group, or the signal that ended the wait. None where none is needed: an owner that only
        settles starts no command, nor does one that is to end a run without `finally`."""
        if work.settle_only:
            return None
        from orch.app.queueing import Waiter, await_place

        endable = work.choose is None and not any(map(plan.is_final, plan.steps))
        waiter = Waiter(self._run, self._owner(state), state.requests if endable else None)
        runs, now_ms = os.path.join(self._root, RUNS), self._context.clock.now_ms
        return await_place(waiter, plan.head["concurrency"], runs, self._interrupted, self._reporter.queued, now_ms)

    def _notify(self, plan: Compiled) -> None:
        from orch.app.notifying import notify

        trouble = notify(self._context, self._root, self._run, plan, lambda: self._interrupted() is not None)
        if trouble is not None:
            self._reporter.noted(trouble)

    def _owner(self, state: RunState) -> Owner:
        return Owner(
            run_id=self._run.run_id,
            epoch=state.epoch + 1,
            pid=self._containment.outer_pid,
            start_time=start_time(os.getpid()) or 0,
            boot_id=boot_id(),
            host=os.uname().nodename,
        )

    def _opened(self, plan: Compiled, state: RunState, torn: int, reset: tuple[str, ...], beat_ms: int) -> Opened:
        owner = self._owner(state)
        write_owner(self._run, owner)
        now = max(self._context.clock.now_ms(), state.latest_ms, beat_ms)
        versions = {"orch": __version__, "python": sys.version.split()[0]}
        kind = self._containment.kind
        record = owner.record()
        if any(plan.phase_gates):
            from orch.app.people import starter

            by = starter(self._context, self._root, plan)
            record |= {"started_by": by} if by else {}
        if owner.epoch == 1 and "workspace" in plan.head:
            from orch.app.workspace import home_of

            record["trees"] = home_of(self._context, self._run.run_id)
        return Opened(now, owner.epoch, record, plan.digest, kind, versions, torn, reset, beat_ms)

    def _info(self, plan: Compiled, head: str) -> RunInfo:
        run = self._run
        name = plan.head["pipeline"]["name"]
        return RunInfo(run.run_id, run.task, run.artifact_root, name, self._containment.kind, head)

    def _end(self, plan: Compiled, state: RunState, journal: FileJournal, code: Exit) -> Exit:
        self._reporter.ended(self._info(plan, journal.head), state, code)
        return code

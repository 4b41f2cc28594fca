"""The loop: decide, write, act, wait. It has no rules of its own; it keeps the order in which things become true."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

from orch.model.attempt import Attempt, Result, StartError
from orch.model.compiled import Compiled
from orch.model.decisions import (
    Close,
    Conclude,
    Decision,
    Dismiss,
    Expand,
    Merge,
    Observe,
    Probe,
    Recall,
    Schedule,
    Skip,
    Start,
    Stop,
)
from orch.model.events import Closed, Event, Expanded, Finished, Observed, Requested, Skipped, Started
from orch.model.fold import apply
from orch.model.state import RunState
from orch.ports import Look, Running, TreeTrouble
from orch.run.attempts import Prepared, Renderer
from orch.run.close import closing
from orch.run.decide import BATCH, decide
from orch.run.endings import Ended, Endings
from orch.run.requests import answer
from orch.run.results import NOTHING_LEFT, concluded, finished, not_started, probed, recalled, unprobed
from orch.run.world import World
from orch.spec.expressions.evaluate import EvaluationError

REQUESTS_EVERY = 0.2
LOOK_EVERY = 5.0


class Loop:
    """One owner's work on a run. `turns` counts for the heartbeat."""

    def __init__(self, plan: Compiled, state: RunState, world: World, renderer: Renderer) -> None:
        self.turns = 0
        self._plan, self._state, self._world, self._renderer = plan, state, world, renderer
        self._unwritten: list[Event] = []
        self._to_begin: list[tuple[int, Prepared]] = []
        self._live: dict[int, Running] = {}  # by step: the attempts that can be stopped
        self._probing: dict[int, Running] = {}
        # by the identity of what runs, which is held: what to do at its end
        self._at_end: dict[int, tuple[Running, Callable[[Result], None]]] = {}
        self._stopping: set[int] = set()
        self._endings = Endings(world.harvest, world.reports, self._begin, self._conclude)
        self._dismissed: set[int] = set()
        self._wake_at: int | None = None
        self._steady_base = world.clock.steady()
        self._wall_base = max(world.clock.now_ms(), state.latest_ms)
        self._next_requests = self._next_look = self._steady_base

    def now_ms(self) -> int:
        """Wall time that never goes back, neither within this owner's life nor behind the journal."""
        return self._wall_base + int((self._world.clock.steady() - self._steady_base) * 1000)

    def begin(self, events: list[Event]) -> None:
        """Write the first records of this owner: `opened`, and what was asked while nobody owned the run."""
        for event in events:
            self._happened(event)
        self._commit()

    def look_at_gates(self) -> None:
        """Look at the gates that are to be looked at, and at nothing else: for an owner that only settles."""
        for step in list(self._state.to_look):
            if self._plan.action(step).step["gate"]["kind"] != "check":
                self._carry_out(Observe(step))
        self._commit()

    def run(self) -> int | None:
        """Work until the run closes (None), or until a signal ends this owner (its number). Whatever is raised, no
        process of a step outlives it."""
        try:
            return self._run()
        except BaseException:
            self._world.executor.kill_all()
            raise

    def _run(self) -> int | None:
        while self._state.closed is None:
            self.turns += 1
            signal = self._world.interrupted()
            if signal is not None:
                self._commit()
                self._world.executor.kill_all()
                return signal
            self._requests()
            whole = self._decide()
            self._commit()
            if whole and self._state.closed is None and not self._unwritten:
                self._wait()
        return None

    def _happened(self, event: Event) -> None:
        if self._world.spaces is not None:
            event = self._world.spaces.over(event, self._state.running)
        apply(self._plan, self._state, event)
        self._unwritten.append(event)

    def _commit(self) -> None:
        """Write what happened, then act on it, then tell: the order that the promises rest on."""
        events = self._unwritten
        if events:
            self._unwritten = []
            self._world.journal.append(events)
            if self._needs_sync(events):
                self._world.journal.sync()
        to_begin, self._to_begin = self._to_begin, []
        for step, prepared in to_begin:
            try:
                first, following = prepared.attempt, partial(self._ended, step, prepared)
                if prepared.setup is not None:
                    first, following = prepared.setup, partial(self._set_up, step, prepared)
                self._live[step] = self._begin(first, following)
            except StartError as error:
                self._not_begun(step)
                self._happened(not_started(self._plan, self._state, step, error.message, error.hint, at=self.now_ms()))
        if events:
            self._world.recorder.record(events, self._state)

    def _begin(self, attempt: Attempt, at_end: Callable[[Result], None]) -> Running:
        running = self._world.executor.begin(attempt)
        self._at_end[id(running)] = running, at_end
        return running

    def _needs_sync(self, events: list[Event]) -> bool:
        return any(type(event) is not Started or event.idempotency_key is not None for event in events)

    def _decide(self) -> bool:
        """Decide until nothing more can be decided (true), or until much was: then it is written first."""
        self._wake_at = None
        progress = True
        while progress and self._state.closed is None:
            progress = False
            for decision in decide(self._plan, self._state, self.now_ms(), self._probing):
                progress = self._carry_out(decision) or progress
            if len(self._unwritten) >= BATCH:
                return False
        return True

    def _carry_out(self, decision: Decision) -> bool:
        """Turn a decision into events and things to do; false where it is under way already."""
        address = self._plan.addresses
        match decision:
            case Start(step, attempt):
                self._world.memory.settle()
                self._start(step, attempt)
            case Recall(step, attempt):
                self._recall(step, attempt)
            case Skip(step, reason, sentence):
                self._happened(Skipped(self.now_ms(), address[step], reason, sentence))
            case Expand(step, keys, rows):
                self._expand(step, keys, rows)
            case Conclude(step, status):
                left = NOTHING_LEFT
                if self._world.spaces is not None and status == "succeeded" and self._plan.tree_of(step) == step:
                    left = self._world.spaces.end_body(step, self.now_ms())
                self._happened(concluded(self._plan, decision, at=self.now_ms(), left=left))
            case Observe(step):
                if self._unwritten:
                    self._commit()
                at = self.now_ms()
                self._happened(Observed(at, address[step], *self._look(step, at)))
            case Merge(step):
                assert self._world.spaces is not None
                if self._unwritten:  # what is merged has ended: nobody may begin it again on top of itself
                    self._commit()
                self._happened(self._world.spaces.merge(step, self._state.unmerged[step], self.now_ms()))
                self._world.memory.stir()
            case Probe(step):
                return self._probe(step)
            case Dismiss(step):
                if step not in self._dismissed:
                    self._dismissed.add(step)
                    self._world.executor.stop(self._probing[step], "cancel")
                return False
            case Stop(step, _):
                if step in self._stopping or step not in self._live:
                    return False
                self._stopping.add(step)
                self._world.executor.stop(self._live[step], "cancel")
                return False
            case Schedule(at):
                self._wake_at = at
                return False
            case Close(status, reason):
                self._close(status, reason)
            case _:
                assert_never(decision)
        return True

    def _expand(self, step: int, keys: tuple[str, ...], rows: tuple[dict[str, Any], ...]) -> None:
        try:
            if self._world.spaces is not None and self._plan.tree_of(step) == step:
                self._world.spaces.open(step, fresh=step not in self._state.begun or step in self._state.anew)
        except TreeTrouble as error:
            self._failed(step, "start-failed", error)
            return
        self._happened(Expanded(self.now_ms(), self._plan.addresses[step], keys, rows))

    def _recall(self, step: int, attempt: int) -> None:
        found = self._world.memory.recall(self._state, step)
        if found.cache["hit"]:
            self._happened(recalled(self._plan, step, found, at=self.now_ms()))
        else:
            self._start(step, attempt, found.cache)

    def _start(self, step: int, attempt: int, cache: dict[str, Any] | None = None) -> None:
        declared = self._plan.action(step).step.get("outputs")
        try:
            if self._world.spaces is not None:
                self._world.spaces.begin(step)
            output = self._world.harvest.output_path(f"{step}.{attempt}") if declared else None
            folder = partial(self._world.reports.folder, f"{step}.{attempt}")
            prepared = self._renderer.prepare(self._state, step, attempt, output, folder)
        except EvaluationError as error:
            self._failed(step, "expression-error", error)
            return
        except TreeTrouble as error:
            self._failed(step, "start-failed", error)
            return
        started = Started(
            self.now_ms(),
            self._plan.addresses[step],
            attempt,
            prepared.idempotency_key,
            prepared.command,
            prepared.cwd,
            prepared.adapter,
            cache,
        )
        self._happened(started)
        self._to_begin.append((step, prepared))

    def _failed(self, step: int, reason: str, error: Exception) -> None:
        self._not_begun(step)
        failed = Conclude(step, "failed", reason, str(error))
        self._happened(concluded(self._plan, failed, at=self.now_ms()))

    def _not_begun(self, step: int) -> None:
        if self._world.spaces is not None:
            self._world.spaces.not_begun(step)

    def _probe(self, step: int) -> bool:
        try:
            self._probing[step] = self._begin(self._renderer.probe(self._state, step), partial(self._probed, step))
        except (EvaluationError, StartError) as error:
            self._happened(unprobed(self._plan, step, str(error), at=self.now_ms()))
            return True
        return False

    def _wait(self) -> None:
        timeout = REQUESTS_EVERY
        if self._wake_at is not None:
            timeout = min(timeout, max(0.0, (self._wake_at - self.now_ms()) / 1000))
        ended = [(running, self._world.executor.collect(running)) for running in self._world.executor.wait(timeout)]
        self._world.memory.stir()  # once for all that have ended; and people write files while nothing ends
        for running, result in ended:
            self._at_end.pop(id(running))[1](result)
        self._world.recorder.tick(self._state)

    def _set_up(self, step: int, prepared: Prepared, result: Result) -> None:
        """The tree of an attempt is set up: its command follows. Or it is not, and that is how the attempt ends."""
        if result.exit_code != 0 or result.stopped is not None:
            del self._live[step]
            self._stopping.discard(step)
            self._happened(self._not_set_up(step, result))
            return
        try:
            self._live[step] = self._begin(prepared.attempt, partial(self._ended, step, prepared))
        except StartError as error:
            del self._live[step]
            self._happened(not_started(self._plan, self._state, step, error.message, error.hint, at=self.now_ms()))

    def _not_set_up(self, step: int, result: Result) -> Finished:
        ended = finished(self._plan, self._state, step, result, at=self.now_ms())
        summary = (ended.error or {}).get("summary", "")
        return ended._replace(error={**(ended.error or {}), "summary": f"the set-up of its tree: {summary}"})

    def _ended(self, step: int, prepared: Prepared, result: Result) -> None:
        del self._live[step]
        self._stopping.discard(step)
        self._endings.ended(step, prepared, result)

    def _conclude(self, ended: Ended) -> None:
        if ended.result.exit_code == 0:
            self._world.memory.ended(ended.step)
        spaces = self._world.spaces
        left = NOTHING_LEFT
        if spaces is not None:
            left = spaces.end(ended.step, self._state.running, self.now_ms(), kept=ended.succeeded)
        self._happened(
            finished(
                self._plan,
                self._state,
                ended.step,
                ended.result,
                at=self.now_ms(),
                outputs=ended.outputs,
                artifacts=ended.artifacts,
                missing=ended.missing,
                adapter=ended.prepared.action.step.get("adapter"),
                reading=ended.reading,
                left=left,
            )
        )

    def _probed(self, step: int, result: Result) -> None:
        del self._probing[step]
        if step in self._dismissed:
            self._dismissed.discard(step)
            return
        self._happened(probed(self._plan, step, result, at=self.now_ms()))

    def _requests(self) -> None:
        steady = self._world.clock.steady()
        if steady >= self._next_requests:
            self._next_requests = steady + REQUESTS_EVERY
            self._answer()
        if steady >= self._next_look and self._state.running:
            self._next_look = steady + LOOK_EVERY
            self._look_again()

    def _answer(self) -> bool:
        """Answer what was asked; true where something was."""
        answers = [
            event
            for request in self._world.inbox.drain()
            for event in answer(self._plan, self._state, request, self.now_ms())
        ]
        if answers:
            self._world.memory.stir()
        for event in answers:
            self._happened(event)
        return bool(answers)

    def refuse_pending(self) -> None:
        """What was asked of an owner that had already ended the run is not meant for a retry of it."""
        for request in self._world.inbox.drain():
            if request.id not in self._state.requests:
                why = "asked when the run was over"
                self._happened(Requested(self.now_ms(), request.id, request.verb, request.actor, "refused", why))
        self._commit()

    def _look(self, step: int, at: int) -> Look:
        gates, spaces = self._world.gates, self._world.spaces
        look = gates.look(self._state, step, at) if spaces is None else spaces.look(gates, self._state, step, at)
        if look.status == "succeeded":
            self._world.memory.stir()  # whoever opened it may have changed files before
        return look

    def _look_again(self) -> None:
        at = self.now_ms()
        for step in list(self._state.waiting_gates):
            look = self._look(step, at)
            if (look.reason, look.sentence) != (self._state.reason[step], self._state.sentence.get(step)):
                self._happened(Observed(at, self._plan.addresses[step], *look))

    def _close(self, status: str, reason: str) -> None:
        if self._answer():
            return  # it may not be the end
        if self._unwritten:
            self._commit()
        outputs, summary = closing(self._plan, self._state)
        self._happened(Closed(self.now_ms(), status, reason, outputs, summary))

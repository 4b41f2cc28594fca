"""What would happen, and why? A run simulated with the code that decides real ones. Pure but for the gate looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from orch.model.compiled import GATE, Compiled
from orch.model.decisions import Close, Conclude, Decision, Expand, Observe, Probe, Recall, Schedule, Skip, Start
from orch.model.events import Closed, Event, Expanded, Finished, Observed, Opened, Settled, Skipped, Started
from orch.model.fold import apply
from orch.model.names import phase_name
from orch.model.state import RunState
from orch.model.status import Status
from orch.model.stubs import Stub, Stubs, is_of
from orch.ports import Look, Memory
from orch.run.choice import action_of
from orch.run.decide import decide
from orch.run.results import concluded, ended_as, recalled
from orch.run.scope import UNGIVEN, UNKNOWN, KnownAfter, step_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate

if TYPE_CHECKING:
    from orch.run.attempts import Renderer

LookAt = Callable[[RunState, int], Look]


class Prospect(NamedTuple):
    """What would happen to a step, and why: run, rerun, cached, skip, wait, blocked, open, fail or later (not known
    yet)."""

    word: str
    why: str


class Simulated(NamedTuple):
    """A simulated run: the prospects and the end of each step, the addresses of those that were begun, in order, and
    which steps depend on what nobody gave, with the address of who would give it."""

    plan: Compiled
    state: RunState
    prospects: list[Prospect]
    begun: list[str]
    unknown: dict[int, str]


RUN = Prospect("run", "")
OPENED = Look("succeeded", "ok", "assumed open", {})
NO_STUBS = Stubs()


def forecast(
    plan: Compiled, now_ms: int, look: LookAt | None, stubs: Stubs = NO_STUBS, memory: Memory | None = None
) -> list[Prospect]:
    """One prospect for each step. Gates are looked at with `look`, or assumed open where it is None; every node that
    starts is assumed to succeed, but for what the stubs say of both. `memory` knows the results of runs before."""
    if stubs is NO_STUBS and _plain(plan):
        return [RUN] * len(plan.steps)
    return simulate(plan, now_ms, look, stubs, memory).prospects[: len(plan.steps)]


def simulate(
    plan: Compiled,
    now_ms: int,
    look: LookAt | None,
    stubs: Stubs,
    memory: Memory | None = None,
    hold: str | None = None,
) -> Simulated:
    """A run to its end, as in `forecast`; its plan has what it has added, too. The node `hold` is begun only when
    nothing else can go on."""
    return _Simulation(plan, now_ms, look, stubs, memory, hold).run()


def _plain(plan: Compiled) -> bool:
    """No gate, condition, selection, empty matrix, adapter or cache: everything runs."""
    return (
        plan.selected is None
        and plan.head.get("budget", {}).get("nodes") is None
        and not any(plan.phase_gates)
        and all(
            a.condition is None and a.body is None and "adapter" not in a.step and a.globs is None
            for a in plan.action_table
        )
        and all(plan.group_children.values())
    )


class _Simulation:
    def __init__(
        self,
        plan: Compiled,
        now_ms: int,
        look: LookAt | None,
        stubs: Stubs,
        memory: Memory | None,
        hold: str | None,
    ) -> None:
        self._memory, self._hold = memory, hold
        self._state = RunState.new(plan)
        plan = self._plan = self._state.plan
        self._now, self._look, self._stubs = now_ms, look, stubs
        self._begun: list[str] = []
        self._unknown: dict[int, str] = {}
        self._renderer = None if stubs is NO_STUBS else _renderer(plan)
        self._prospects: list[Prospect | None] = [None] * plan.size
        reading = [plan.output_reads, *(action.reads for action in plan.action_table)]
        reading += [action.body["reads"] for action in plan.action_table if action.body is not None]
        names = {node for reads in reading for node in reads}
        read = {index for space in plan.spaces for name, index in space.ids.items() if name in names}
        self._read = read | {child for group in read for child in plan.group_children.get(group, ())}

    def run(self) -> Simulated:
        """Carry out what is decided until the run closes."""
        self._happened(Opened(self._now, 1, {}, self._plan.digest, "none", {}))
        while self._state.closed is None:
            for decision in self._decisions():
                match decision:
                    case Start(step, attempt):
                        self._start(step, attempt)
                    case Recall(step, attempt):
                        self._recall(step, attempt)
                    case Skip(step, reason, sentence):
                        self._prospects[step] = Prospect("skip", sentence or self._skipped(step, reason))
                        self._happened(Skipped(self._now, self._plan.addresses[step], reason, sentence))
                    case Expand(step, keys, rows):
                        self._expand(step, keys, rows)
                    case Conclude(step, status, _, sentence):
                        self._concluded(step, status, sentence)
                        self._happened(concluded(self._plan, decision, at=self._now))
                    case Observe(step):
                        self._observe(step)
                    case Probe(step):
                        stub = self._stub(step) or Stub()
                        self._happened(Settled(self._now, self._plan.addresses[step], "probe", stub.probe))
                    case Schedule(at):
                        self._now = at
                    case Close(status, reason):
                        return self._closed(status, reason)
        raise AssertionError("a simulated run closes by its own decision")

    def _decisions(self) -> list[Decision]:
        decisions = decide(self._plan, self._state, self._now)
        if self._hold is None:
            return decisions
        others = [one for one in decisions if not isinstance(one, Start | Recall) or not self._is_held(one.step)]
        if not others and self._state.due_heap and self._state.due_heap[0][0] > self._now:
            return [Schedule(self._state.due_heap[0][0])]
        return others or decisions

    def _is_held(self, step: int) -> bool:
        return self._hold is not None and is_of(self._plan.addresses[step], self._hold)

    def _closed(self, status: str, reason: str) -> Simulated:
        self._happened(Closed(self._now, status, reason, {}, ""))
        prospects = [prospect or self._later(step) for step, prospect in enumerate(self._prospects)]
        return Simulated(self._plan, self._state, prospects, self._begun, self._unknown)

    def _expand(self, step: int, keys: tuple[str, ...], rows: tuple[dict[str, Any], ...]) -> None:
        """Without stubs nobody knows how often a loop goes round: it is taken to succeed."""
        body, address = self._plan.body(step), self._plan.addresses[step]
        if body is not None and body["kind"] == "loop":
            self._prospects[step] = Prospect("run", ", ".join(body["ids"]))
            if self._stubs is NO_STUBS:
                self._happened(Finished(self._now, address, 0, True, "succeeded", "ok", outputs=UNKNOWN))
                return
        self._happened(Expanded(self._now, address, keys, rows))
        self._prospects += [None] * (self._plan.size - len(self._prospects))

    def _concluded(self, step: int, status: str, sentence: str) -> None:
        if status == "succeeded" and sentence:
            self._unknown[step] = sentence.removeprefix("known after ")
        if self._plan.body(step) is not None:
            if status == "succeeded" and self._prospects[step] is not None:
                return
            word = "run" if status == "succeeded" else "fail"
        else:  # an open check has no sentence but 'known after'
            word = "fail" if status != "succeeded" else "later" if sentence else "open"
        self._prospects[step] = Prospect(word, sentence)

    def _happened(self, event: Event) -> None:
        apply(self._plan, self._state, event)

    def _recall(self, step: int, attempt: int) -> None:
        prospect = self._runs(step)
        stubbed = self._stubs.of(self._plan.addresses[step], attempt) is not None  # that needs no run before
        try:
            found = None if self._memory is None or stubbed else self._memory.recall(self._state, step)
        except KnownAfter as unknown:
            self._start(step, attempt, Prospect("run", f"cached or not: known after {unknown.address}"))
            return
        if found is None:
            self._start(step, attempt, prospect)
            return
        later = prospect.why if prospect.why.startswith("if: known after") else ""
        why = "; ".join(part for part in (found.cache["because"], later) if part)
        if found.cache["hit"]:
            self._prospects[step] = Prospect("cached", why)
            self._happened(recalled(self._plan, step, found, at=self._now))
        else:
            self._start(step, attempt, Prospect("rerun" if found.known else "run", why))

    def _start(self, step: int, attempt: int, prospect: Prospect | None = None) -> None:
        address = self._plan.addresses[step]
        self._prospects[step] = prospect or self._runs(step)
        if (wrong := self._unrenderable(step, attempt)) is not None:
            self._prospects[step] = Prospect("fail", wrong)
            failed = Conclude(step, "failed", "expression-error", wrong)
            self._happened(concluded(self._plan, failed, at=self._now))
            return
        self._begun.append(address)
        self._happened(Started(self._now, address, attempt))
        if (stub := self._stub(step)) is not None:
            self._end_as(step, stub)
            return
        outputs = UNKNOWN if step in self._read else None
        self._happened(Finished(self._now, address, attempt, True, "succeeded", "ok", outputs=outputs))

    def _unrenderable(self, step: int, attempt: int) -> str | None:
        """Why the command could not be made of what is given; None where it can, or where that is not known."""
        if self._renderer is None:
            return None
        try:
            self._renderer.prepare(self._state, step, attempt, "/", lambda: "/")
        except KnownAfter:
            return None
        except EvaluationError as error:
            return str(error)
        return None

    def _stub(self, step: int) -> Stub | None:
        return self._stubs.of(self._plan.addresses[step], self._state.attempt[step])

    def _end_as(self, step: int, stub: Stub) -> None:
        ungiven = stub.outputs is None and stub.status == "succeeded" and self._plan.action(step).step.get("outputs")
        outputs = UNGIVEN if ungiven else stub.outputs
        self._happened(ended_as(self._plan, self._state, step, stub, outputs, at=self._now))
        if stub.status != "succeeded":
            word = "wait" if step in self._state.doubt else "skip" if stub.status == "skipped" else "fail"
            tries = f" (attempt {self._state.attempt[step]})" if self._state.attempt[step] > 1 else ""
            self._prospects[step] = Prospect(word, f"{stub.reason}{tries}, as stubbed")

    def _runs(self, step: int) -> Prospect:
        action = self._plan.action(step)
        condition = action.condition
        if condition is None:
            return self._which(step) if action.choice else RUN
        try:
            evaluate(condition, step_scope(self._plan, self._state, step))
        except KnownAfter as unknown:
            self._unknown[step] = unknown.address
            return Prospect("run", f"if: known after {unknown.address}")
        except EvaluationError:
            pass
        return Prospect("run", f"if: {self._plan.action(step).step['if']}")

    def _which(self, step: int) -> Prospect:
        try:
            action = action_of(self._plan, self._state, step)
        except KnownAfter as unknown:
            self._unknown[step] = unknown.address
            return Prospect("run", "which adapter: known after the nodes that it is computed from")
        return Prospect("run", f"adapter: {action.step['adapter']['name']}")

    def _observe(self, step: int) -> None:
        look = self._look_at(step)
        word = "open" if look.status == "succeeded" else "wait" if look.reason == "needs-decision" else "blocked"
        self._prospects[step] = Prospect(word, look.sentence)
        self._happened(Observed(self._now, self._plan.addresses[step], *look))

    def _look_at(self, step: int) -> Look:
        if (stubbed := self._stubs.look(self._plan.addresses[step])) is not None:
            return Look(*stubbed, "as stubbed" if stubbed[1] == "ok" else f"{stubbed[1]}, as stubbed", {})
        return self._look(self._state, step) if self._look is not None else OPENED

    def _skipped(self, step: int, reason: str) -> str:
        return f"if: {self._plan.action(step).step['if']}" if reason == "if-false" else reason

    def _later(self, step: int) -> Prospect:
        """A step that no decision reached: a shut gate stands before its phase, or before one that its phase needs."""
        shut = [
            self._plan.addresses[gate]
            for gate in self._plan.steps
            if self._plan.kinds[gate] == GATE and self._state.status[gate] is Status.WAITING
        ]
        phase = phase_name(self._plan.addresses[step])
        own = [gate for gate in shut if phase_name(gate) == phase]
        return Prospect("later", f"after {', '.join(own or shut)}")


def _renderer(plan: Compiled) -> Renderer:
    """Makes commands that nobody starts."""
    from orch.run.attempts import Renderer, Surroundings

    if "secrets" not in plan.head:
        return Renderer(plan, Surroundings("/", "/", {"PATH": ""}))
    from orch.model.masking import Mask, Secrets

    none = Secrets({}, Mask({}))  # no value of one is read
    return Renderer(plan, Surroundings("/", "/", {"PATH": ""}, lambda names: none))

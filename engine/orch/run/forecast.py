"""What would happen, and why? A run simulated with the code that decides real ones. Pure but for the gate looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from orch.model.compiled import GATE, Compiled
from orch.model.decisions import Close, Conclude, Expand, Observe, Schedule, Skip, Start
from orch.model.events import Event, Expanded, Finished, Observed, Opened, Skipped, Started
from orch.model.fold import apply
from orch.model.names import phase_name
from orch.model.state import RunState
from orch.model.status import Status
from orch.ports import Look
from orch.run.decide import decide
from orch.run.results import concluded
from orch.run.scope import UNKNOWN, KnownAfter, step_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate

LookAt = Callable[[RunState, int], Look]


class Prospect(NamedTuple):
    """What would happen to a step: run, skip, wait, blocked, open, fail or later (not known yet), and why."""

    word: str
    why: str


RUN = Prospect("run", "")
OPENED = Look("succeeded", "ok", "assumed open", {})


def forecast(plan: Compiled, now_ms: int, look: LookAt | None) -> list[Prospect]:
    """One prospect for each step. Gates are looked at with `look`, or assumed open where it is None; every node that
    starts is assumed to succeed."""
    if _plain(plan):
        return [RUN] * len(plan.steps)
    return _Simulation(plan, now_ms, look).run()


def _plain(plan: Compiled) -> bool:
    """No gate, condition, selection, empty matrix or adapter: everything runs."""
    return (
        plan.selected is None
        and not any(plan.phase_gates)
        and all(
            action.condition is None and action.body is None and "adapter" not in action.step
            for action in plan.action_table
        )
        and all(plan.group_children.values())
    )


class _Simulation:
    def __init__(self, plan: Compiled, now_ms: int, look: LookAt | None) -> None:
        self._state = RunState.new(plan)
        self._plan, self._now, self._look = self._state.plan, now_ms, look
        self._planned = len(plan.steps)
        self._prospects: list[Prospect | None] = [None] * plan.size
        reading = [plan.output_reads, *(action.reads for action in plan.action_table)]
        reading += [action.body["reads"] for action in plan.action_table if action.body is not None]
        names = {node for reads in reading for node in reads}
        read = {index for space in plan.spaces for name, index in space.ids.items() if name in names}
        self._read = read | {child for group in read for child in plan.group_children.get(group, ())}

    def run(self) -> list[Prospect]:
        self._happened(Opened(self._now, 1, {}, self._plan.digest, "none", {}))
        while self._state.closed is None:
            for decision in decide(self._plan, self._state, self._now):
                match decision:
                    case Start(step, attempt):
                        self._start(step, attempt)
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
                    case Schedule(at):
                        self._now = at
                    case Close(_, _):
                        foreseen = enumerate(self._prospects[: self._planned])
                        return [prospect or self._later(step) for step, prospect in foreseen]
        raise AssertionError("a simulated run closes by its own decision")

    def _expand(self, step: int, keys: tuple[str, ...], rows: tuple[dict[str, Any], ...]) -> None:
        """Nobody knows how often a loop goes round: it is taken to succeed."""
        body, address = self._plan.body(step), self._plan.addresses[step]
        if body is not None and body["kind"] == "loop":
            self._prospects[step] = Prospect("run", f"{', '.join(body['ids'])}; at most {body['most']} times")
            self._happened(Finished(self._now, address, 0, True, "succeeded", "ok", outputs=UNKNOWN))
            return
        self._happened(Expanded(self._now, address, keys, rows))
        self._prospects += [None] * (self._plan.size - len(self._prospects))

    def _concluded(self, step: int, status: str, sentence: str) -> None:
        if self._plan.body(step) is not None:
            word = "run" if status == "succeeded" else "fail"
        else:  # an open check has no sentence but 'known after'
            word = "fail" if status != "succeeded" else "later" if sentence else "open"
        self._prospects[step] = Prospect(word, sentence)

    def _happened(self, event: Event) -> None:
        apply(self._plan, self._state, event)

    def _start(self, step: int, attempt: int) -> None:
        address = self._plan.addresses[step]
        self._prospects[step] = self._runs(step)
        self._happened(Started(self._now, address, attempt))
        outputs = UNKNOWN if step in self._read else None
        self._happened(Finished(self._now, address, attempt, True, "succeeded", "ok", outputs=outputs))

    def _runs(self, step: int) -> Prospect:
        action = self._plan.action(step)
        condition = action.condition
        if condition is None:
            return (
                Prospect("run", "which adapter: known after the nodes that it is computed from")
                if action.choice
                else RUN
            )
        try:
            evaluate(condition, step_scope(self._plan, self._state, step))
        except KnownAfter as unknown:
            return Prospect("run", f"if: known after {unknown.address}")
        except EvaluationError:
            pass
        return Prospect("run", f"if: {self._plan.action(step).step['if']}")

    def _observe(self, step: int) -> None:
        look = self._look(self._state, step) if self._look is not None else OPENED
        word = "open" if look.status == "succeeded" else "wait" if look.reason == "needs-decision" else "blocked"
        self._prospects[step] = Prospect(word, look.sentence)
        self._happened(Observed(self._now, self._plan.addresses[step], *look))

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

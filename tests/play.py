"""A run played by hand: events in, decisions out as words, so that a test reads like a sentence of the semantics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans import compiled

from orch.model.attempt import Result
from orch.model.compiled import Compiled
from orch.model.decisions import Close, Conclude, Decision, Dismiss, Expand, Observe, Probe, Schedule, Skip, Start, Stop
from orch.model.events import Closed, Event, Expanded, Finished, Observed, Opened, Requested, Settled, Skipped, Started
from orch.model.fold import apply
from orch.model.state import RunState
from orch.run.decide import decide
from orch.run.results import concluded, finished

FAILS = "command-failed"
START_MS = 1_700_000_000_000
RESULTS = {
    "ok": Result(0, None, None, None, None, 0),
    "command-failed": Result(1, None, None, None, None, 0),
    "timed-out": Result(None, 15, "timeout", None, None, 0),
    "no-tests": Result(5, None, None, None, None, 0),
    "cancelled": Result(None, 15, "cancel", None, None, 0),
}


class Play:
    """`outcomes` says how attempts end when `run` plays on: a word of RESULTS, or one for each attempt; the default is
    ok. `gates` gives what looking at a gate finds: a waiting reason, or ok."""

    def __init__(
        self,
        plan: Compiled,
        outcomes: Mapping[str, str | Sequence[str]] | None = None,
        gates: Mapping[str, str] | None = None,
        probes: Mapping[str, str] | None = None,
    ) -> None:
        self.state, self.now = RunState.new(plan), START_MS
        self.base, self.plan = plan, self.state.plan
        self.outcomes, self.gates, self.probes = dict(outcomes or {}), dict(gates or {}), dict(probes or {})
        self.events: list[Event] = []
        self.starts: list[str] = []
        self.probing: dict[int, None] = {}

    def happened(self, event: Event) -> None:
        apply(self.plan, self.state, event)
        self.events.append(event)

    def open(self, *reset: str, beat_ms: int = 0) -> Play:
        epoch = self.state.epoch + 1
        self.happened(
            Opened(self.now, epoch, {"run_id": "r", "trees": "/trees"}, self.plan.digest, "none", {}, 0, reset, beat_ms)
        )
        return self

    def decisions(self) -> list[Decision]:
        return decide(self.plan, self.state, self.now, self.probing)

    def next(self) -> list[str]:
        """What is decided now, as words."""
        return [self._words(decision) for decision in self.decisions()]

    def step(self, address: str) -> int:
        return self.plan.index_of[address]

    def result(self, address: str) -> str:
        return self._end(self.step(address))

    def _end(self, step: int) -> str:
        return f"{self.state.status[step].word} {self.state.reason[step]}"

    def start(self, address: str) -> None:
        self.starts.append(address)
        self.happened(Started(self.now, address, self.state.attempt[self.step(address)] + 1))

    def end(self, address: str, how: str = "ok", outputs: dict[str, Any] | None = None) -> None:
        event = finished(self.plan, self.state, self.step(address), RESULTS[how], at=self.now, outputs=outputs)
        self.happened(event)

    def attempt(self, address: str, how: str = "ok", outputs: dict[str, Any] | None = None) -> None:
        self.start(address)
        self.end(address, how, outputs)

    def look(self, gate: str, reason: str = "ok") -> None:
        status = "succeeded" if reason == "ok" else "waiting"
        self.happened(Observed(self.now, gate, status, reason, "", {}))

    def settle(self, address: str, how: str, by: str = "probe") -> None:
        self.happened(Settled(self.now, address, by, how))

    def cancel(self, name: str = "1") -> None:
        self.happened(Requested(self.now, name, "cancel", "ada", "accepted"))

    def judge(self) -> None:
        """Do what is decided as long as it starts nothing."""
        while decisions := [one for one in self.decisions() if isinstance(one, Expand | Conclude | Skip)]:
            for decision in decisions:
                self._carry_out(decision)

    def run(self, turns: int = 10_000) -> str:
        """Do what is decided until the run closes; gives how it closed."""
        for _ in range(turns):
            for decision in self.decisions():
                self._carry_out(decision)
            if self.state.closed is not None:
                return self.state.closed
        raise AssertionError("the run does not end")

    def results(self) -> dict[str, str]:
        return {self.plan.addresses[step]: self._end(step) for step in self.plan.steps}

    def _carry_out(self, decision: Decision) -> None:
        names = self.plan.addresses
        match decision:
            case Start(step, attempt):
                how = self.outcomes.get(names[step], "ok")
                self.attempt(names[step], how if isinstance(how, str) else how[min(attempt, len(how)) - 1])
            case Skip(step, reason):
                self.happened(Skipped(self.now, names[step], reason))
            case Expand(step, keys, rows):
                self.happened(Expanded(self.now, names[step], keys, rows))
            case Conclude():
                self.happened(concluded(self.plan, decision, at=self.now))
            case Observe(step):
                self.look(names[step], self.gates.get(names[step], "ok"))
            case Probe(step):
                self.settle(names[step], self.probes.get(names[step], "not-done"))
            case Stop(step, _):
                self.end(names[step], "cancelled")
            case Dismiss(step):
                del self.probing[step]
            case Schedule(at):
                self.now = at
            case Close(status, reason):
                self.happened(Closed(self.now, status, reason, {}, ""))

    def _words(self, decision: Decision) -> str:
        names = self.plan.addresses
        match decision:
            case Start(step, _):
                return f"start {names[step]}"
            case Skip(step, reason):
                return f"skip {names[step]} {reason}"
            case Expand(step, keys, _):
                return f"expand {names[step]} {' '.join(keys)}".rstrip()
            case Conclude(step, status, reason):
                return f"conclude {names[step]} {status} {reason}"
            case Observe(step):
                return f"observe {names[step]}"
            case Probe(step):
                return f"probe {names[step]}"
            case Dismiss(step):
                return f"dismiss {names[step]}"
            case Stop(step, why):
                return f"stop {names[step]} {why}"
            case Schedule(at):
                return f"wait {at - self.now} ms"
            case Close(status, reason):
                return f"close {status} {reason}"


def finish_event(play: Play, address: str, **fields: Any) -> Finished:
    """A `finished` record of the present attempt with the fields given."""
    attempt = play.state.attempt[play.step(address)]
    return Finished(
        **{
            "at": play.now,
            "address": address,
            "attempt": attempt,
            "final": True,
            "status": "succeeded",
            "reason": "ok",
            **fields,
        }
    )


def played(phases: dict[str, Any], outcomes: dict[str, Any] | None = None, **more: Any) -> dict[str, str]:
    """How the run and each step end; `more` holds `final`, `gates`, `probes` and what stands at the plan's head."""
    head = {key: more.pop(key) for key in ("max_in_flight", "fail_fast", "budget") if key in more}
    play = Play(compiled(phases, more.pop("final", None), **head), outcomes, **more).open()
    return {"run": play.run(), **play.results()}


def once(**more: Any) -> dict[str, Any]:
    """The keys of a step that must not run twice."""
    return {"effect": {"once": "k", **more}}

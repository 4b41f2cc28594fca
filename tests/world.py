"""What attempts and probes do, and what gates show, in a simulated world; it does not know the engine."""

from __future__ import annotations

from random import Random

from random_plans import Behaviours
from shape import pattern


class World:
    """How each node behaves and what became of its attempts; `done` are the steps whose effect is there."""

    def __init__(self, rng: Random, behaviours: Behaviours, gates: dict[str, tuple[str, str | None]]) -> None:
        self.rng, self.behaviours, self.gates = rng, behaviours, gates
        self.failures: dict[str, int] = {}
        self.done: set[str] = set()
        self.trouble: dict[str, int] = {}
        self.shut_looks = {gate: rng.choice((0, 0, 1, 3)) for gate in gates}

    def ends(self, address: str) -> str:
        """An attempt comes to its own end: a word of RESULTS."""
        behaviour = self.behaviours[address]
        if behaviour.kind == "flaky" and self.failures.get(address, 0) < behaviour.failures:
            self.failures[address] = self.failures.get(address, 0) + 1
            return behaviour.reason
        if behaviour.kind in ("ok", "flaky", "timeout-done"):
            self.done.add(address)
        words = {"fail": "command-failed", "timeout": "timed-out", "timeout-done": "timed-out", "no-tests": "no-tests"}
        return words.get(behaviour.kind, "ok")

    def killed(self, address: str) -> None:
        """An attempt is killed: perhaps it had done its work by then."""
        if self.rng.random() < 0.5:
            self.ends(address)

    def probe(self, address: str) -> str:
        if self.trouble.setdefault(address, self.rng.choice((0, 0, 0, 1, 2))):
            self.trouble[address] -= 1
            return "in-doubt"
        return "done" if address in self.done else "not-done"

    def look(self, gate: str) -> tuple[str, str]:
        gate = pattern(gate)
        status, reason = self.gates[gate]
        if status == "succeeded" and self.shut_looks[gate] and self.rng.random() < 0.8:
            self.shut_looks[gate] -= 1
            return "waiting", "needs-decision"
        return status, str(reason)

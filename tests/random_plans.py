"""Random plans and the world that they meet, from a seed."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from oracle import Condition, End, Facts
from plans import plan_doc

OK: End = ("succeeded", "ok")
ENDS: dict[str, End] = {
    "ok": OK,
    "fail": ("failed", "command-failed"),
    "timeout": ("failed", "timed-out"),
    "timeout-done": ("succeeded", "settled"),
    "start-failed": ("failed", "start-failed"),
    "unrenderable": ("failed", "expression-error"),
    "flaky": OK,
    "no-tests": ("skipped", "no-tests"),
    "not-configured": ("skipped", "not-configured"),
    "cached": ("succeeded", "cached"),
}
RULES = ("all_success", "none_failed", "one_success", "none_failed_min_one_success", "all_done")
SHUT = ("needs-decision", "rejected", "stale", "expired", "not-yet-valid")


class Behaviour(NamedTuple):
    """How a node's attempts end: `kind` is a word of ENDS; a flaky one ends as `reason` `failures` times before."""

    kind: str
    failures: int = 0
    reason: str = "command-failed"


class Case(NamedTuple):
    """A plan, how its nodes behave, and what that leads to."""

    doc: Any
    behaviours: dict[str, Behaviour]
    facts: Facts


def random_case(rng: Random) -> Case:
    """A plan of up to four phases, with everything that the language has."""
    return _Maker(rng).case()


class _Maker:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.count = 0
        self.conditions: dict[str, Condition] = {}
        self.checks: dict[str, Condition] = {}
        self.gates: dict[str, End] = {}
        self.behaviours: dict[str, Behaviour] = {}

    def case(self) -> Case:
        rng = self.rng
        self.selecting = rng.random() < 0.15
        phases: dict[str, Any] = {}
        for number in range(rng.choice((1, 2, 2, 3, 4))):
            self.phase(f"p{number}", phases)
        final = {
            self.name("f"): self.node("finally", f"f{self.count}", [], None) for _ in range(rng.choice((0, 0, 1, 2)))
        }
        head = {"max_in_flight": rng.choice((1, 1, 2, 3, 8)), "fail_fast": rng.random() < 0.12}
        if rng.random() < 0.15:
            wall = rng.random() < 0.5
            head["budget"] = {"wall_seconds": rng.choice((1.0, 5.0, 20.0))} if wall else {"nodes": rng.randint(1, 6)}
        doc = plan_doc(phases, final, **head)
        if self.selecting:
            self.select(doc)
        ends = {address: ENDS[behaviour.kind] for address, behaviour in self.behaviours.items()}
        return Case(doc, self.behaviours, Facts(ends, self.gates, self.conditions, self.checks, {}))

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def phase(self, name: str, phases: dict[str, Any]) -> None:
        rng = self.rng
        phase: dict[str, Any] = {"gates": {}, "nodes": {}}
        before = list(phases)[-1:]
        if rng.random() < 0.4:
            before = phase["needs"] = rng.sample(list(phases), rng.randint(0, len(phases)))
        known: list[str] = []
        agenda = list(before)
        for earlier in agenda:
            agenda += phases[earlier].get(
                "needs", [p for p, q in zip(phases, list(phases)[1:], strict=False) if q == earlier]
            )
            known += [node for node in phases[earlier]["nodes"] if node not in known]
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            gate = self.name("g")
            phase["gates"][gate] = self.gate(f"{name}.{gate}", known)
        ancestors: dict[str, set[str]] = {}
        for _ in range(rng.choice((0, 1, 2, 3, 4, 5))):
            node = self.name("n")
            needs = rng.sample(list(ancestors), rng.randint(0, min(3, len(ancestors)))) if rng.random() < 0.7 else []
            ancestors[node] = set(needs).union(*(ancestors[need] for need in needs))
            keys = rng.choice(([], ["a"], ["a", "b"], ["a", "b", "c", "d"])) if rng.random() < 0.25 else None
            if keys == []:
                ancestors[node] = set()  # nothing of it waits for its needs, so neither does who needs it
            near = () if self.selecting else sorted(ancestors[node])  # a selection may leave out what lies between
            phase["nodes"][node] = self.node(name, node, [*known, *near], keys)
            if needs:
                phase["nodes"][node]["needs"] = needs
            if rng.random() < (0.6 if needs else 0.1):
                phase["nodes"][node]["trigger_rule"] = rng.choice(RULES)
        phases[name] = phase

    def gate(self, address: str, known: list[str]) -> dict[str, Any]:
        rng = self.rng
        spec: dict[str, Any] = {}
        if rng.random() < 0.2:
            spec["if"] = self.condition(address, known, None)
        if rng.random() < 0.35:
            check = self.checks[address] = self.random_condition(known, None, no=0.2)
            return {"check": check.text(), **spec}
        shut = rng.random() < 0.15
        self.gates[address] = ("waiting", rng.choice(SHUT)) if shut else OK
        return {"kind": rng.choice(("approval", "freshness")), **spec}

    def node(self, phase: str, node: str, known: list[str], keys: list[str] | None) -> dict[str, Any]:
        rng = self.rng
        spec: dict[str, Any] = {}
        if rng.random() < 0.2:
            spec["allow_failure"] = True
        if rng.random() < 0.1:
            spec["slots"] = rng.choice((2, 3, 20))
        probe = False
        if rng.random() < 0.25:
            probe = rng.random() < 0.6
            spec["effect"] = {"once": "k", "probe": "true"} if probe else {"once": "k"}
        elif rng.random() < 0.3:
            spec["effect"] = "pure"
        once = "effect" in spec and spec["effect"] != "pure"
        if rng.random() < 0.35 and (probe or not once):
            spec["retry"] = {"limit": rng.randint(1, 3), "delay_seconds": rng.choice((0.0, 0.5, 30.0)), "jitter": 0.5}
            if rng.random() < 0.3:
                spec["retry"]["on"] = [rng.choice(("command-failed", "timed-out", "start-failed"))]
        if keys is not None:
            spec["matrix"] = keys
            if rng.random() < 0.6:
                spec["max_parallel"] = rng.randint(1, 2)
        addresses = [f"{phase}.{node}"] if keys is None else [f"{phase}.{node}[{key}]" for key in keys]
        if rng.random() < 0.3:
            condition = self.random_condition(known, keys, run=phase == "finally")
            spec["if"] = condition.text()
            self.conditions.update(dict.fromkeys(addresses, condition))
        idle = rng.random() < 0.06
        if idle:
            spec["adapter"] = {"name": "x", "command": "lint", "skip": "nothing to do here"}
        if not once and not idle and phase != "finally" and rng.random() < 0.25:
            spec["cache"], spec["effect"] = {"paths": []}, "pure"
        for address in addresses:
            self.behaviours[address] = Behaviour("not-configured") if idle else self.behaviour(spec, once, probe)
            if "cache" in spec and rng.random() < 0.5:
                self.behaviours[address] = Behaviour("cached")
        return spec

    def behaviour(self, spec: dict[str, Any], once: bool, probe: bool) -> Behaviour:
        rng = self.rng
        kind = rng.choices(list(ENDS), (60, 12, 8, 0, 3, 2, 25, 5, 0, 0))[0]
        if once and kind == "timeout" and (not probe or rng.random() < 0.5):
            return Behaviour("timeout-done")
        if kind != "flaky":
            return Behaviour(kind)
        reasons = [r for r in spec.get("retry", {}).get("on", ("command-failed", "timed-out")) if r != "start-failed"]
        if "retry" not in spec or not reasons:
            return Behaviour("ok")
        return Behaviour("flaky", rng.randint(1, spec["retry"]["limit"]), rng.choice(reasons))

    def condition(self, address: str, known: list[str], keys: list[str] | None) -> str:
        condition = self.conditions[address] = self.random_condition(known, keys)
        return condition.text()

    def random_condition(
        self, known: list[str], keys: list[str] | None, *, no: float = 0.3, run: bool = False
    ) -> Condition:
        rng = self.rng
        if run and rng.random() < 0.5:
            return Condition("run", value=rng.choice(("succeeded", "failed")))
        if keys and rng.random() < 0.5:
            return Condition("key", value=rng.choice(keys))
        if known and rng.random() < 0.6:
            return Condition("status", rng.choice(known), rng.choice(("succeeded", "succeeded", "failed", "skipped")))
        return Condition("error" if rng.random() < 0.1 else "no" if rng.random() < no else "yes")

    def select(self, doc: Any) -> None:
        """Leave out some nodes and what only they need, and the gates of phases that nobody needs then."""
        rng = self.rng
        body = [step for step in doc["steps"] if not step["address"].startswith("finally.")]
        chosen = {step["address"] for step in body if "gate" not in step and rng.random() < 0.5}
        phases = [address.partition(".")[0] for address in chosen]
        needs = {phase["name"]: phase["needs"] for phase in doc["phases"]}
        for phase in phases:
            phases += [need for need in needs[phase] if need not in phases]
        for step in body:
            address = step["address"]
            if address.partition(".")[0] not in phases if "gate" in step else address not in chosen:
                step["selected"] = False

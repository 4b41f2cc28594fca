"""What must come of a run, computed at once over the whole graph from the sentences of the semantics: no events, no
counters, no code of the core. Outcomes do not depend on time: a node ends in one way, a gate ends up open or shut."""

from __future__ import annotations

from typing import Any, NamedTuple

import networkx as nx

End = tuple[str, str | None]
"""A status and its reason."""

GOOD_SKIPS = ("if-false", "not-selected")


class Facts(NamedTuple):
    """The world as it will turn out. `ends` gives how a node ends if it runs (status, reason); `gates` what becomes of
    an approval or freshness gate (status, reason); `conditions` the `if` of a step and `checks` the expression of a
    check gate, both as `Condition`s; `fixed` the steps that are over and not to be decided again."""

    ends: dict[str, End]
    gates: dict[str, End]
    conditions: dict[str, Condition]
    checks: dict[str, Condition]
    fixed: dict[str, End]


class Condition(NamedTuple):
    """An expression: `word` is yes, no, error, status (of `node`, equal to `value`) or key (of the matrix child)."""

    word: str
    node: str = ""
    value: str = ""

    def text(self) -> str:
        """The expression as a user writes it."""
        match self.word:
            case "yes":
                return "inputs.yes"
            case "no":
                return "inputs.no"
            case "error":
                return "inputs.none == 1"
            case "status":
                return f"nodes.{self.node}.status == '{self.value}'"
            case "run":
                return f"run.status == '{self.value}'"
            case _:
                return f"matrix.key == '{self.value}'"


class Expected(NamedTuple):
    """How the run closes, and how each step ends."""

    status: str
    ends: dict[str, End]


def expect(doc: Any, facts: Facts) -> Expected:
    """What must come of the plan in this world."""
    return _Oracle(doc, facts).expected()


def holds(rule: str, classes: list[str]) -> bool:
    """Does a trigger rule hold for these classes of needs?"""
    some = "S" in classes or not classes
    clean = "F" not in classes
    return {
        "all_success": set(classes) <= {"S"},
        "none_failed": clean,
        "one_success": some,
        "none_failed_min_one_success": clean and some,
        "all_done": True,
    }[rule]


def class_of(end: End, step: Any) -> str:
    """S, F or K."""
    status, reason = end
    if status == "succeeded" or reason == "not-selected" or (status == "failed" and step.get("allow_failure")):
        return "S"
    if status in ("failed", "cancelled") or reason == "upstream-failed":
        return "F"
    return "K"


def class_of_group(classes: list[str]) -> str:
    """The class of a matrix from those of its children."""
    return "F" if "F" in classes else "S" if "S" in classes else "K"


def is_bad(end: End, step: Any) -> bool:
    """Failed without `allow_failure`, or cancelled."""
    return end[0] == "cancelled" or (end[0] == "failed" and not step.get("allow_failure"))


def closes_as(doc: Any, ends: dict[str, End], *, cancelled: bool) -> str:
    """What a run that is over closes as: failed if anything failed, cancelled if it was cancelled, else succeeded."""
    bad = [ends[step["address"]][0] for step in doc["steps"] if is_bad(ends[step["address"]], step)]
    if "failed" in bad or (bad and not cancelled):
        return "failed"
    return "cancelled" if cancelled else "succeeded"


class _Oracle:
    def __init__(self, doc: Any, facts: Facts) -> None:
        self.doc, self.facts = doc, facts
        self.steps = {step["address"]: step for step in doc["steps"]}
        self.groups = {group["address"]: [] for group in doc["groups"]}
        self.needs = nx.DiGraph()
        self.needs.add_nodes_from([*self.steps, *self.groups])
        for address, step in self.steps.items():
            if "group" in step:
                self.groups[step["group"]].append(address)
                self.needs.add_edge(address, step["group"])
            self.needs.add_edges_from((need, address) for need in step.get("needs", ()))
        self.order = list(nx.topological_sort(self.needs))
        self.phases = nx.DiGraph()
        for phase in doc["phases"]:
            self.phases.add_node(phase["name"])
            self.phases.add_edges_from((need, phase["name"]) for need in phase["needs"])
        self.ends: dict[str, End] = {}
        self.reached: dict[str, str] = {}

    def expected(self) -> Expected:
        for phase in nx.topological_sort(self.phases):
            before = [self.reached[need] for need in self.phases.predecessors(phase)]
            self.reached[phase] = "never" if "never" in before else "later" if "later" in before else self.phase(phase)
            if self.reached[phase] in ("never", "later"):
                self.not_now(phase, self.reached[phase])
        waiting = any(end[0] == "waiting" for end in self.ends.values())
        bad = any(is_bad(end, self.steps[address]) for address, end in self.ends.items())
        status = "failed" if bad else "succeeded"
        for address in self.members("finally"):
            self.ends[address] = self.facts.fixed.get(address) or (
                ("queued", None) if waiting else self.node(address, [], status)
            )
            if is_bad(self.ends[address], self.steps[address]):
                bad = True
        return Expected("waiting" if waiting else "failed" if bad else "succeeded", self.ends)

    def members(self, phase: str) -> list[str]:
        return [address for address in self.order if address in self.steps and address.partition(".")[0] == phase]

    def phase(self, phase: str) -> str:
        """Decide a phase whose needs have passed: it passes, can never pass, or waits at a gate."""
        gates = [address for address in self.members(phase) if "gate" in self.steps[address]]
        nodes = [address for address in self.members(phase) if "gate" not in self.steps[address]]
        ends = {gate: self.gate(gate) for gate in gates}
        if any(status == "failed" for status, _ in ends.values()):
            self.ends.update({gate: end for gate, end in ends.items() if end[0] != "waiting"})
            return "never"
        self.ends.update(ends)
        if any(status == "waiting" for status, _ in ends.values()):
            return "later"
        if any(status == "skipped" and reason not in GOOD_SKIPS for status, reason in ends.values()):
            return "never"
        classes: dict[str, str] = {}
        for address in self.order:
            if address in nodes:
                needs = [classes[need] for need in self.steps[address].get("needs", ())]
                self.ends[address] = self.facts.fixed.get(address) or self.node(address, needs, "")
                classes[address] = class_of(self.ends[address], self.steps[address])
            elif address in self.groups and address.partition(".")[0] == phase:
                classes[address] = class_of_group([classes[child] for child in self.groups[address]])
        return "never" if any(is_bad(self.ends[node], self.steps[node]) for node in nodes) else "passed"

    def gate(self, gate: str) -> End:
        facts = self.facts
        if gate in facts.fixed:
            return facts.fixed[gate]
        if not self.steps[gate].get("selected", True):
            return ("skipped", "not-selected")
        if gate in facts.conditions:
            answer = self.answer(facts.conditions[gate], gate, "")
            if answer is not True:
                return ("failed", "expression-error") if answer is None else ("skipped", "if-false")
        if gate in facts.checks:
            answer = self.answer(facts.checks[gate], gate, "")
            if answer is True:
                return ("succeeded", "ok")
            return ("failed", "expression-error" if answer is None else "check-failed")
        return facts.gates[gate]

    def node(self, address: str, needs: list[str], run_status: str) -> End:
        step = self.steps[address]
        if not step.get("selected", True):
            return ("skipped", "not-selected")
        if not holds(step.get("trigger_rule", "all_success"), needs):
            return ("skipped", "upstream-failed" if "F" in needs else "upstream-skipped")
        if address in self.facts.conditions:
            answer = self.answer(self.facts.conditions[address], address, run_status)
            if answer is None:
                return ("failed", "expression-error")
            if not answer:
                return ("skipped", "if-false")
        return self.facts.ends[address]

    def not_now(self, phase: str, when: str) -> None:
        for address in self.members(phase):
            if address in self.ends:
                continue
            selected = self.steps[address].get("selected", True)
            never: End = ("skipped", "phase-not-reached" if selected else "not-selected")
            self.ends[address] = self.facts.fixed.get(address) or (never if when == "never" else ("queued", None))

    def answer(self, condition: Condition, address: str, run_status: str) -> bool | None:
        match condition.word:
            case "yes":
                return True
            case "no":
                return False
            case "error":
                return None
            case "status":
                return self.status_of(condition.node) == condition.value
            case "run":
                return run_status == condition.value
            case _:
                return self.steps[address]["matrix"]["key"] == condition.value

    def status_of(self, node: str) -> str:
        for address in self.steps:
            if address.partition(".")[2] == node:
                return self.ends[address][0]
        children = next(rows for group, rows in self.groups.items() if group.partition(".")[2] == node)
        if any(is_bad(self.ends[child], self.steps[child]) for child in children):
            return "failed"
        return "skipped" if all(self.ends[child][0] == "skipped" for child in children) else "succeeded"

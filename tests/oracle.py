"""What must come of a run, computed at once over the whole graph from the sentences of the semantics: no events, no
counters, no code of the core. Outcomes do not depend on time: a node ends in one way, a gate ends up open or shut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import networkx as nx
from oracle_trees import Merges
from shape import FINALLY, Shape, pattern
from work import Work

End = tuple[str, str | None]
"""A status and its reason."""

OPEN = ("queued", "running", "waiting")
RAN = ("ok", "command-failed", "timed-out", "no-tests", "settled", "path-policy-violation")
"""The reasons of steps of which an attempt has ended."""
LEFT = ("upstream-failed", "phase-not-reached", "cancelled")
"""Why a step was skipped that a failure has kept from running."""
GOOD_SKIPS = ("if-false", "not-selected")


class Facts(NamedTuple):
    """The world as it will turn out. `ends` gives how a node ends if it runs (status, reason); `gates` what becomes of
    an approval or freshness gate (status, reason); `conditions` the `if` of a step and `checks` the expression of a
    check gate, both as `Condition`s, and like the gates by pattern; `fixed` the steps that are over and not to be
    decided again; `untils` the conditions of loops (by their pattern), `lists` the outputs of nodes, `sources` the node
    that gives a matrix its keys, and whether there is a default, `printed` what an attempt left on its stdout, `grown`
    the keys of each body that was opened before, in their order. `work` is what steps do to files where the run has a
    branch, which holds `branch` now; `kept` are the trees of steps that have opened others, as they are now."""

    ends: Mapping[str, End]
    gates: dict[str, End]
    conditions: dict[str, Condition]
    checks: dict[str, Condition]
    fixed: dict[str, End]
    untils: Mapping[str, Condition] = {}
    lists: Mapping[str, Any] = {}
    sources: Mapping[str, tuple[str, bool]] = {}
    printed: Mapping[str, str] = {}
    grown: tuple[tuple[str, tuple[str, ...]], ...] = ()
    work: Work | None = None
    branch: Mapping[str, str] = {}
    kept: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {}


class Condition(NamedTuple):
    """An expression: `word` is yes, no, error, status (of `node`, equal to `value`), key (of the matrix child), index
    (of the iteration) or previous (the status of `node` in the iteration before)."""

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
            case "index":
                return f"loop.index == {self.value}"
            case "previous":
                return f"loop.previous.{self.node}.status | default('none') == '{self.value}'"
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
    """S, F or K; open where it is not over."""
    status, reason = end
    if status in OPEN:
        return "open"
    if status == "succeeded" or reason == "not-selected" or (status == "failed" and step.get("allow_failure")):
        return "S"
    if status in ("failed", "cancelled") or reason == "upstream-failed":
        return "F"
    return "K"


def class_of_group(classes: list[str]) -> str:
    """The class of a matrix from those of its children."""
    return next((word for word in ("open", "F", "S") if word in classes), "K")


def is_bad(end: End, step: Any) -> bool:
    """Failed without `allow_failure`, or cancelled."""
    return end[0] == "cancelled" or (end[0] == "failed" and not step.get("allow_failure"))


def closes_as(shape: Shape, ends: dict[str, End], *, cancelled: bool) -> str:
    """What a run that is over closes as: failed if anything failed, cancelled if it was cancelled, else succeeded."""
    bad = [end[0] for address, end in ends.items() if is_bad(end, shape.steps[address]) and not shape.forgiven(address)]
    if "failed" in bad or (bad and not cancelled):
        return "failed"
    return "cancelled" if cancelled else "succeeded"


class _Oracle:
    def __init__(self, doc: Any, facts: Facts) -> None:
        self.facts = facts
        self.shape = Shape(doc)
        for address, keys in facts.grown:
            self.shape.grow(address, keys)
        self.steps = self.shape.steps
        self.ends: dict[str, End] = {}
        self.trees = None
        if facts.work is not None:
            self.trees = Merges(facts.work, self.shape, dict(facts.branch), facts.kept)

    def expected(self) -> Expected:
        self.part(None)
        waiting = any(end[0] == "waiting" for end in self.ends.values())
        status = "failed" if self.any_bad() else "succeeded"
        for address in self.shape.members[FINALLY]:
            end = self.facts.fixed.get(address, ("queued", None))
            self.ends[address] = end if waiting else self.node(address, [], status)
        for address in self.steps:
            if address not in self.ends:  # of an iteration, or of a body, that is not looked at again
                self.ends[address] = self.facts.fixed[address]
        return Expected("waiting" if waiting else "failed" if self.any_bad() else "succeeded", self.ends)

    def any_bad(self) -> bool:
        """Is anything bad, or left behind by what was bad before a retry?"""
        own = [a for a in self.steps if self.shape.owner[self.shape.phase[a]] is None and not self.shape.is_final(a)]
        return self.left([one for one in own if one in self.ends]) or any(
            is_bad(end, self.steps[address]) and not self.shape.forgiven(address) for address, end in self.ends.items()
        )

    def left(self, addresses: list[str]) -> bool:
        return any(self.ends[one][0] == "skipped" and self.ends[one][1] in LEFT for one in addresses)

    def part(self, owner: str | None) -> None:
        """Decide the phases of the run, or of a child pipeline, but for `finally`."""
        needs = nx.DiGraph()
        for phase, whose in self.shape.owner.items():
            if whose == owner and phase.rpartition("/")[2] != FINALLY:
                needs.add_node(phase)
                needs.add_edges_from((need, phase) for need in self.shape.needs[phase])
        reached: dict[str, str] = {}
        for phase in nx.topological_sort(needs):
            before = [reached[need] for need in needs.predecessors(phase)]
            reached[phase] = "never" if "never" in before else "later" if "later" in before else self.phase(phase)
            if reached[phase] in ("never", "later"):
                self.not_now(phase, reached[phase])

    def phase(self, phase: str) -> str:
        """Decide a phase whose needs have passed: it passes, can never pass, or waits at a gate."""
        gates = [address for address in self.shape.members[phase] if self.shape.is_gate(address)]
        ends = {gate: self.gate(gate) for gate in gates}
        if any(status == "failed" for status, _ in ends.values()):
            self.ends.update({gate: end for gate, end in ends.items() if end[0] != "waiting"})
            return "never"
        self.ends.update(ends)
        if any(status == "waiting" for status, _ in ends.values()):
            return "later"
        if any(status == "skipped" and reason not in GOOD_SKIPS for status, reason in ends.values()):
            return "never"
        classes = self.nodes(phase)
        if any(is_bad(self.ends[node], self.steps[node]) for node in self.shape.members[phase]):
            return "never"
        return "later" if "open" in classes.values() else "passed"

    def nodes(self, phase: str) -> dict[str, str]:
        """Decide the nodes of a phase that is entered; the classes of nodes and matrices."""
        classes: dict[str, str] = {}
        for address in self.shape.members[phase]:
            step = self.steps[address]
            if "gate" in step:
                continue
            needs = [classes.get(need) or self.group(need, classes) for need in step.get("needs", ())]
            self.ends[address] = self.node(address, needs, "")
            classes[address] = class_of(self.ends[address], step)
            siblings = self.shape.children.get(self.shape.group_of.get(address, ""), [address])
            if self.trees is not None and address == siblings[-1]:
                for one, end in self.trees.merged(siblings, self.ends).items():
                    self.ends[one], classes[one] = end, class_of(end, self.steps[one])
        return classes

    def group(self, group: str, classes: dict[str, str]) -> str:
        return class_of_group([classes[child] for child in self.shape.children[group]])

    def gate(self, gate: str) -> End:
        facts = self.facts
        if gate in facts.fixed:
            return facts.fixed[gate]
        if not self.steps[gate].get("selected", True):
            return ("skipped", "not-selected")
        if pattern(gate) in facts.conditions:
            answer = self.answer(facts.conditions[pattern(gate)], gate, "")
            if answer is not True:
                return ("failed", "expression-error") if answer is None else ("skipped", "if-false")
        if pattern(gate) in facts.checks:
            answer = self.answer(facts.checks[pattern(gate)], gate, "")
            if answer is True:
                return ("succeeded", "ok")
            return ("failed", "expression-error" if answer is None else "check-failed")
        return facts.gates[pattern(gate)]

    def node(self, address: str, needs: list[str], run_status: str) -> End:
        if address in self.facts.fixed:
            return self.facts.fixed[address]
        if "open" in needs:
            self.leave(address, "later")
            return ("queued", None)
        end = self.refused(address, needs, run_status)
        if end is not None:
            self.leave(address, "never")
            return end
        step, trees = self.steps[address], self.trees
        if trees is not None and "adapter" not in step and trees.refused(address):
            self.leave(address, "never")
            return ("failed", "start-failed")
        for word, decided in (("pipeline", self.pipeline), ("expand", self.matrix), ("loop", self.loop)):
            if word in step:
                if trees is not None:
                    trees.open(address)
                end = decided(address)
                return end if trees is None else trees.over(address, end)
        end = self.facts.ends[address]
        return end if trees is None or end[1] not in RAN else trees.ran(address, end)

    def refused(self, address: str, needs: list[str], run_status: str) -> End | None:
        """How a node ends that does not begin; None where it does."""
        step = self.steps[address]
        if self.begun(address):
            return None
        if not step.get("selected", True):
            return ("skipped", "not-selected")
        if not holds(step.get("trigger_rule", "all_success"), needs):
            return ("skipped", "upstream-failed" if "F" in needs else "upstream-skipped")
        if pattern(address) in self.facts.conditions:
            answer = self.answer(self.facts.conditions[pattern(address)], address, run_status)
            if answer is None:
                return ("failed", "expression-error")
            if not answer:
                return ("skipped", "if-false")
        return None

    def begun(self, address: str) -> bool:
        """What has opened others is not begun anew by a retry."""
        return any(opened == address for opened, _ in self.facts.grown)

    def leave(self, address: str, when: str) -> None:
        """What a step that does not begin would have opened."""
        for phase in self.shape.opened.get(address, ()):
            self.not_now(phase, when)

    def pipeline(self, address: str) -> End:
        self.part(address)
        last = [one for one in self.shape.inside(address) if self.shape.is_final(one)]
        rest = [one for one in self.shape.inside(address) if one not in last]
        if any(self.ends[one][0] in OPEN for one in rest):
            self.ends.update((one, self.facts.fixed.get(one, ("queued", None))) for one in last)
            return ("running", None)
        status = "failed" if self.bad(rest) or self.left(rest) else "succeeded"
        for one in last:
            self.ends[one] = self.node(one, [], status)
        bad = self.bad([*rest, *last]) or self.left(rest)
        return ("failed", "children-failed") if bad else ("succeeded", "ok")

    def bad(self, addresses: list[str]) -> bool:
        return any(is_bad(self.ends[one], self.steps[one]) for one in addresses)

    def matrix(self, address: str) -> End:
        if not self.begun(address):
            source, default = self.facts.sources[pattern(address)]
            given = self.end_of(source, address)[0] == "succeeded"
            keys = self.facts.lists[source] if given else [] if default else None
            if not isinstance(keys, list) or len(set(keys)) < len(keys):
                return ("failed", "expression-error")
            if not keys:
                return ("skipped", "empty-matrix")
            self.shape.grow(address, keys)
        self.nodes(address)
        children = self.shape.inside(address)
        if self.bad(children) or self.left(children):
            return ("failed", "children-failed")
        if all(self.ends[child][0] == "skipped" for child in children):
            return ("skipped", self.ends[children[0]][1])
        return ("succeeded", "ok")

    def loop(self, address: str) -> End:
        spec = self.steps[address]["loop"]
        left: list[list[Any]] = []
        held: list[Any] = []
        for _ in range(spec["max_iterations"]):
            nodes = self.shape.grow(address, ())
            phase = self.shape.opened[address][-1]
            self.nodes(phase)
            if not self.bad(nodes):
                answer = self.answer(self.facts.untils[pattern(address)], nodes[0], "")
                if answer is not False:
                    return ("failed", "expression-error") if answer is None else ("succeeded", "ok")
            ends = [self.ends[node] for node in nodes]
            ran = [end[1] in RAN for end in ends]
            printed = [self.facts.printed[node] if this else "" for node, this in zip(nodes, ran, strict=True)]
            left.append([ends, printed])
            held.append(self.trees.seen(address) if self.trees is not None and any(ran) else None)
            same = spec.get("stop_if_unchanged", 0)
            still = held[-1] is not None and held[-same:] == held[-1:] * same
            if same and (still or left[-same:] == left[-1:] * same):
                return ("failed", "unchanged")
        return ("failed", "exhausted")

    def not_now(self, phase: str, when: str) -> None:
        for address in self.shape.members[phase]:
            if address in self.ends:
                continue
            selected = self.steps[address].get("selected", True)
            never: End = ("skipped", "phase-not-reached" if selected else "not-selected")
            self.ends[address] = self.facts.fixed.get(address) or (never if when == "never" else ("queued", None))
            if address not in self.facts.fixed:
                self.leave(address, when)

    def answer(self, condition: Condition, address: str, run_status: str) -> bool | None:
        match condition.word:
            case "yes":
                return True
            case "no":
                return False
            case "error":
                return None
            case "status":
                return self.end_of(condition.node, address)[0] == condition.value
            case "run":
                return run_status == condition.value
            case "index":
                return self.iteration(address) == int(condition.value)
            case "previous":
                owner, before = self.shape.owners(address)[0], self.iteration(address) - 1
                status = self.ends_at(f"{owner}#{before}.{condition.node}")[0] if before else "none"
                return status == condition.value
            case _:
                return self.shape.key(address) == condition.value

    def iteration(self, address: str) -> int:
        return int(self.shape.phase[address].rpartition("#")[2])

    def ends_at(self, address: str) -> End:
        return self.ends.get(address) or self.facts.fixed[address]

    def end_of(self, node: str, asking: str) -> End:
        """How the node with this id has ended, as a step sees it: in its iteration first, then in its file."""
        if self.shape.phase[asking].rpartition("#")[2].isdigit():
            near = f"{self.shape.phase[asking]}.{node}"
            if near in self.steps:
                return self.ends_at(near)
        file = asking[: asking.rfind("/") + 1]
        for address in self.steps:
            if address.startswith(file) and address[len(file) :].partition(".")[2] == node:
                return self.ends_at(address)
        children = next(
            rows
            for group, rows in self.shape.children.items()
            if group.startswith(file) and group[len(file) :].partition(".")[2] == node
        )
        if self.bad(children):
            return ("failed", None)
        return ("skipped" if all(self.ends[child][0] == "skipped" for child in children) else "succeeded", None)

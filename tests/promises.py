"""What must hold of a run at every step and at its end, read off the state and the plan as people wrote it."""

from __future__ import annotations

from typing import Any

from oracle import class_of, class_of_group, closes_as, expect, holds, is_bad
from shape import Shape

UNREACHED = ("not-selected", "upstream-failed", "upstream-skipped", "phase-not-reached", "cancelled")


class Promises:
    """The checks of a simulation; each raises AssertionError with the sentence that does not hold."""

    state: Any
    plan: Any
    doc: Any
    facts: Any
    world: Any
    clock: int

    def __init__(self, doc: Any) -> None:
        self.doc = doc
        self.take(Shape(doc))
        self.grown: list[tuple[str, tuple[str, ...]]] = []
        self.in_flight: dict[int, int] = {}
        self.effects: list[tuple[int, int]] = []
        self.open_gates: set[str] = set()
        self.unclear: set[str] = set()
        self.disturbed = self.retried = False
        self.probing: dict[int, None] = {}
        self.cancelled: set[str] = set()
        self.cut = False
        self.spent_starts = 0
        self.spent_ms = self.since_ms = 0

    def take(self, shape: Shape) -> None:
        self.shape, self.steps, self.children = shape, shape.steps, shape.children

    def check_start(self, address: str, attempt: int) -> None:
        step, state = self.steps[address], self.state
        assert not self.shape.opens(address), f"{address} has no process to start"
        index = self.plan.index_of[address]
        assert attempt == state.attempt[index] + 1, f"{address} skips an attempt"
        assert index not in self.in_flight, f"{address} starts while it runs"
        assert address not in self.unclear, f"{address} starts again, and nobody said it was not done"
        for owner in self.shape.owners(address):
            self.check_limit(owner, starting=not self.is_at_work(owner))
        if self.shape.is_final(address):
            self.check_rest_is_over(address)
            assert not self.cut, f"{address} starts after a cancel that came when the body was over"
            return
        assert not state.cancelling, f"{address} starts after a cancel"
        assert not state.failing_fast, f"{address} starts after a failure that ends all"
        hindered = (other in self.probing or self.waits_for_a_tree(other) for other in state.ready)
        first = next(
            (one for one, is_held in zip(state.ready, hindered, strict=True) if one == index or not is_held), index
        )
        assert index in state.due or first == index, f"{address} starts before what was ready earlier"
        assert not state.overspent, f"{address} starts after its budget was spent"
        budget = self.doc.get("budget", {})
        assert self.spent_starts < budget.get("nodes", 1 << 30), f"{address} starts, and no attempt is left"
        assert not self.is_time_spent(), f"{address} starts, and no time is left"
        assert "skip" not in step.get("adapter", {}), f"{address} has nothing to run"
        self.check_may_begin(address)
        self.check_limit(address, starting=1)

    def is_time_spent(self) -> bool:
        spent_ms = self.spent_ms + max(0, self.clock - self.since_ms)
        return bool(spent_ms >= self.doc.get("budget", {}).get("wall_seconds", 1e9) * 1000)

    def waits_for_a_tree(self, step: int) -> bool:
        """Trees are made when nobody works in the run's."""
        address = self.plan.addresses[step]
        if self.shape.tree_of(address) != address:
            return False
        return any(self.shape.tree_of(self.plan.addresses[other]) is None for other in self.state.running)

    def check_expand(self, address: str) -> None:
        """A step opens its body, or its next iteration."""
        assert not self.state.cancelling, f"{address} is opened after a cancel"
        assert not self.state.failing_fast, f"{address} is opened after a failure that ends all"
        assert not self.state.overspent, f"{address} is opened after its budget was spent"
        if self.end(address)[0] == "running":
            inside = self.shape.inside(address)
            assert all(over(self.end(one)) for one in inside), f"{address} goes round, and not all of it is over"
            return
        self.check_may_begin(address)
        self.check_limit(address, starting=1)

    def check_rest_is_over(self, address: str) -> None:
        owner = self.shape.owner[self.shape.phase[address]]
        rest = self.steps if owner is None else self.shape.inside(owner)
        for other in rest:
            if not self.shape.is_final(other) or (owner is None and self.shape.owners(other)):
                assert over(self.end(other)), f"{address} starts before {other} is over"
        if owner is not None:
            assert owner in dict(self.grown), f"{address} starts, and {owner} has not begun"
            assert not over(self.end(owner)), f"{address} starts, and {owner} is over"

    def check_may_begin(self, address: str) -> None:
        step = self.steps[address]
        assert step.get("selected", True), f"{address} is not selected"
        self.check_entered(self.shape.phase[address], now=True)
        classes = []
        for need in step.get("needs", ()):
            members = self.children.get(need, [need])
            for member in members:
                assert over(self.end(member)), f"{address} starts before {member} is over"
            found = [class_of(self.end(member), self.steps[member]) for member in members]
            classes.append(class_of_group(found) if need in self.children else found[0])
        assert holds(step.get("trigger_rule", "all_success"), classes), f"{address} starts against its rule"

    def check_slots(self) -> None:
        jobs = self.doc["max_in_flight"]
        live = {*self.in_flight, *(step for step, _ in self.effects)}
        slots = [min(jobs, self.steps[self.plan.addresses[step]].get("slots", 1)) for step in live]
        assert sum(slots) + len(self.probing) <= jobs, "more jobs are taken than there are, probes among them"

    def check_limit(self, address: str, starting: int = 0) -> None:
        group = self.shape.group_of.get(address)
        limit = None if group is None else self.shape.limits[group]
        if group is not None and limit is not None:
            live = {self.plan.addresses[step] for step in (*self.in_flight, *(step for step, _ in self.effects))}
            children = self.children[group]
            running = sum(c in live or (self.shape.opens(c) and self.is_at_work(c)) for c in children)
            assert running + starting <= limit, f"{group} runs more than {limit}"

    def is_at_work(self, address: str) -> bool:
        """Is something inside of the step at work, to be started, or due at a time?"""
        if self.end(address)[0] != "running":
            return False
        for one in self.shape.inside(address):
            if self.shape.opens(one):
                if self.is_at_work(one):
                    return True
            elif self.end(one)[0] == "running" or self.end(one)[1] == "retry-delay":
                return True
        return False

    def check_entered(self, phase: str, *, now: bool) -> None:
        for address in self.shape.members[phase]:
            if self.shape.is_gate(address):
                status, reason = self.end(address)
                bars = status != "succeeded" and not (status == "skipped" and reason in ("if-false", "not-selected"))
                assert not bars, f"{phase} is entered while {address} is {status}"
                fresh = not now or status == "skipped" or address in self.open_gates
                assert fresh, f"{phase} is entered and {address} was not looked at in this epoch"
        for need in self.shape.needs[phase]:
            self.check_entered(need, now=False)
            for address in self.shape.members[need]:
                if not self.shape.is_gate(address):
                    assert over(self.end(address)), f"{phase} is entered before {address} is over"
                    assert not is_bad(self.end(address), self.steps[address]), f"{phase} is entered, {address} is bad"
        owner = self.shape.owner[phase]
        if owner is not None:
            assert not now or self.end(owner)[0] == "running", f"{phase} is entered, and {owner} does not run"
            self.check_entered(self.shape.phase[owner], now=now)

    def check_close(self, status: str, reason: str) -> None:
        assert not self.in_flight, "the run closes while something runs"
        assert not self.effects, "the run closes while something starts"
        assert not self.probing, "the run closes while a probe runs"
        ends = self.ends()
        if status != "waiting":
            if status == "failed" and not self.state.overspent:
                why = "failed" if self.has_failed() else "left-behind"
                assert reason == why, f"the run closes as failed ({reason}), and not ({why})"
            assert all(over(end) for end in ends.values()), "the run closes and something is not over"
            return
        assert any(status == "waiting" for status, _ in ends.values()), "the run waits for nothing"
        for address, end in ends.items():
            if end[0] == "queued" and not self.shape.is_gate(address) and not self.shape.is_final(address):
                assert self.hindered(address), f"the run closes as waiting, and {address} could start"

    def hindered(self, address: str) -> bool:
        try:
            self.check_entered(self.shape.phase[address], now=True)
            self.check_limit(address, starting=1)
        except AssertionError:
            return True
        needs = self.steps[address].get("needs", ())
        return any(not over(self.end(m)) for need in needs for m in self.children.get(need, [need]))

    def compare(self) -> None:
        """The oracle knew how it would end."""
        expected = expect(self.doc, self.facts)
        assert self.disturbed or self.is_ended() or expected.ends.keys() == self.steps.keys(), "other steps are added"
        ends = self.ends()
        self.disturbed = self.disturbed or self.is_ended()
        over_budget = any(end == ("failed", "budget-exceeded") for end in ends.values())
        assert not self.state.overspent or self.state.closed != "succeeded", "a run over its budget has succeeded"
        assert self.retried or self.state.overspent == over_budget, "a step is over the budget, and the run is not"
        if self.cancelled and not self.retried and not self.state.failing_fast and not self.state.overspent:
            want_status = closes_as(self.shape, ends, cancelled=True)
            assert self.state.closed == want_status, f"closed as {self.state.closed}, cancelled, and not {want_status}"
        failed_gates = {self.shape.phase[a] for a, end in ends.items() if self.shape.is_gate(a) and end[0] == "failed"}
        for address, end in ends.items():
            want = expected.ends[address]
            final = self.shape.is_final(address)
            if end == want or (
                (want[0] == "succeeded" or want[1] == "path-policy-violation")
                and end == ("succeeded", "settled")
                and self.shape.is_once(address)
            ):
                continue
            beside = self.shape.is_gate(address) and self.shape.phase[address] in failed_gates
            if beside and end == ("skipped", "phase-not-reached"):
                continue
            stopped = (
                end[0] in ("cancelled", "queued", "running")
                or end[1] == "budget-exceeded"
                or end in [("skipped", reason) for reason in UNREACHED]
            )
            runs = not self.shape.is_gate(address) and not self.shape.opens(address)
            tired = runs and end[1] == self.world.behaviours[address].reason
            tired = tired or (end[1] == "children-failed" and self.shape.opens(address))
            cut = self.cut and final
            if cut and (end in (("cancelled", "requested"), ("skipped", "cancelled")) or tired):
                continue
            whole = final and not self.cut
            assert not whole or "cancel" not in f"{end}", f"{address} is {end}, and finally was not cancelled"
            if self.disturbed and (stopped or tired or final):
                continue
            raise AssertionError(f"{address} is {end}, expected {want}")
        if not self.disturbed and not self.cancelled:
            assert self.state.closed == expected.status, f"closed as {self.state.closed}, expected {expected.status}"

    def is_ended(self) -> bool:
        """Is something of the run ended before it was over?"""
        return bool("body" in self.cancelled or self.state.failing_fast or self.state.overspent)

    def has_failed(self) -> bool:
        """Has anything failed that was not allowed to? Else a run that is failed has left something behind."""
        return any(
            end[0] == "failed" and is_bad(end, self.steps[address]) and not self.shape.forgiven(address)
            for address, end in self.ends().items()
        )

    def end(self, address: str) -> tuple[str, str | None]:
        step = self.plan.index_of[address]
        return self.state.status[step].word, self.state.reason[step]

    def ends(self) -> dict[str, tuple[str, str | None]]:
        return {address: self.end(address) for address in self.steps}


def over(end: tuple[str, str | None]) -> bool:
    """Is this end final?"""
    return end[0] in ("succeeded", "failed", "skipped", "cancelled")

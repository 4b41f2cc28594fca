"""What must hold of a run at every step and at its end, read off the state and the plan as people wrote it."""

from __future__ import annotations

from typing import Any

from oracle import class_of, class_of_group, closes_as, expect, holds, is_bad

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
        self.steps = {step["address"]: step for step in doc["steps"]}
        self.children: dict[str, list[str]] = {group["address"]: [] for group in doc["groups"]}
        for address, step in self.steps.items():
            if "group" in step:
                self.children[step["group"]].append(address)
        self.phase_needs = {phase["name"]: phase["needs"] for phase in doc["phases"]}
        self.in_flight: dict[int, int] = {}
        self.effects: list[tuple[int, int]] = []
        self.open_gates: set[str] = set()
        self.cleared: set[str] = set()
        self.disturbed = self.retried = False
        self.probing: dict[int, None] = {}
        self.cancelled: set[str] = set()
        self.cut = False
        self.spent_starts = 0
        self.spent_ms = self.since_ms = 0

    def check_start(self, address: str, attempt: int) -> None:
        step, state = self.steps[address], self.state
        phase = address.partition(".")[0]
        index = self.plan.index_of[address]
        assert attempt == state.attempt[index] + 1, f"{address} skips an attempt"
        assert index not in self.in_flight, f"{address} starts while it runs"
        assert not self.once(address) or address in self.cleared, (
            f"{address} starts again, and nobody said it was not done"
        )
        if phase == "finally":
            body = [self.end(other) for other in self.steps if not other.startswith("finally.")]
            assert all(over(end) for end in body), f"{address} starts before the rest is over"
            assert not self.cut, f"{address} starts after a cancel that came when the body was over"
            return
        assert not state.cancelling, f"{address} starts after a cancel"
        assert not state.failing_fast, f"{address} starts after a failure that ends all"
        first = next((other for other in state.ready if other not in self.probing), index)
        assert index in state.due or first == index, f"{address} starts before what was ready earlier"
        assert not state.overspent, f"{address} starts after its budget was spent"
        budget = self.doc.get("budget", {})
        assert self.spent_starts < budget.get("nodes", 1 << 30), f"{address} starts, and no attempt is left"
        spent_ms = self.spent_ms + max(0, self.clock - self.since_ms)
        assert spent_ms < budget.get("wall_seconds", 1e9) * 1000, f"{address} starts, and no time is left"
        assert step.get("selected", True), f"{address} is not selected"
        assert "skip" not in step.get("adapter", {}), f"{address} has nothing to run"
        self.check_entered(phase, now=True)
        classes = []
        for need in step.get("needs", ()):
            members = self.children.get(need, [need])
            for member in members:
                assert over(self.end(member)), f"{address} starts before {member} is over"
            found = [class_of(self.end(member), self.steps[member]) for member in members]
            classes.append(class_of_group(found) if need in self.children else found[0])
        assert holds(step.get("trigger_rule", "all_success"), classes), f"{address} starts against its rule"
        self.check_limit(address, starting=1)

    def check_slots(self) -> None:
        jobs = self.doc["max_in_flight"]
        live = {*self.in_flight, *(step for step, _ in self.effects)}
        slots = [min(jobs, self.steps[self.plan.addresses[step]].get("slots", 1)) for step in live]
        assert sum(slots) + len(self.probing) <= jobs, "more jobs are taken than there are, probes among them"

    def check_limit(self, address: str, starting: int = 0) -> None:
        group = self.steps[address].get("group")
        limits = {row["address"]: row.get("max_parallel") for row in self.doc["groups"]}
        if group is not None and limits[group] is not None:
            live = {*self.in_flight, *(step for step, _ in self.effects)}
            running = sum(self.steps[self.plan.addresses[step]].get("group") == group for step in live)
            assert running + starting <= limits[group], f"{group} runs more than {limits[group]}"

    def check_entered(self, phase: str, *, now: bool) -> None:
        for address, step in self.steps.items():
            if "gate" in step and address.partition(".")[0] == phase:
                status, reason = self.end(address)
                bars = status != "succeeded" and not (status == "skipped" and reason in ("if-false", "not-selected"))
                assert not bars, f"{phase} is entered while {address} is {status}"
                fresh = not now or status == "skipped" or address in self.open_gates
                assert fresh, f"{phase} is entered and {address} was not looked at in this epoch"
        for need in self.phase_needs[phase]:
            self.check_entered(need, now=False)
            for address, step in self.steps.items():
                if "gate" not in step and address.partition(".")[0] == need:
                    assert over(self.end(address)), f"{phase} is entered before {address} is over"
                    assert not is_bad(self.end(address), step), f"{phase} is entered though {address} is bad"

    def check_close(self, status: str) -> None:
        assert not self.in_flight, "the run closes while something runs"
        assert not self.effects, "the run closes while something starts"
        assert not self.probing, "the run closes while a probe runs"
        ends = self.ends()
        if status != "waiting":
            assert all(over(end) for end in ends.values()), "the run closes and something is not over"
            return
        assert any(status == "waiting" for status, _ in ends.values()), "the run waits for nothing"
        for address, end in ends.items():
            if end[0] == "queued" and "gate" not in self.steps[address] and not address.startswith("finally."):
                assert self.hindered(address), f"the run closes as waiting, and {address} could start"

    def hindered(self, address: str) -> bool:
        try:
            self.check_entered(address.partition(".")[0], now=True)
        except AssertionError:
            return True
        needs = self.steps[address].get("needs", ())
        return any(not over(self.end(m)) for need in needs for m in self.children.get(need, [need]))

    def compare(self) -> None:
        """The oracle knew how it would end."""
        expected = expect(self.doc, self.facts)
        ends = self.ends()
        if "body" in self.cancelled or self.state.failing_fast or self.state.overspent:
            self.disturbed = True
        over_budget = any(end == ("failed", "budget-exceeded") for end in ends.values())
        assert not self.state.overspent or self.state.closed != "succeeded", "a run over its budget has succeeded"
        assert self.retried or self.state.overspent == over_budget, "a step is over the budget, and the run is not"
        if self.cancelled and not self.retried and not self.state.failing_fast and not self.state.overspent:
            want_status = closes_as(self.doc, ends, cancelled=True)
            assert self.state.closed == want_status, f"closed as {self.state.closed}, cancelled, and not {want_status}"
        failed_gates = {
            a.partition(".")[0] for a, end in ends.items() if "gate" in self.steps[a] and end[0] == "failed"
        }
        for address, end in ends.items():
            want = expected.ends[address]
            if end == want or (want[0] == "succeeded" and end == ("succeeded", "settled") and self.once(address)):
                continue
            beside = "gate" in self.steps[address] and address.partition(".")[0] in failed_gates
            if beside and end == ("skipped", "phase-not-reached"):
                continue
            stopped = (
                end[0] in ("cancelled", "queued")
                or end[1] == "budget-exceeded"
                or end in [("skipped", reason) for reason in UNREACHED]
            )
            tired = address in self.world.behaviours and end[1] == self.world.behaviours[address].reason
            cut = self.cut and address.startswith("finally.")
            if cut and (end in (("cancelled", "requested"), ("skipped", "cancelled")) or tired):
                continue
            whole = address.startswith("finally.") and not self.cut
            assert not whole or "cancel" not in f"{end}", f"{address} is {end}, and finally was not cancelled"
            if self.disturbed and (stopped or tired or address.startswith("finally.")):
                continue
            raise AssertionError(f"{address} is {end}, expected {want}")
        if not self.disturbed and not self.cancelled:
            assert self.state.closed == expected.status, f"closed as {self.state.closed}, expected {expected.status}"

    def once(self, address: str) -> bool:
        return isinstance(self.steps[address].get("effect"), dict)

    def end(self, address: str) -> tuple[str, str | None]:
        step = self.plan.index_of[address]
        return self.state.status[step].word, self.state.reason[step]

    def ends(self) -> dict[str, tuple[str, str | None]]:
        return {address: self.end(address) for address in self.steps}


def over(end: tuple[str, str | None]) -> bool:
    """Is this end final?"""
    return end[0] in ("succeeded", "failed", "skipped", "cancelled")

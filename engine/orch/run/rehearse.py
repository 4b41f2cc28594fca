"""Does a simulated run of a plan end as a case says? Pure: nothing is started, and no time goes by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orch.gates.judge import judge
from orch.gates.rehearsed import rehearsed_facts
from orch.gates.verdict import Context
from orch.model.compiled import Compiled
from orch.model.state import RunState
from orch.model.status import Status
from orch.model.stubs import is_of, names_of
from orch.plan.difference import Difference
from orch.plan.expectations import Case
from orch.ports import Look
from orch.run.close import closing
from orch.run.forecast import OPENED, Simulated, simulate
from orch.spec.case import Ending

NOW_MS = 1_767_225_600_000
_DAY = "2026-01-01"


def differences(plan: Compiled, case: Case) -> list[Difference]:
    """All that is not as the case says."""

    def look(state: RunState, step: int) -> Look:
        return _look(plan, case, step)

    done = simulate(plan, NOW_MS, look, case.stubs)
    found = [*_unknown(done), *_run(case, done)]
    for address, ending in case.nodes.items():
        found += _node(done, address, ending)
    for address, word in case.gates.items():
        found += _differs(address, word, _gate_word(done, address))
    for first, then in zip(case.order, case.order[1:], strict=False):
        found += _order(first, then, simulate(plan, NOW_MS, look, case.stubs, hold=first).begun)
    return [*found, *_outputs(case, done)]


def _look(plan: Compiled, case: Case, step: int) -> Look:
    gate = plan.action(step).step["gate"]
    if case.said is None or gate["kind"] != "approval":
        return OPENED
    said = [one for one in case.said if one.gate == plan.addresses[step]]
    facts = rehearsed_facts(gate, plan.head, said, case.authors, _DAY)
    verdict = judge(gate, facts, NOW_MS / 1000, Context(pipeline=plan.head["pipeline"]["path"]))
    return Look(verdict.status, verdict.reason, verdict.sentence.partition(" — ")[0], {})


def _unknown(done: Simulated) -> Iterator[Difference]:
    """A step that was taken to run, or a gate to be open, because nobody said what it depends on."""
    for step, giver in done.unknown.items():
        got = f"it depends on what {giver} gives: say that below `stubs`"
        yield Difference(done.plan.addresses[step], "an end that follows from the case", got)


def _run(case: Case, done: Simulated) -> Iterator[Difference]:
    if case.status is not None:
        yield from _differs("the run", case.status, str(done.state.closed))


def _node(done: Simulated, address: str, ending: Ending) -> Iterator[Difference]:
    found = [step for step in done.plan.steps if address in names_of(done.plan.addresses[step])]
    children = [step for step in found if done.plan.addresses[step] != address]
    if not found:
        yield Difference(address, _words(_wanted(ending)), None)
    for step in children or found:
        state, wanted = done.state, _wanted(ending)
        got = {"status": state.status[step].word}
        if ending.reason is not None:
            got["reason"] = str(state.reason[step])
        if ending.attempts is not None:
            got["attempts"] = str(state.attempt[step])
        if wanted != got:
            got["reason"] = str(state.reason[step] or "")
            why = state.sentence.get(step, "")
            told = f": {why}" if why not in ("", got["reason"]) else ""
            yield Difference(done.plan.addresses[step], _words(wanted), _words(got) + told)


def _wanted(ending: Ending) -> dict[str, str]:
    said = {"status": ending.status, "reason": ending.reason, "attempts": ending.attempts}
    return {key: str(value) for key, value in said.items() if value is not None}


def _words(ending: dict[str, str]) -> str:
    """`failed (timed-out), attempts 2`"""
    reason = f" ({ending['reason']})" if ending.get("reason") else ""
    attempts = f", attempts {ending['attempts']}" if "attempts" in ending else ""
    return ending["status"] + reason + attempts


def _gate_word(done: Simulated, address: str) -> str:
    step, state = done.plan.index_of[address], done.state
    if state.status[step] is Status.SUCCEEDED:
        return "open"
    return state.reason[step] or state.status[step].word


def _order(first: str, then: str, begun: list[str]) -> Iterator[Difference]:
    """`begun` is what was begun where the first was kept waiting for as long as anything else could go on."""
    firsts = [number for number, address in enumerate(begun) if is_of(address, first)]
    thens = [number for number, address in enumerate(begun) if is_of(address, then)]
    for name, numbers in ((first, firsts), (then, thens)):
        if not numbers:
            yield Difference("order", f"{name} begins", "it does not")
    if firsts and thens and thens[0] < firsts[-1]:
        yield Difference("order", f"{then} begins after {first} has ended", "it does not wait for it")


def _outputs(case: Case, done: Simulated) -> Iterator[Difference]:
    given = closing(done.plan, done.state)[0] if case.outputs else {}
    for name, value in case.outputs.items():
        got = given[name]
        if got.get("value") != value or "because" in got:
            yield Difference(f"outputs.{name}", value, got.get("because", got["value"]))


def _differs(what: str, wanted: Any, got: Any) -> Iterator[Difference]:
    if wanted != got:
        yield Difference(what, wanted, got)

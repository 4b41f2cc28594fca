"""Thousands of simulated runs with failures, crashes and clock jumps end as the oracle says, and keep every promise."""

from __future__ import annotations

import pytest
from oracle import Facts, expect
from plans import plan_doc
from simulation import Simulation, simulate

from orch.model.events import Closed, Expanded, Finished, Merged, Opened, Started

SEEDS = 3000
CHUNK = 250
# What is covered is measured by the first chunk: measuring makes a run three times as long.
CHUNKS = [pytest.param(first, marks=pytest.mark.no_cover if first else ()) for first in range(0, SEEDS, CHUNK)]


@pytest.mark.parametrize("first", CHUNKS)
def test_every_run_keeps_the_promises_and_ends_as_the_oracle_says(first: int) -> None:
    for seed in range(first, first + CHUNK):
        simulate(seed)


@pytest.mark.no_cover
def test_the_simulated_world_meets_everything_that_it_is_there_for() -> None:
    seen: set[str] = set()
    for seed in range(400):
        simulation = simulate(seed)
        seen.update(f"{status} {reason}" for status, reason in simulation.ends().values())
        seen.update(
            f"finally {simulation.end(a)[0]}" for a in simulation.steps if simulation.cut and a[:8] == "finally."
        )
        for event in simulation.events():
            match event:
                case Merged():
                    seen.add(f"merged {event.reason}")
                case Closed():
                    seen.add(f"closed {event.status}")
                case Opened():
                    seen.update(["opened again"] * (event.epoch > 2), ["retried"] * bool(event.reset))
                case Expanded(keys=keys):
                    seen.update(["opened once more"] * (not keys), ["children of a matrix"] * (len(event.rows) > 1))
                    seen.update(["iteration tried again"] * (keys > ("3",)))
                case Started(address=address) if simulation.shape.is_final(address) and "/" in address:
                    seen.add("finally of a child")
                case Finished(final=False):
                    seen.add("tried again")
    assert seen >= {
        "closed succeeded",
        "closed failed",
        "closed waiting",
        "closed cancelled",
        "opened again",
        "retried",
        "tried again",
        "succeeded ok",
        "succeeded settled",
        "succeeded cached",
        "failed command-failed",
        "failed timed-out",
        "failed budget-exceeded",
        "failed start-failed",
        "failed expression-error",
        "failed check-failed",
        "failed children-failed",
        "failed exhausted",
        "failed unchanged",
        "failed path-policy-violation",
        "failed merge-conflict",
        "failed internal-error",
        "merged ok",
        "merged merge-conflict",
        "merged internal-error",
        "skipped empty-matrix",
        "iteration tried again",
        "opened once more",
        "children of a matrix",
        "finally of a child",
        "skipped if-false",
        "skipped upstream-failed",
        "skipped upstream-skipped",
        "skipped phase-not-reached",
        "skipped not-selected",
        "skipped cancelled",
        "skipped no-tests",
        "skipped not-configured",
        "cancelled requested",
        "cancelled fail-fast",
        "finally cancelled",
        "finally skipped",
        "waiting needs-decision",
        "waiting rejected",
        "queued None",
    }


def test_a_seed_gives_the_same_journal_again() -> None:
    assert simulate(17).journal == simulate(17).journal


def test_a_failing_seed_shows_its_plan_and_its_journal() -> None:
    class Wrong(Simulation):
        def compare(self) -> None:
            raise AssertionError("not as expected")

    with pytest.raises(AssertionError, match=r"(?s)seed 5: not as expected\n.*\"steps\".*\"opened\""):
        simulate(5, Wrong)


def test_the_oracle_reads_the_semantics_without_the_core() -> None:
    doc = plan_doc(
        {
            "one": {"nodes": {"a": {}, "b": {"needs": ["a"]}, "c": {"needs": ["a"], "trigger_rule": "all_done"}}},
            "two": {"gates": {"g": "approval"}, "nodes": {"d": {}}},
            "three": {"needs": [], "gates": {"h": "approval"}, "nodes": {"e": {}}},
        },
        {"f": {}},
    )
    ok = ("succeeded", "ok")
    ends = {"one.a": ("failed", "command-failed"), "one.c": ok, "three.e": ok, "finally.f": ok}
    facts = Facts(ends, {"two.g": ok, "three.h": ("waiting", "stale")}, {}, {}, {})
    expected = expect(doc, facts)
    assert expected.status == "waiting"
    assert expected.ends == {
        "one.a": ("failed", "command-failed"),
        "one.b": ("skipped", "upstream-failed"),
        "one.c": ok,
        "two.g": ("skipped", "phase-not-reached"),
        "two.d": ("skipped", "phase-not-reached"),
        "three.h": ("waiting", "stale"),
        "three.e": ("queued", None),
        "finally.f": ("queued", None),
    }
    assert expect(doc, facts._replace(gates={"two.g": ok, "three.h": ok})).status == "failed"

"""What events amount to: the laws of the reducer, the bytes of the journal, and what they cost."""

from __future__ import annotations

import copy
import hashlib
import sys
from random import Random
from typing import Any

import pytest
from plans import compiled
from play import START_MS, Play, finish_event
from simulation import Simulation, simulate

from orch.model.codec import UnknownEvent, decode, digest, encode
from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Finished, Observed, Opened, Requested, Settled, Skipped, Started
from orch.model.fold import apply, fold
from orch.model.retry import delay_ms
from orch.model.state import RunState
from orch.run.decide import decide

EVENTS: list[Event] = [
    Opened(START_MS, 1, {"run_id": "r", "pid": 1}, "0" * 64, "pidns", {"orch": "0"}, 3, ("build.a", "build.b")),
    Observed(START_MS, "build.g", "waiting", "needs-decision", "needs 1 more: tech_lead", {"have": []}),
    Started(START_MS + 1, "build.a", 1, "r/build.a", ["echo", "é"], "sub"),
    Finished(START_MS, "build.a", 1, False, "failed", "command-failed", 1, None, (), None, {"summary": "exit code 1"}),
    Finished(START_MS, "build.a", 2, True, "succeeded", "ok", 0, {"n": 3}, ({"name": "x", "path": "y", "sha256": ""},)),
    Skipped(START_MS, "build.b", "if-false"),
    Requested(START_MS, "7", "cancel", "ada", "accepted"),
    Settled(START_MS, "build.a", "probe", "not-done"),
    Closed(START_MS, "succeeded", "ok", {"n": {"value": 3}}, "1 succeeded"),
]


def state_of(seed: int) -> tuple[Simulation, list[Event]]:
    simulation = simulate(seed)
    return simulation, simulation.events()


# The journal's bytes


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_read_back_from_its_line_is_the_same(event: Event) -> None:
    line = encode(event, 4, "f" * 64)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == (4, "f" * 64, event)


def test_a_record_holds_what_is_not_its_default() -> None:
    assert b"logs" not in encode(EVENTS[2], 0, "")
    assert b"torn_bytes" not in encode(Opened(START_MS, 1, {}, "", "none", {}), 0, "")


def test_each_record_carries_the_digest_of_the_line_before() -> None:
    line = encode(EVENTS[0], 0, "a" * 64)
    assert digest(line) == digest(line[:-1]) == hashlib.sha256(line[:-1]).hexdigest()


def test_an_unknown_record_type_is_refused() -> None:
    line = encode(EVENTS[5], 0, "").replace(b'"skipped"', b'"promoted"')
    with pytest.raises(UnknownEvent, match="promoted"):
        decode(line)


@pytest.mark.parametrize("line", [b"[]", b"{}", b'{"seq":1', b'{"seq":1,"prev":"","at":"2026","type":"skipped"}'])
def test_a_line_that_is_no_record_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(line)


def test_a_record_with_an_unknown_field_is_refused() -> None:
    line = encode(EVENTS[5], 0, "").replace(b'"reason"', b'"resaon"')
    with pytest.raises(ValueError, match="resaon"):
        decode(line)


# The reducer


def test_event_by_event_is_the_same_as_folding_from_the_start() -> None:
    for seed in range(40):
        simulation, events = state_of(seed)
        assert fold(simulation.base, events) == simulation.state
        half = fold(simulation.base, events[: len(events) // 2])
        for event in events[len(events) // 2 :]:
            apply(half.plan, half, event)
        assert half == simulation.state


def test_a_repeated_event_folds_to_nothing() -> None:
    for seed in range(60):
        simulation, events = state_of(seed)
        twice = [event for event in events for _ in range(2)]
        assert fold(simulation.base, twice) == simulation.state


def test_a_stale_event_folds_to_nothing() -> None:
    """Results of attempts that are over, owners that are gone, requests that were answered."""
    for seed in range(60):
        simulation, events = state_of(seed)
        rng, state = Random(seed), RunState.new(simulation.base)
        for number, event in enumerate(events):
            apply(state.plan, state, event)
            old = rng.choice(events[: number + 1])
            if _is_past(state.plan, state, old):
                before = copy.deepcopy(state)
                apply(state.plan, state, old)
                assert state == before


def test_an_event_of_a_step_that_the_plan_does_not_have_folds_to_nothing() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    before = copy.deepcopy(play.state)
    for event in (
        Started(START_MS, "build.x", 1),
        Finished(START_MS, "build.x", 1, True, "succeeded", "ok"),
        Skipped(START_MS, "build.x", "if-false"),
        Settled(START_MS, "build.x", "ada", "done"),
        Observed(START_MS, "build.x", "succeeded", "ok", "", {}),
        Observed(START_MS, "build.a", "succeeded", "ok", "", {}),
    ):
        play.happened(event)
    assert play.state == before


def test_a_final_result_changes_only_by_reset() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}, "b": {}}}})).open()
    play.attempt("build.a", "command-failed")
    play.happened(finish_event(play, "build.a"))
    play.happened(Skipped(play.now, "build.a", "cancelled"))
    play.settle("build.a", "done", by="ada")
    play.open()
    assert play.result("build.a") == "failed command-failed"
    play.open("build.a")
    assert play.result("build.a") == "queued None"


def test_an_attempt_counts_the_starts_of_the_run() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    play.start("build.a")
    play.open()
    play.attempt("build.a", "command-failed")
    play.open("build.a")
    play.start("build.a")
    assert play.state.attempt == [3]


def test_the_largest_time_seen_is_kept_when_a_clock_goes_back() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    play.now -= 60_000
    play.attempt("build.a")
    assert play.state.latest_ms == START_MS


def test_a_cancel_asked_twice_is_one_cancel_and_a_refused_one_is_none() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    play.happened(Requested(START_MS, "1", "cancel", "ada", "refused"))
    assert play.next() == ["start build.a"]
    play.cancel("2")
    before = copy.deepcopy(play.state)
    play.cancel("2")
    assert play.state == before


def test_a_cancel_that_is_replayed_after_a_retry_does_not_cancel_again() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    play.start("build.a")
    play.cancel("1")
    assert play.run() == "cancelled"
    play.open("build.a")
    play.cancel("1")
    assert play.next() == ["start build.a"]


def test_the_record_of_an_earlier_owner_folds_to_nothing() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    first = play.events[0]
    play.open()
    play.start("build.a")
    play.happened(first)
    assert play.result("build.a") == "running None"


def test_an_exit_code_belongs_to_the_last_attempt() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {"retry": {}}}}})).open()
    play.attempt("build.a", "command-failed")
    assert play.state.exit_code == {0: 1}
    play.attempt("build.a", "timed-out")
    assert play.state.exit_code == {}


def test_retry_forgets_what_the_chosen_steps_gave() -> None:
    play = Play(compiled({"build": {"nodes": {"a": {}}}})).open()
    play.start("build.a")
    play.happened(finish_event(play, "build.a", outputs={"n": 1}, artifacts=({"name": "x"},), exit_code=0))
    play.open("build.a")
    assert (play.state.outputs, play.state.artifacts, play.state.exit_code) == ({}, {}, {})


def test_a_finally_step_that_must_not_run_twice_is_not_run_again_by_a_retry_of_others() -> None:
    final = {"f": {"effect": {"once": "k"}}, "g": {}}
    play = Play(compiled({"build": {"nodes": {"a": {}}}}, final), {"build.a": "command-failed"}).open()
    play.run()
    play.starts.clear()
    play.open("build.a").run()
    assert play.starts == ["build.a", "finally.g"]


# Delays


def due_after(failures: int, **retry: Any) -> int:
    play = Play(compiled({"build": {"nodes": {"a": {"retry": {"limit": 99, **retry}}}}})).open()
    for _ in range(failures):
        play.attempt("build.a", "command-failed")
    return play.state.due[0] - play.now


@pytest.mark.parametrize(
    ("retry", "delays"),
    [
        ({"delay_seconds": 1.0}, [1000, 2000, 4000]),
        ({"delay_seconds": 0.5, "backoff": 1.0}, [500, 500, 500]),
        ({"delay_seconds": 2.0, "backoff": 3.0, "max_delay_seconds": 5.0}, [2000, 5000, 5000]),
        ({"delay_seconds": 0.0}, [0, 0, 0]),
    ],
)
def test_the_delay_grows_by_the_backoff_up_to_its_maximum(retry: dict[str, Any], delays: list[int]) -> None:
    assert [due_after(failures, **retry) for failures in (1, 2, 3)] == delays


def test_a_delay_stays_within_its_maximum_after_very_many_failures() -> None:
    assert due_after(90, delay_seconds=1.0, backoff=10.0, max_delay_seconds=300.0) == 300_000


def test_jitter_is_drawn_from_run_address_and_attempt() -> None:
    draw = int.from_bytes(hashlib.sha256(b"r/build.a/1").digest()[:8], "big") / 2**64
    assert due_after(1, delay_seconds=10.0, jitter=0.5) == round(10_000 * (1 - 0.5 * draw))
    step: Any = compiled({"build": {"nodes": {"a": {"retry": {"delay_seconds": 10.0, "jitter": 1.0}}}}}).action(0).step
    assert len({delay_ms(step, 1, f"r/build.a/{attempt}") for attempt in range(50)}) > 45
    assert all(0 <= delay_ms(step, 1, str(seed)) <= 10_000 for seed in range(200))


# Costs


def in_core(frame: Any) -> bool:
    file = frame.f_code.co_filename
    return "/orch/model/" in file or "/orch/run/" in file


def calls_of(plan: Compiled, outcomes: dict[str, str] | None = None) -> tuple[int, int]:
    """Python calls into the core for a whole run, and its events."""
    play = Play(plan, outcomes)
    calls = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call" and in_core(frame)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        play.open().run()
    finally:
        sys.setprofile(before)
    return calls, len(play.events)


def wide(size: int) -> Compiled:
    return compiled({"one": {"nodes": {f"n{i}": {} for i in range(size)}}})


def chain(size: int) -> Compiled:
    return compiled({"one": {"nodes": {f"n{i}": {"needs": [f"n{i - 1}"]} if i else {} for i in range(size)}}})


def fan(size: int) -> Compiled:
    spec = {"matrix": [f"k{i}" for i in range(size)], "max_parallel": 4}
    return compiled({"one": {"nodes": {"m": spec, "x": {"needs": ["m"]}}}, "two": {"nodes": {"y": {}}}})


def retried(size: int) -> Compiled:
    return compiled({"one": {"nodes": {f"n{i}": {"retry": {"delay_seconds": 1.0}} for i in range(size)}}})


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("shape", [wide, chain, fan, retried])
def test_the_calls_of_a_run_grow_with_its_size_and_not_faster(shape: Any, fails: bool) -> None:
    def measured(size: int) -> float:
        plan = shape(size)
        outcomes = dict.fromkeys(plan.addresses, "command-failed") if fails else None
        calls, events = calls_of(plan, outcomes)
        return calls / events

    small, large = measured(100), measured(1600)
    assert large < 1.2 * small + 1
    assert large < 40


def lines_of(plan: Compiled, outcomes: dict[str, str] | None = None) -> float:
    """Lines of the core that a run steps through, for each of its events: loops that no call shows are seen too."""
    play = Play(plan, outcomes)
    lines = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal lines
        if not in_core(frame):
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        play.open().run()
    finally:
        sys.settrace(before)
    return lines / len(play.events)


@pytest.mark.parametrize("shape", [wide, chain, fan, retried])
@pytest.mark.parametrize("how", ["ok", "command-failed"])
def test_the_lines_stepped_through_for_an_event_do_not_grow_with_the_plan(shape: Any, how: str) -> None:
    small, large = shape(60), shape(960)
    few = lines_of(small, dict.fromkeys(small.addresses, how))
    many = lines_of(large, dict.fromkeys(large.addresses, how))
    assert many < 1.3 * few


def test_a_wide_plan_of_20_000_steps_costs_the_same_for_each_event() -> None:
    calls, events = calls_of(wide(20_000))
    assert events == 40_002
    assert calls / events < 20


def test_deciding_again_costs_nothing_for_what_waits() -> None:
    play = Play(retried(5000)).open()
    for address in play.plan.addresses:
        play.attempt(address, "command-failed")
    calls = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        assert len(decide(play.plan, play.state, play.now)) == 1
    finally:
        sys.setprofile(None)
    assert calls < 20


def _is_past(plan: Compiled, state: RunState, event: Event) -> bool:
    """Says the event itself that it is over? An attempt's number, an owner's and a request's do."""
    match event:
        case Started():
            return event.attempt <= state.attempt[plan.index_of[event.address]]
        case Finished():
            step = plan.index_of[event.address]
            return 0 < event.attempt < state.attempt[step] or (event.attempt > 0 and step not in state.running)
        case Opened() | Requested():
            return True
        case _:
            return False

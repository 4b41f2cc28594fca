"""A step takes as many of the jobs as its `slots` say, and is not overtaken while it waits for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from command import PROJECT, Desk
from plans import compiled, one_phase
from play import Play, once


def play(jobs: int, **nodes: Any) -> Play:
    return Play(compiled(one_phase(**nodes), max_in_flight=jobs)).open()


def test_what_runs_never_takes_more_jobs_than_there_are() -> None:
    run = play(4, a={"slots": 3}, b={}, c={})
    assert run.next() == ["start build.a", "start build.b"]
    run.start("build.a")
    run.start("build.b")
    assert run.next() == []
    run.end("build.b")
    assert run.next() == ["start build.c"]


def test_a_large_step_that_is_next_is_not_overtaken_by_small_ones() -> None:
    run = play(2, a={}, big={"slots": 2}, b={}, c={})
    assert run.next() == ["start build.a"]
    run.start("build.a")
    assert run.next() == []
    run.end("build.a")
    assert run.next() == ["start build.big"]
    run.start("build.big")
    assert run.next() == []
    run.end("build.big")
    assert run.next() == ["start build.b", "start build.c"]


def test_a_step_that_asks_for_more_than_there_is_takes_all() -> None:
    run = play(2, big={"slots": 20}, a={})
    assert run.next() == ["start build.big"]
    run.start("build.big")
    assert run.next() == []
    run.end("build.big")
    assert run.run() == "succeeded"


def test_a_large_step_that_is_tried_again_waits_for_its_jobs_too() -> None:
    run = play(2, big={"slots": 2, "retry": {"limit": 1, "delay_seconds": 1.0}}, a={}, b={})
    run.attempt("build.big", "command-failed")
    run.start("build.a")
    run.now += 1000
    assert run.next() == []
    run.end("build.a")
    assert run.next() == ["start build.big"]


def test_a_probe_takes_one_job() -> None:
    run = play(2, a={**once(probe="true"), "slots": 2}, b={})
    run.start("build.a")
    run.end("build.a", "timed-out")
    assert run.next() == ["probe build.a", "start build.b"]


def test_a_step_that_is_skipped_needs_no_jobs() -> None:
    run = play(2, a={}, big={"slots": 2, "if": "inputs.no"}, b={})
    assert run.next() == ["start build.a", "skip build.big if-false", "start build.b"]


def test_after_the_death_of_an_owner_all_jobs_are_free() -> None:
    run = play(2, big={"slots": 2}, a={})
    run.start("build.big")
    run.open()
    assert run.state.busy == 0
    assert run.next() == ["start build.big"]


def test_children_of_a_matrix_take_their_slots_each() -> None:
    run = Play(compiled(one_phase(m={"matrix": ["x", "y", "z"], "slots": 2}), max_in_flight=4)).open()
    assert run.next() == ["start build.m[x]", "start build.m[y]"]


def test_the_plan_says_what_takes_several_jobs_and_what_takes_all(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(
        "  one: { nodes: { a: { run: 'true', slots: 2 }, b: { run: 'true', slots: 9 }, c: { run: 'true' } } }\n"
    )
    lines = {line.split()[1]: line for line in desk.orch("plan", "--jobs", "4").out.splitlines() if "one." in line}
    assert "(takes 2 jobs)" in lines["one.a"]
    assert "(takes all jobs: it asks for 9 of 4)" in lines["one.b"]
    assert "takes" not in lines["one.c"]
    steps = json.loads(desk.orch("plan", "--json").out)["steps"]
    assert [step.get("slots") for step in steps] == [2, 9, None]
    desk.orch("apply", "--jobs", "2")

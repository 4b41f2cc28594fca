"""`max_parallel` bounds how many children of a matrix are at work, and one that waits for a person is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from command import PROJECT, Desk
from plans import compiled
from play import Play, once

from orch.model.fold import fold

GATED = {"push": {"gates": {"ok": "approval"}, "nodes": {"up": {}}}}


def sites(phases: dict[str, Any], final: dict[str, Any] | None = None, **more: Any) -> Play:
    """A matrix of child pipelines, one at a time."""
    child = {"pipeline": {"phases": phases, "final": final or {}}, "matrix": ["eu", "us"], "max_parallel": 1}
    return Play(compiled({"go": {"nodes": {"site": child}}}, **more)).open()


def turn(play: Play) -> list[str]:
    """What is decided now; done."""
    words = play.next()
    for decision in play.decisions():
        play._carry_out(decision)
    return words


def opened(play: Play) -> Play:
    """The first child waits at its gate, and the second one at its own."""
    play.gates = {"go.site[eu]/push.ok": "needs-decision", "go.site[us]/push.ok": "needs-decision"}
    assert turn(play) == ["expand go.site[eu]"]
    assert turn(play) == ["observe go.site[eu]/push.ok"]
    assert turn(play) == ["expand go.site[us]"]
    assert turn(play) == ["observe go.site[us]/push.ok"]
    return play


def test_a_child_that_waits_at_its_gate_lets_the_next_begin() -> None:
    play = opened(sites(GATED))
    assert play.run() == "waiting"
    assert fold(play.base, play.events) == play.state


def test_a_child_in_which_something_still_runs_keeps_its_place() -> None:
    play = sites({**GATED, "beside": {"needs": [], "nodes": {"long": {}}}})
    play.gates = {"go.site[eu]/push.ok": "needs-decision"}
    assert turn(play) == ["expand go.site[eu]"]
    play.start("go.site[eu]/beside.long")
    play.look("go.site[eu]/push.ok", "needs-decision")
    assert play.next() == []
    play.end("go.site[eu]/beside.long")
    assert play.next() == ["expand go.site[us]"]


def test_a_child_with_a_step_that_is_due_keeps_its_place_and_one_in_doubt_does_not() -> None:
    late = sites({"push": {"nodes": {"up": {"retry": {"limit": 1, "delay_seconds": 9.0}}}}})
    turn(late)
    late.attempt("go.site[eu]/push.up", "command-failed")
    assert late.next() == ["wait 9000 ms"]
    doubtful = sites({"push": {"nodes": {"up": once()}}})
    turn(doubtful)
    doubtful.attempt("go.site[eu]/push.up", "cancelled")
    assert doubtful.next() == ["expand go.site[us]"]
    asked = sites({"push": {"nodes": {"up": once(probe="true")}}})
    turn(asked)
    asked.attempt("go.site[eu]/push.up", "cancelled")
    assert asked.next() == ["probe go.site[eu]/push.up"]
    asked.settle("go.site[eu]/push.up", "in-doubt")
    assert asked.next() == ["expand go.site[us]"]


def test_a_child_whose_gate_opens_goes_on_when_there_is_a_place_again() -> None:
    play = opened(sites(GATED))
    for site in ("us", "eu"):
        play.look(f"go.site[{site}]/push.ok")
    assert play.next() == ["start go.site[us]/push.up"]
    play.attempt("go.site[us]/push.up")
    assert turn(play) == ["conclude go.site[us] succeeded ok"]
    assert play.next() == ["start go.site[eu]/push.up"]
    assert play.run() == "succeeded"
    assert fold(play.base, play.events) == play.state


def test_a_child_that_ends_without_having_its_place_again_leaves_none_behind() -> None:
    play = opened(sites({"push": {"gates": {"ok": "approval"}, "nodes": {"up": {"if": "1 == 2"}}}}))
    play.look("go.site[eu]/push.ok")
    play.look("go.site[us]/push.ok")
    assert play.run() == "succeeded"
    assert not any(play.state.active.values())
    assert not play.state.aside


def test_after_a_cancel_the_finally_of_each_child_has_a_place_in_turn() -> None:
    play = opened(sites(GATED, {"tell": {}}))
    play.cancel()
    assert all(word.startswith("skip ") for word in turn(play))
    assert play.next() == ["start go.site[eu]/finally.tell"]
    play.start("go.site[eu]/finally.tell")
    assert play.next() == []
    play.end("go.site[eu]/finally.tell")
    turn(play)
    assert play.next() == ["start go.site[us]/finally.tell"]
    assert play.run() == "cancelled"


def test_a_failure_that_ends_all_and_then_a_cancel_leave_the_finally_of_each_child_its_turn() -> None:
    child = {"pipeline": {"phases": GATED, "final": {"tell": {}}}, "matrix": ["eu", "us"], "max_parallel": 1}
    play = Play(compiled({"go": {"nodes": {"bad": {}, "site": child}}}, fail_fast=True)).open()
    play.start("go.bad")
    opened(play)
    play.end("go.bad", "command-failed")
    turn(play)
    play.start("go.site[eu]/finally.tell")
    play.cancel()
    assert play.next() == []
    play.end("go.site[eu]/finally.tell")
    assert play.run() == "failed"
    assert play.result("go.site[us]/finally.tell") == "succeeded ok"


def test_goals_one_at_a_time_are_all_shown_to_whoever_decides(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    gate = "gates: { ok: { approval: { subject: [src/f], require: { editor: 1 } } } }"
    desk.write("orch.yaml", PROJECT)
    desk.write("src/f", "one\n")
    site = f"phases: {{ go: {{ {gate}, nodes: {{ up: {{ run: echo up >> ran }} }} }} }}\n"
    desk.write("pipelines/site.yaml", "apiVersion: orch/v1\nkind: Pipeline\nname: site\n" + site)
    run = "goals: [{ id: eu }, { id: us }]\nrun: { pipelines: [./site.yaml] }\nlimits: { max_parallel: 1 }\n"
    desk.write("pipelines/goals.yaml", "apiVersion: orch/v1\nkind: Goals\nname: g\n" + run)
    said = desk.orch("goals", "pipelines/goals.yaml", code=4).out
    assert "site[us]/go.ok" in said


def test_a_child_whose_owner_died_over_a_step_that_is_in_doubt_lets_the_next_begin() -> None:
    play = sites({"push": {"nodes": {"up": once()}}})
    turn(play)
    play.start("go.site[eu]/push.up")
    play.open()
    assert turn(play) == ["expand go.site[eu]"]
    assert play.next() == ["expand go.site[us]"]
    assert fold(play.base, play.events) == play.state

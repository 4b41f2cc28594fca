"""A node says what it needs of the machine: programs, looked for when the plan is made and before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import PROJECT, Desk

ONE = "  one: { nodes: { a: { run: '%s', requires: [no_such_program]%s } } }\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    return desk


def test_a_program_that_is_not_there_is_a_warning_of_the_plan_with_its_place(desk: Desk) -> None:
    desk.pipeline(ONE % ("true", ""))
    said = desk.orch("plan")
    assert "warning[O407]: `a` requires `no_such_program`, which is not on PATH" in said.err
    assert "pipelines/main.yaml:5:" in said.err
    assert "(requires no_such_program)" in said.out
    again = desk.orch("plan", "--json")  # a plan from the cache would not look
    assert "O407" in again.err
    assert json.loads(again.out)["steps"][0]["requires"] == ["no_such_program"]


def test_a_node_does_not_start_without_what_it_requires(desk: Desk) -> None:
    desk.pipeline(ONE % ("echo >> effects", ""))
    said = desk.orch("apply", code=1)
    assert "the program 'no_such_program' is not on PATH" in said.out
    assert "install no_such_program, or name its folder in PATH" in said.out
    assert desk.node("one.a")["reason"] == "start-failed"
    assert desk.lines("effects") == 0


def test_a_node_starts_with_what_it_requires(desk: Desk) -> None:
    desk.program("no_such_program", "exit 0")
    desk.pipeline(ONE % ("echo >> effects", ""))
    assert "O407" not in desk.orch("apply").err
    assert desk.lines("effects") == 1


def test_a_path_of_the_node_itself_counts(desk: Desk) -> None:
    desk.program("no_such_program", "exit 0")
    path = desk.env.pop("PATH")
    desk.pipeline(ONE % ("echo >> effects", f", env: {{ PATH: '{path}' }}"))
    assert "O407" not in desk.orch("apply").err


def test_what_an_earlier_node_has_installed_counts(desk: Desk) -> None:
    desk.program("other", "exit 0")
    folder = desk.home / "programs"
    install = f"cp {folder}/other {folder}/no_such_program"
    desk.pipeline(f"  zero: {{ nodes: {{ z: {{ run: {install} }} }} }}\n" + ONE % ("true", ""))
    assert "O407" in desk.orch("apply").err


def test_a_finally_node_requires_programs_too(desk: Desk) -> None:
    more = "finally: { f: { run: 'true', requires: [no_such_program] } }\n"
    desk.pipeline("  one: { nodes: { a: { run: 'true' } } }\n", more)
    assert "`f` requires `no_such_program`" in desk.orch("apply", code=1).err

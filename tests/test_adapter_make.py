"""The adapter `make` on small makefiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Desk
from stacks import applied, needs, without_tools, write

GOOD, FAILS, EMPTY, BROKEN = "the tool", "fails", "empty", "broken"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk.at(tmp_path_factory.mktemp("make"))
    write(desk, GOOD, {"Makefile": "all: ; touch built\ncheck: ; test -f built && echo tested > tested\n"})
    write(desk, FAILS, {"GNUmakefile": "test: ; @echo wrong >&2; exit 3\n"})
    write(desk, EMPTY, {"makefile": "hello: ; echo hello\n"})
    write(desk, BROKEN, {"Makefile": "test:\n\tno_such_program_here\n"})
    commands = [("setup", "build", "test"), ("test",), ("setup", "lint", "test"), ("test",)]
    return applied(desk, "make", dict(zip((GOOD, FAILS, EMPTY, BROKEN), commands, strict=True)))


@needs("make")
def test_targets_are_made_in_a_folder_with_a_space_and_check_runs_the_tests(desk: Desk) -> None:
    for command in ("setup", "build", "test"):
        assert desk.node(f"main.{command}_0")["status"] == "succeeded"
    assert (desk.folder / GOOD / "tested").exists()
    assert "tests" not in desk.node("main.test_0")


@needs("make")
def test_a_target_that_fails_fails_the_node(desk: Desk) -> None:
    node = desk.node("main.test_1")
    assert (node["reason"], node["exit_code"]) == ("command-failed", 2)


@needs("make")
def test_without_a_target_setup_does_nothing_and_other_commands_are_skipped_with_the_names_looked_for(
    desk: Desk,
) -> None:
    assert desk.node("main.setup_2")["status"] == "succeeded"
    for command, names in (("lint", "no target `lint`"), ("test", "neither a target `test` nor `check`")):
        node = desk.node(f"main.{command}_2")
        assert (node["status"], node["reason"]) == ("skipped", "not-configured")
        assert names in node["sentence"]


@needs("make")
def test_a_program_that_a_recipe_lacks_is_told_as_the_cause(desk: Desk) -> None:
    assert "a recipe calls a program that is not installed" in desk.node("main.test_3")["sentence"]


@pytest.mark.parametrize("command", ["setup", "test"])
def test_without_make_nothing_starts_and_the_command_that_installs_it_is_told(tmp_path: Path, command: str) -> None:
    desk = Desk.at(tmp_path)
    desk.write("Makefile", "test: ; true\n")
    assert "apt-get install make" in without_tools(desk, "make", command)

"""What `orch adapters` and `orch validate` say of the adapters of a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Desk

BRICK = """\
apiVersion: orch/v1
kind: Adapter
name: brick
description: Walls of bricks.
detect:
  - { file: wall.brick, score: 90 }
  - { glob: "*.brick", matches: "^red", score: 50 }
variables:
  layer:
    - { when: { file: thick.txt }, value: double }
    - { value: single }
  mortar:
    - { when: { any: [{ file: lime.txt }, { file: clay.txt }] }, value: soft }
tools:
  sh: { install: apt-get install dash, version: [-V], min: "2.9" }
  trowel_of_nobody: { install: apt-get install trowel }
environment: { kind: folder, path: .orch/bricks }
files: [lay.sh]
commands:
  setup: { argv: [sh, "{files}/lay.sh", "--{layer}"], tools: [sh], env: { WALL: "{env}/wall" } }
  test:
    - when: { file: wall.brick }
      argv: [sh, -c, "true", "{mortar}"]
      needs: [setup]
      reports: [{ format: tap, path: "{reports}/wall.tap" }]
      none: { exit: 5, means: no wall }
    - { when: { file: ruin.txt }, skip: "a {layer} ruin is not tested" }
"""
CASE = """\
description: a wall of one layer
tree: { wall.brick: "" }
score: 90
variables: { layer: single, mortar: "" }
commands:
  setup: { argv: [sh, "{files}/lay.sh", --single, -v], env: { WALL: "{env}/wall" } }
  test: { argv: [sh, -c, "true", -v], env: {} }
args: [-v]
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", "name: walls\n")
    desk.write("adapters/brick/adapter.yaml", BRICK)
    desk.write("adapters/brick/lay.sh", "true\n")
    desk.program("sh", "echo sh 2.10.1")
    return desk


# list


def test_the_list_marks_the_adapter_that_auto_would_choose_and_says_why(desk: Desk) -> None:
    desk.write("wall.brick", "")
    said = desk.orch("adapters")
    rows = {line[2:].split()[0]: line.split() for line in said.out.splitlines()}
    assert rows["brick"][:5] == [">", "brick", "project", "wall.brick", "90"]
    assert rows["make"][:4] == ["make", "built-in", "-", "-"]
    assert said.out.endswith("\nauto is brick (wall.brick, 90)\n")
    assert desk.orch("adapters", "list").out == said.out


def test_the_list_says_that_auto_is_ambiguous_with_both_signs(desk: Desk) -> None:
    desk.write("wall.brick", "")
    desk.write("adapters/stone/adapter.yaml", BRICK.replace("brick", "stone").replace("files: [lay.sh]\n", ""))
    assert "O404" in desk.orch("adapters", code=3).err  # {files} without files
    stone = "apiVersion: orch/v1\nkind: Adapter\nname: stone\ndetect: [{ file: wall.brick, score: 80 }]\n"
    desk.write(
        "adapters/stone/adapter.yaml", stone + "commands: { test: { argv: [true] } }\n".replace("true", "'true'")
    )
    said = desk.orch("adapters").out
    assert said.endswith("\nauto is ambiguous: brick (wall.brick, 90) and stone (wall.brick, 80)\n")
    assert "> " not in said


def test_the_list_says_that_auto_finds_nothing(desk: Desk) -> None:
    assert desk.orch("adapters").out.endswith("\nauto finds no sign of any stack\n")


def test_the_list_as_json_has_origin_score_sign_and_choice(desk: Desk) -> None:
    desk.write("a.brick", "red\n")
    document = json.loads(desk.orch("adapters", "--json").out)
    rows = {row["name"]: row for row in document["adapters"]}
    assert rows["brick"] == {
        "name": "brick",
        "origin": "project",
        "path": "adapters/brick/adapter.yaml",
        "description": "Walls of bricks.",
        "score": 50,
        "sign": "*.brick matching ^red",
    }
    assert rows["make"]["origin"] == "built-in"
    assert document["auto"] == {"adapter": "brick", "because": "*.brick matching ^red, 50", "ambiguous": []}


def test_the_list_tells_the_mistakes_of_every_broken_adapter(desk: Desk) -> None:
    for name in ("one", "two"):
        desk.write(f"adapters/{name}/adapter.yaml", "kind: Adapter\n")
    said = desk.orch("adapters", "list", code=3).err
    assert "adapters/one/adapter.yaml:1:1" in said
    assert "adapters/two/adapter.yaml:1:1" in said


# show


def test_show_tells_signs_variables_tools_environment_and_what_each_command_becomes(desk: Desk) -> None:
    desk.write("wall.brick", "")
    desk.write("lime.txt", "")
    lines = [line.rstrip() for line in desk.orch("adapters", "show", "brick").out.splitlines()]
    assert lines[:2] == ["brick  project, adapters/brick/adapter.yaml", "Walls of bricks."]
    assert "  ✓  90  wall.brick" in lines
    assert "  -  50  *.brick matching ^red" in lines
    assert '  layer   "single"  (otherwise)' in lines
    assert '  mortar  "soft"  (lime.txt or clay.txt)' in lines
    (found,) = [line for line in lines if line.startswith("  ✓ sh ")]
    assert "2.10.1" in found
    assert "(2.9 or later)" in found
    assert lines[lines.index("environment") + 1] == "  folder  .orch/bricks"
    assert "  setup   sh {files}/lay.sh --single" in lines
    assert "          env     WALL={env}/wall" in lines
    assert "  test    sh -c true soft" in lines
    assert "          needs   setup" in lines
    assert "          report  tap, {reports}/wall.tap" in lines
    assert "          none    exit 5: no wall" in lines


def test_show_tells_how_a_missing_tool_is_installed(desk: Desk) -> None:
    lines = desk.orch("adapters", "show", "brick").out.splitlines()
    at = next(index for index, line in enumerate(lines) if "trowel_of_nobody" in line)
    assert "needs `trowel_of_nobody`, which is not on PATH" in lines[at]
    assert lines[at].strip().startswith("-")
    assert lines[at].endswith("(no command here needs it)")
    assert lines[at + 1].strip() == "apt-get install trowel"
    desk.write("adapters/brick/adapter.yaml", BRICK.replace("tools: [sh]", "tools: [trowel_of_nobody]"))
    assert "  ✗ trowel_of_nobody  needs" in desk.orch("adapters", "show", "brick").out
    document = json.loads(desk.orch("adapters", "show", "brick", "--json").out)
    assert document["tools"]["trowel_of_nobody"]["path"] is None
    assert document["tools"]["sh"]["version"] == "2.10.1"
    assert document["tools"]["sh"]["lacks"] is None


def test_show_looks_at_the_folder_that_is_named(desk: Desk) -> None:
    desk.write("packages/old/ruin.txt", "")
    desk.write("packages/old/thick.txt", "")
    assert "test    no variant fits here" in desk.orch("adapters", "show", "brick").out
    said = desk.orch("adapters", "show", "brick", "--cwd", "packages/old").out
    assert "signs in packages/old" in said
    assert "test    skipped: a double ruin is not tested" in said
    document = json.loads(desk.orch("adapters", "show", "brick", "--cwd", "packages/old", "--json").out)
    assert document["commands"]["test"] == {"skip": "a double ruin is not tested"}
    assert document["variables"]["layer"] == {"value": "double", "because": "thick.txt"}
    assert document["variables"]["mortar"] == {"value": "", "because": None}


def test_show_auto_shows_the_adapter_that_it_finds(desk: Desk) -> None:
    desk.write("wall.brick", "")
    assert "found by auto: wall.brick, 90" in desk.orch("adapters", "show", "auto").out
    assert "O403" in desk.orch("adapters", "show", "auto", "--cwd", "adapters", code=3).err


@pytest.mark.parametrize("cwd", ["..", "/", "nowhere", "wall.brick"])
def test_show_refuses_a_folder_that_is_not_in_the_project(desk: Desk, cwd: str) -> None:
    desk.write("wall.brick", "")
    assert f"--cwd {cwd} " in desk.orch("adapters", "show", "brick", "--cwd", cwd, code=2).err


def test_show_of_an_unknown_adapter_says_what_is_near(desk: Desk) -> None:
    said = desk.orch("adapters", "show", "brik", code=3).err
    assert "O401" in said
    assert "did you mean `brick`?" in said


# test


def test_a_case_that_holds_is_one_line_and_exit_0(desk: Desk) -> None:
    desk.write("adapters/brick/cases/wall.yaml", CASE)
    said = desk.orch("adapters", "test", "brick")
    assert said.out == "✓ adapters/brick/cases/wall.yaml  a wall of one layer\n"
    assert said.err == "1 case, 0 wrong\n"


def test_without_a_name_the_adapters_that_ship_are_tested_too(desk: Desk) -> None:
    desk.write("adapters/brick/cases/wall.yaml", CASE)
    said = desk.orch("adapters", "test", code=None)
    assert "✓ adapters/brick/cases/wall.yaml" in said.out
    assert "orch:adapters/make/cases/" in said.out or "make has no cases" in said.out


@pytest.mark.parametrize(
    ("old", "new", "what", "expected", "got"),
    [
        ("score: 90", "score: 50", "score", "50", "90"),
        ("layer: single", "layer: double", "variable layer", "double", "single"),
        ("layer: single", "layout: single", "variable layout", "single", "nothing of the kind"),
        ("--single, -v]", "--double, -v]", "setup.argv", "--double", "--single"),
        ("WALL: ", "HALL: ", "setup.env", '{"HALL": "{env}/wall"}', '{"WALL": "{env}/wall"}'),
        ("env: {}", "env: { A: b }", "test.env", '{"A": "b"}', "{}"),
        ("args: [-v]", "args: []", "test.argv", '"-v"', '["sh", "-c", "true"]'),
        ("{ wall.brick: ", "{ ruin.txt: ", "test.argv", '"-v"', '{"skip": "a single ruin is not tested"}'),
        ("  test: ", "  lint: ", "lint.argv", '"-v"', "nothing of the kind"),
        ('argv: [sh, -c, "true", -v], env: {}', "skip: no", "test.skip", "no", '["sh", "-c", "true", "-v"]'),
    ],
)
def test_a_case_that_does_not_hold_shows_what_was_expected_and_what_came(
    desk: Desk, old: str, new: str, what: str, expected: str, got: str
) -> None:
    assert old in CASE
    desk.write("adapters/brick/cases/wall.yaml", CASE.replace(old, new))
    lines = [line.strip() for line in desk.orch("adapters", "test", "brick", code=1).out.splitlines()]
    assert lines[0].startswith("✗ adapters/brick/cases/wall.yaml")
    at = lines.index(what)
    assert lines[at + 1].startswith("expected  ")
    assert expected in lines[at + 1]
    assert lines[at + 2].startswith("got       ")
    assert got in lines[at + 2]


def test_an_adapter_without_cases_is_named_and_nothing_tested_is_no_success(desk: Desk) -> None:
    said = desk.orch("adapters", "test", "brick", code=1)
    assert said.out == "! brick has no cases\n"


def test_a_case_that_is_no_case_is_a_mistake_with_its_place(desk: Desk) -> None:
    desk.write("adapters/brick/cases/wall.yaml", CASE.replace("score", "scores"))
    assert "adapters/brick/cases/wall.yaml:3:1" in desk.orch("adapters", "test", code=3).err


def test_testing_runs_no_tool(desk: Desk) -> None:
    desk.write("adapters/brick/cases/wall.yaml", CASE)
    desk.write("adapters/brick/adapter.yaml", BRICK.replace("echo sh 2.10.1", "touch ran"))
    desk.orch("adapters", "test", "brick")
    assert not (desk.folder / "ran").exists()


# validate


def test_validate_reads_the_adapters_and_cases_of_the_project_and_nothing_else_there(desk: Desk) -> None:
    desk.write("adapters/brick/cases/wall.yaml", CASE)
    desk.write("adapters/brick/template.yaml", "nothing: of ours\n")
    desk.write("adapters/plain/data.yaml", "nothing: of ours\n")
    assert desk.orch("validate").err == "✓ 3 files, no mistakes\n"
    assert desk.orch("validate", "adapters").err == "✓ 2 files, no mistakes\n"
    desk.write("adapters/brick/cases/wall.yaml", "tree: {}\n")
    desk.write("adapters/brick/adapter.yaml", BRICK.replace("{layer}", "{lair}"))
    said = desk.orch("validate", code=3).out
    assert "error[O102]" in said
    assert "adapters/brick/cases/wall.yaml:1:1" in said
    assert "error[O404]: `{lair}` stands for nothing" in said


def test_validate_finds_an_adapter_whose_folder_has_another_name_or_whose_files_are_missing(desk: Desk) -> None:
    desk.write("adapters/brick/adapter.yaml", BRICK.replace("name: brick", "name: bricks").replace("lay.sh]", "no.sh]"))
    said = desk.orch("validate", code=3).out
    assert said.count("error[O405]") == 2
    assert "adapters/brick/adapter.yaml:3:7" in said
    assert "adapters/brick/adapter.yaml:18:9" in said
    assert "rename the folder to `bricks`" in said


def test_validate_finds_what_replaces_a_built_in_adapter_and_what_replaces_none(desk: Desk) -> None:
    desk.write("adapters/make/adapter.yaml", BRICK.replace("name: brick", "name: make"))
    desk.write("adapters/make/lay.sh", "")
    desk.write("orch.yaml", "name: walls\noverrides: [adapters/brick]\n")
    said = desk.orch("validate", code=3).out
    assert said.count("error[O406]") == 2
    assert "adapters/make/adapter.yaml:3:7" in said
    assert "orch.yaml:2:13" in said
    desk.write("orch.yaml", "name: walls\noverrides: [adapters/make]\n")
    assert "no mistakes" in desk.orch("validate").err


def test_validate_looks_below_the_library_that_the_project_names(desk: Desk) -> None:
    desk.write("orch.yaml", "library: .orch\n")
    desk.write(".orch/adapters/brick/adapter.yaml", BRICK.replace("score: 90", "score: 900"))
    said = desk.orch("validate", code=3).out
    assert ".orch/adapters/brick/adapter.yaml:6:32" in said
    assert "2 files" not in said
    desk.write("orch.yaml", "library: ../other\n")
    assert "orch.yaml:1:10" in desk.orch("validate", code=3).out


def test_the_schema_of_adapters_is_printed(desk: Desk) -> None:
    assert json.loads(desk.orch("schema", "adapter").out)["title"] == "Adapter"
    assert "adapter" in desk.orch("schema").out.split()

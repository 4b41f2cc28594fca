"""What an adapter makes of a repository: conditions, signs, `auto`, commands; what a plan of adapter nodes says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import Desk

from orch.app.checkout import Checkout
from orch.plan.adapters import command_of, detect, sign_of
from orch.plan.cases import differences
from orch.plan.conditions import Conditions, words_of
from orch.plan.difference import Difference
from orch.source.read import parse
from orch.spec.adapter import Adapter, Case, When
from orch.spec.load import load_adapter
from orch.spec.repository import Repository, WrittenDown

HEAD = "apiVersion: orch/v1\nkind: Adapter\n"


def when(text: str) -> When:
    data: dict[str, Any] = parse(f"{{ {text} }}".encode(), "when.yaml").data
    return When.model_validate(data)


def holds(text: str, files: Mapping[str, str], cwd: str = ".", **variables: str) -> bool:
    return Conditions(WrittenDown(files), cwd).holds(when(text), variables)


def adapter(name: str, body: str) -> Adapter:
    text = f"{HEAD}name: {name}\n{body}"
    if "commands:" not in body:
        text += "commands: { test: { argv: [make] } }\n"
    return load_adapter(parse(text.encode(), f"{name}.yaml"))


def signed(name: str, *signs: str) -> Adapter:
    return adapter(name, f"detect: [{', '.join(f'{{ {sign} }}' for sign in signs)}]\n")


# Conditions: each that holds has a twin, one step different, that does not


@pytest.mark.parametrize(
    ("text", "files", "other"),
    [
        ("file: a.txt", {"a.txt": ""}, {"b/a.txt": ""}),
        ("file: b/a.txt", {"b/a.txt": ""}, {"a.txt": ""}),
        ("glob: '*.py'", {"a.py": ""}, {"b/a.py": ""}),
        ("glob: 'tests/**/*.py'", {"tests/b/c/a.py": ""}, {"test/a.py": ""}),
        ("glob: '**/test_*.py'", {"test_a.py": ""}, {"atest_.py": ""}),
        ("glob: '**/*.py'", {"a/a.py": ""}, {"node_modules/a.py": ""}),
        ("file: a.txt, matches: '^b'", {"a.txt": "a\nb"}, {"a.txt": "ab"}),
        ("file: a.txt, matches: b", {"a.txt": "b"}, {"b.txt": "b"}),
        ("glob: '*.txt', matches: b", {"a.txt": "a", "b.txt": "b"}, {"a.txt": "a", "b.txt": "a"}),
        ("toml: a.toml, has: tool.brick", {"a.toml": "[tool.brick]\n"}, {"a.toml": "[tool.stone]\n"}),
        ("toml: a.toml, has: tool.a.b", {"a.toml": "[tool.a]\nb = false\n"}, {"a.toml": "[tool]\na = 'b'\n"}),
        ("toml: a.toml, has: a.b.c", {"a.toml": '["a.b"]\nc = 1\n'}, {"a.toml": '["a.b.d"]\nc = 1\n'}),
        ("toml: a.toml, has: a.b", {"a.toml": '"a.b" = 1\n'}, {"a.toml": "a = 1\nb = 1\n"}),
        ("toml: a.toml, has: a, matches: '^x'", {"a.toml": "a = 'xy'\n"}, {"a.toml": "a = 'yx'\n"}),
        ("toml: a.toml, has: a, matches: pytest", {"a.toml": "a = ['pytest>8']\n"}, {"a.toml": "a = ['nose']\n"}),
        ("toml: a.toml, has: a", {"a.toml": "a = 1\n"}, {"a.toml": "a = \n"}),
        ("json: a.json, has: scripts.test", {"a.json": '{"scripts": {"test": ""}}'}, {"a.json": '{"scripts": {}}'}),
        ("json: a.json, has: a", {"a.json": '{"a": null}'}, {"a.json": "[1]"}),
        ("json: a.json, has: a", {"a.json": '\ufeff{"a": 1}'}, {"a.json": '{"a": 1'}),
        ("json: a.json, has: a", {"a.json": '{"a": 1}'}, {"a.json": "[" * 100_000}),
        ("json: a.json, has: a, matches: 'é'", {"a.json": '{"a": ["é"]}'}, {"a.json": '{"a": ["e"]}'}),
        ("ini: a.cfg, has: 'tool:pytest'", {"a.cfg": "[tool:pytest]\n"}, {"a.cfg": "[pytest]\n"}),
        ("ini: a.cfg, has: 'tool:pytest.testpaths'", {"a.cfg": "[tool:pytest]\ntestpaths=a\n"}, {"a.cfg": "[a]\n"}),
        ("ini: a.cfg, has: a.b.key", {"a.cfg": "[a.b]\nkey: 1\n"}, {"a.cfg": "[a]\nb = 1\n"}),
        ("ini: a.cfg, has: a.Key", {"a.cfg": "[a]\nKey = 1\n"}, {"a.cfg": "[a]\nkey = 1\n"}),
        ("ini: a.cfg, has: a.b", {"a.cfg": "[a]\nb = %(no)s\n"}, {"a.cfg": "b = 1\n"}),
        ("ini: a.cfg, has: a", {"a.cfg": "[a]\nx = 1\n[a]\nx = 2\n"}, {}),
        ("any: [{ file: a }, { file: b }]", {"b": ""}, {"c": ""}),
        ("none: [{ file: a }, { file: b }]", {"c": ""}, {"b": ""}),
        ("file: c, none: [{ file: a }]", {"c": ""}, {"a": "", "c": ""}),
        ("file: a, glob: '*.b'", {"a": "", "b.b": ""}, {"a": ""}),
        ("any: [{ none: [{ file: a }] }, { file: b }]", {"a": "", "b": ""}, {"a": ""}),
    ],
)
def test_a_condition_holds_where_all_that_it_says_is_true(
    text: str, files: dict[str, str], other: dict[str, str]
) -> None:
    assert holds(text, files)
    assert not holds(text, other)


def test_a_condition_on_a_variable_compares_its_value() -> None:
    assert holds("variable: runner, is: uv", {}, runner="uv")
    assert not holds("variable: runner, is: uv", {}, runner="pip")
    assert holds("variable: runner, is: ''", {}, runner="")


def test_paths_of_a_condition_count_from_the_working_directory_of_the_node() -> None:
    files = {"packages/api/setup.cfg": "[a]\n", "packages/api/x/a.py": ""}
    for text in ("file: setup.cfg", "glob: '*/*.py'", "ini: setup.cfg, has: a", "file: setup.cfg, matches: a"):
        assert holds(text, files, "packages/api")
        assert holds(text, files, "packages/api/")
        assert not holds(text, files)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file: a.txt", "a.txt"),
        ("glob: '*.py', matches: test", "*.py matching test"),
        ("file: a, matches: '0123456789012345678901234567890123456789'", f"a matching {'0123456789' * 4}"),
        ("file: a, matches: '01234567890123456789012345678901234567890'", f"a matching {'0123456789' * 4}"[:-1] + "…"),
        ("json: package.json, has: scripts.test", "package.json has scripts.test"),
        ("variable: runner, is: uv", "runner is uv"),
        ("any: [{ file: a }, { file: b }]", "a or b"),
        ("file: c, any: [{ file: a }, { file: b }]", "c and (a or b)"),
        ("none: [{ file: a }]", "without a"),
        ("file: a, glob: '*.b'", "a and *.b"),
        ("file: a, toml: b.toml, has: c, matches: d", "a and b.toml has c matching d"),
    ],
)
def test_a_condition_is_told_in_words(text: str, words: str) -> None:
    assert words_of(when(text)) == words


def both(files: Mapping[str, str], folder: Path) -> list[Repository]:
    """The same repository written down and on a disk."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return [WrittenDown(files), Checkout(str(folder))]


@pytest.mark.parametrize("pattern", ["*.py", "**/*.py", "a/**", "a/*.py", "a/*/c.py", "**", "a.py", "./a.py", "*/b/*"])
def test_a_checkout_and_a_repository_that_is_written_down_answer_alike(tmp_path: Path, pattern: str) -> None:
    names = ("a.py", "a/b.py", "a/b/c.py", "a/.hidden", "node_modules/x.py", "a/.venv/y.py", "dist", "b/target/z.py")
    written, checkout = both(dict.fromkeys(names, ""), tmp_path)
    assert checkout.matching(pattern) == written.matching(pattern)


# Signs and `auto`


def test_the_strongest_sign_that_is_found_counts() -> None:
    brick = signed("brick", "file: a, score: 3", "file: b, score: 7", "file: c, score: 9")
    assert sign_of(brick, WrittenDown({"a": "", "b": ""}), ".")[1:] == (7, "b")
    assert sign_of(brick, WrittenDown({"d": ""}), ".")[1:] == (0, "")


def test_auto_chooses_the_only_stack_and_says_by_which_sign() -> None:
    found = detect(
        [signed("brick", "file: a, score: 1"), signed("stone", "file: b, score: 100")], WrittenDown({"a": ""}), "."
    )
    assert (found.chosen, found.because) == ("brick", "a, 1")


def test_auto_finds_nothing_where_no_sign_is() -> None:
    found = detect([signed("brick", "file: a, score: 1")], WrittenDown({}), ".")
    assert (found.chosen, found.because, found.rivals) == (None, "no sign of any stack", ())


@pytest.mark.parametrize(("second", "chosen"), [(10, None), (6, None), (5, "brick")])
def test_ties_and_near_ties_are_ambiguous_with_both_reasons(second: int, chosen: str | None) -> None:
    stacks = [signed("stone", f"file: b, score: {second}"), signed("brick", "file: a, score: 10")]
    found = detect(stacks, WrittenDown({"a": "", "b": ""}), ".")
    assert found.chosen == chosen
    if chosen is None:
        assert found.because == f"brick (a, 10) and stone (b, {second})"
        assert [sign.adapter for sign in found.rivals] == ["brick", "stone"]


# Commands

WALL = """\
detect: [{ file: wall, score: 1 }]
variables:
  size: [{ when: { file: big }, value: big }]
  flag: [{ when: { variable: size, is: big }, value: "--{size}" }]
tools: { trowel: { install: get trowel } }
environment: { kind: venv, path: .orch/venv }
files: [lay.py]
env: { A: a, SIZE: "{size}" }
commands:
  setup: { argv: [trowel, "{flag}", "{args}", end], env: { A: b, E: "{env}/x" }, tools: [trowel] }
  test:
    - { when: { file: wall }, argv: [trowel, "{files}/lay.py", "{reports}/x.xml"] }
    - { when: { file: ruin }, skip: "a {size} ruin" }
"""


def made(name: str, *files: str, args: tuple[str, ...] = ()) -> dict[str, Any] | None:
    return command_of(adapter("wall", WALL), name, WrittenDown(dict.fromkeys(files, "")), ".", args)


def test_an_argument_that_becomes_empty_is_left_out() -> None:
    assert (made("setup") or {})["run"] == ["trowel", "end"]
    assert (made("setup", "big") or {})["run"] == ["trowel", "--big", "end"]


def test_arguments_of_the_node_stand_where_the_adapter_says_or_at_the_end() -> None:
    assert (made("setup", args=("x", "")) or {})["run"] == ["trowel", "x", "", "end"]
    assert (made("test", "wall", args=("-k", "a b")) or {})["run"][-2:] == ["-k", "a b"]


def test_places_that_only_a_run_knows_become_expressions() -> None:
    assert (made("test", "wall") or {})["run"][1:] == ["${{ adapter.files }}/lay.py", "${{ adapter.reports }}/x.xml"]
    assert (made("setup", "big") or {})["env"] == {"A": "b", "SIZE": "big", "E": "${{ adapter.env }}/x"}


def test_the_first_variant_that_fits_is_taken_and_none_is_no_command() -> None:
    assert (made("test", "ruin", "big") or {})["adapter"]["skip"] == "a big ruin"
    assert "run" not in (made("test", "ruin") or {})
    assert "run" in (made("test", "ruin", "wall") or {})
    assert made("test") is None
    assert made("lint", "wall") is None


# Plans

PAIR = {
    "brick": "detect: [{ file: wall.brick, score: 90 }]\n"
    "commands:\n  setup: { argv: [make, setup] }\n  test: { argv: [make, brick], needs: [setup] }\n",
    "stone": "detect: [{ file: wall.stone, score: 90 }]\n"
    "tools: { trowel_of_nobody: { install: get trowel } }\n"
    "commands:\n  test: { argv: [make, stone], tools: [trowel_of_nobody] }\n",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", "name: walls\n")
    for name, body in PAIR.items():
        desk.write(f"adapters/{name}/adapter.yaml", f"{HEAD}name: {name}\n{body}")
    desk.write("one/wall.brick", "")
    desk.write("two/wall.stone", "")
    return desk


def planned(desk: Desk, nodes: str, more: str = "", *words: str) -> dict[str, dict[str, Any]]:
    desk.pipeline(f"  main:\n    nodes:\n{nodes}", more)
    document = json.loads(desk.orch("plan", "--json", *words).out)
    return {step["address"]: step for step in document["steps"]}


def refused(desk: Desk, nodes: str, more: str = "") -> str:
    desk.pipeline(f"  main:\n    nodes:\n{nodes}", more)
    return desk.orch("plan", code=3).err


def test_auto_looks_below_the_working_directory_of_its_node(desk: Desk) -> None:
    steps = planned(
        desk,
        "      a: { adapter: auto, command: test, cwd: one }\n      b: { adapter: auto, command: test, cwd: two }\n",
    )
    assert steps["main.a"]["command"] == "brick test: make brick"
    assert steps["main.b"]["command"] == "stone test: make stone"
    assert steps["main.a"]["adapter"]["because"] == "wall.brick, 90"


def test_auto_that_cannot_tell_is_refused_with_the_signs_of_both(desk: Desk) -> None:
    desk.write("wall.brick", "")
    desk.write("wall.stone", "")
    said = refused(desk, "      a: { adapter: auto, command: test }\n")
    assert "O403" in said
    assert "brick (wall.brick, 90) and stone (wall.stone, 90)" in said
    assert "`adapter: brick`" in said
    (desk.folder / "wall.stone").unlink()
    assert planned(desk, "      a: { adapter: auto, command: test }\n")["main.a"]["command"] == "brick test: make brick"


def test_auto_that_finds_nothing_names_the_adapters_that_there_are(desk: Desk) -> None:
    said = refused(desk, "      a: { adapter: auto, command: test, cwd: adapters }\n")
    assert "O403" in said
    assert "in `adapters` `auto` finds no sign of any stack" in said
    assert "brick" in said


def test_a_command_that_the_stack_lacks_is_refused_with_those_that_it_has(desk: Desk) -> None:
    said = refused(desk, "      a: { adapter: stone, command: lint }\n")
    assert "O402" in said
    assert "the adapter `stone` has no `lint`" in said
    assert "it has test" in said


@pytest.mark.parametrize("text", ['{"name": "a", "scripts": {"test": "node --test"},}', "\n" * (1 << 20) + "{}"])
def test_a_broken_file_is_no_reason_to_skip(desk: Desk, text: str) -> None:
    desk.write("one/package.json", text)
    said = refused(desk, "      a: { adapter: node, command: test, cwd: one }\n")
    assert "O411" in said
    assert "`one/package.json` cannot be read as" in said
    assert "one/package.json" in desk.orch("adapters", "show", "node", "--cwd", "one").out
    planned(desk, "      a: { adapter: node, command: setup, cwd: one }\n")  # npm will tell what is broken


def test_a_broken_file_makes_a_case_that_expects_a_skip_wrong() -> None:
    variants = "[{ when: { json: a.json, has: a }, argv: [a] }, { skip: no a }]"
    it = adapter("it", f"detect: [{{ file: a.json, score: 1 }}]\ncommands: {{ test: {variants} }}\n")
    case = Case.model_validate({"description": "c", "tree": {"a.json": "{"}, "commands": {"test": {"skip": "no a"}}})
    assert differences(it, case) == [Difference("test", "no a", "`a.json` cannot be read as JSON")]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "package.json")
    assert Checkout(str(tmp_path)).text("package.json") is None


def test_an_unknown_adapter_is_refused_at_its_place_with_what_is_near(desk: Desk) -> None:
    said = refused(desk, "      a: { adapter: brik, command: test }\n")
    assert "O401" in said
    assert "did you mean `brick`?" in said
    assert "pipelines/main.yaml:7" in said


def test_each_child_of_a_matrix_has_its_own_adapter(desk: Desk) -> None:
    matrix = 'matrix: { stack: [brick, stone] }, adapter: "${{ matrix.stack }}", one_of: [brick, stone], command: test'
    steps = planned(desk, f"      a: {{ {matrix} }}\n")
    assert steps["main.a[brick]"]["command"] == "brick test: make brick"
    assert steps["main.a[stone]"]["command"] == "stone test: make stone"


def test_a_value_outside_of_one_of_is_refused_when_it_is_known(desk: Desk) -> None:
    matrix = 'matrix: { stack: [brick, stone] }, adapter: "${{ matrix.stack }}", one_of: [brick], command: test'
    said = refused(desk, f"      a: {{ {matrix} }}\n")
    assert "O409" in said
    assert "`adapter` is `stone`, which is not in `one_of`" in said


def test_an_adapter_that_a_node_computes_is_planned_with_all_that_it_may_be(desk: Desk) -> None:
    find = "      find: { run: ./find.sh, outputs: { stack: string } }\n"
    node = 'needs: [find], adapter: "${{ nodes.find.outputs.stack }}", one_of: [brick, stone], command: test'
    desk.pipeline(f"  main:\n    nodes:\n{find}      a: {{ {node} }}\n")
    desk.orch("plan", "-o", "plan.json")
    plan = json.loads((desk.folder / "plan.json").read_text())
    (step,) = [step for step in plan["steps"] if step["address"] == "main.a"]
    assert {name: one["run"] for name, one in step["one_of"].items()} == {
        "brick": ["make", "brick"],
        "stone": ["make", "stone"],
    }
    pinned = {resource["path"] for resource in plan["resources"]}
    assert {"adapters/brick/adapter.yaml", "adapters/stone/adapter.yaml"} <= pinned


# Advice


def test_a_command_whose_need_no_node_runs_is_told_once(desk: Desk) -> None:
    said_of = "      a: { adapter: brick, command: test, cwd: one }\n"
    desk.pipeline(f"  main:\n    nodes:\n{said_of}")
    said = desk.orch("plan").text
    assert said.count("O408") == 1
    assert "add setup: { adapter: brick, command: setup, cwd: one }" in said
    before = "      setup: { adapter: brick, command: setup, cwd: one }\n"
    desk.pipeline(f"  main:\n    nodes:\n{before}{said_of.replace('{ ', '{ needs: [setup], ')}")
    assert "O408" not in desk.orch("plan").text
    desk.pipeline(f"  first:\n    nodes:\n{before}  main:\n    nodes:\n{said_of}")
    assert "O408" not in desk.orch("plan").text
    desk.pipeline(f"  main:\n    nodes:\n{before.replace('one', 'two')}{said_of.replace('{ ', '{ needs: [setup], ')}")
    assert "O408" in desk.orch("plan").text


def test_a_tool_that_is_missing_is_a_warning_with_the_command_that_installs_it(desk: Desk) -> None:
    desk.pipeline("  main:\n    nodes:\n      a: { adapter: stone, command: test }\n")
    said = desk.orch("plan").text
    assert "O407" in said
    assert "`trowel_of_nobody`, which is not on PATH" in said
    assert "get trowel" in said
    desk.pipeline("  main:\n    nodes:\n      a: { adapter: brick, command: setup }\n")
    assert "O407" not in desk.orch("plan").text


@pytest.mark.parametrize(("version", "old"), [("3.9", False), ("3.10.1", False), ("3.8.20", True), ("3", True)])
def test_a_tool_that_is_older_than_it_must_be_is_a_warning(desk: Desk, version: str, old: bool) -> None:
    tool = 'tools: { sh: { min: "3.9", install: get sh, version: [-V] } }'
    desk.program("sh", f"echo v{version}")
    signs, commands = "detect: [{ file: x, score: 1 }]", "commands: { test: { argv: [sh], tools: [sh] } }"
    body = f"{signs}\n{tool}\n{commands}\n"
    desk.write("adapters/shell/adapter.yaml", f"{HEAD}name: shell\n{body}")
    desk.pipeline("  main:\n    nodes:\n      a: { adapter: shell, command: test }\n")
    said = desk.orch("plan").text
    assert ("`sh` 3.9 or later" in said) == old


@pytest.mark.parametrize(
    "tool", ['sh: { min: "1", version: [version]', 'sh: { min: "1", version: [-c, ./version]', './version: { min: "1"']
)
def test_a_plan_runs_nothing_of_the_repository_to_learn_the_version_of_a_tool(desk: Desk, tool: str) -> None:
    for name in ("version", "bin/version"):
        desk.write(name, "#!/bin/sh\ntouch was_run\n")
        (desk.folder / name).chmod(0o755)
    body = "detect: [{ file: x, score: 1 }]\ncommands: { test: { argv: [sh], tools: [TOOL] } }\n"
    body = body.replace("TOOL", tool.partition(":")[0]) + f"tools: {{ {tool}, install: get it }} }}\n"
    desk.write("adapters/shell/adapter.yaml", f"{HEAD}name: shell\n{body}")
    desk.pipeline("  main:\n    nodes:\n      a: { adapter: shell, command: test }\n")
    desk.orch("plan", code=None)
    desk.orch("adapters", "show", "shell", code=None)
    assert not (desk.folder / "was_run").exists()

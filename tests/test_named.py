"""How a step is named: by its address, or by what follows its phase; by one rule for all verbs."""

from __future__ import annotations

import json

import pytest
from command import PROJECT, Desk

HEAD = "apiVersion: orch/v1\nkind: Pipeline\n"
CHILD = """\
inputs: { at: { type: string } }
phases:
  unit:
    gates: { fine: { check: { expr: "inputs.at != 'nowhere'" } } }
    nodes:
      up: { run: echo up, effect: { once: "up-${{ inputs.at }}" } }
      own: { run: echo of the child }
"""
MAIN = """\
phases:
  build:
    nodes:
      list: { run: "printf '{\\"all\\": [\\"x\\"]}' > \\"$ORCH_OUTPUT\\"", outputs: { all: list } }
      late: { needs: [list], matrix: { n: "${{ nodes.list.outputs.all }}" }, run: echo late }
      goal: { matrix: { x: [a, b] }, run: echo goal, effect: { once: "goal-${{ matrix.x }}" } }
      fix: { loop: { until: nodes.test.status == 'succeeded', max_iterations: 2, nodes: { test: { run: echo test } } } }
      east: { pipeline: pipelines/child.yaml, with: { at: east } }
      west: { pipeline: pipelines/child.yaml, with: { at: west } }
      own: { run: echo of the pipeline itself }
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk.at(tmp_path_factory.mktemp("named"))
    desk.write("orch.yaml", PROJECT)
    desk.write("pipelines/child.yaml", HEAD + "name: child\n" + CHILD)
    desk.write("pipelines/main.yaml", HEAD + "name: main\n" + MAIN)
    desk.orch("apply", "pipelines/main.yaml")
    return desk


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("build.own", "build.own"),
        ("own", "build.own"),
        ("goal[a]", "build.goal[a]"),
        ("late[x]", "build.late[x]"),
        ("fix#1.test", "build.fix#1.test"),
        ("east/unit.up", "build.east/unit.up"),
        ("build.west/unit.own", "build.west/unit.own"),
    ],
)
def test_what_follows_the_phase_names_a_step_for_every_verb(ended: Desk, name: str, address: str) -> None:
    assert json.loads(ended.orch("explain", "@last", name, "--json").out)["address"] == address
    assert ended.orch("runs", "logs", "@last", name).out == ended.orch("runs", "logs", "@last", address).out


def test_a_matrix_is_named_for_all_its_children(ended: Desk) -> None:
    assert "it is a matrix of 2" in ended.orch("explain", "@last", "goal").out
    assert ended.orch("runs", "logs", "@last", "goal").out.count("goal\n") == 2
    assert "late" in ended.orch("runs", "logs", "@last", "late").out


def test_a_gate_of_a_child_is_named_as_any_step_is(ended: Desk) -> None:
    assert "build.west/unit.fine" in ended.orch("gate", "show", "west/unit.fine", "--run", "@last").out
    assert "2 child pipelines" in ended.orch("gate", "show", "fine", "--run", "@last", code=2).err


def test_a_name_that_several_steps_have_is_refused_with_all_of_them(ended: Desk) -> None:
    for words in (["explain", "@last", "up"], ["runs", "logs", "@last", "up"]):
        said = ended.orch(*words, code=2).err
        assert "O609" in said
        assert "one of: build.east/unit.up, build.west/unit.up" in said
    said = ended.orch("retry", "@last", "--only", "up", "--once-more", "up", code=2).err
    assert "2 steps of" in said


def test_a_name_that_no_step_has_is_answered_with_the_address_that_was_meant(ended: Desk) -> None:
    assert "did you mean `build.east/unit.up`?" in ended.orch("explain", "@last", "east.unit.up", code=2).err


def test_a_once_step_that_may_happen_again_is_named_as_short_as_any_other_and_its_address_is_kept(ended: Desk) -> None:
    assert "O627" in ended.orch("retry", "@last", "--only", "goal[a]", "--once-more", "east/unit.up", code=6).err
    ended.orch("retry", "@last", "--only", "east/unit.up", "--once-more", "east/unit.up")
    ended.orch("retry", "@last", "--only", "goal", "--once-more", "goal")
    records = [json.loads(line) for line in (ended.run_dir() / "journal.ndjson").read_text().splitlines()]
    said = [record["detail"] for record in records if record["type"] == "requested"]
    assert said == ["once more: build.east/unit.up", "once more: build.goal[a] build.goal[b]"]

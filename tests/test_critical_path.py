"""The critical path of a plan: which chain took longest in past runs, at no cost where there are none."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import networkx as nx
import pytest
from command import PROJECT, Desk
from random_plans import random_case

from orch.graph import graph_of
from orch.model.chain import longest_chain
from orch.model.codec import decode, digest, encode
from orch.model.compiled import GATE
from orch.model.events import Finished, Started
from orch.model.plan import seal
from orch.plan.compile import compile_plan
from orch.store.durations import durations

CHAINS = """
  make:
    nodes:
      a: { run: echo }
      b: { needs: [a], run: echo }
      c: { run: "test ! -e broken" }
  check:
    nodes:
      d: { run: echo }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk.at(tmp_path)
    made.write("orch.yaml", PROJECT)
    made.pipeline(CHAINS)
    return made


def ran(desk: Desk, *words: str, code: int = 0, **took_ms: int) -> str:
    """A run whose steps took so long, by its journal; its id."""
    desk.orch("apply", *words, code=code)
    journal = desk.run_dir() / "journal.ndjson"
    lines, prev = [], None
    for line in journal.read_bytes().splitlines():
        seq, old, event = decode(line)
        if isinstance(event, Started):
            event = event._replace(at=0)
        elif isinstance(event, Finished):
            event = event._replace(at=took_ms[event.address.partition(".")[2]])
        lines.append(encode(event, seq, prev or old))
        prev = digest(lines[-1])
    journal.write_bytes(b"".join(lines))
    return desk.run_dir().name


def path(desk: Desk, *words: str) -> Any:
    return json.loads(desk.orch("plan", *words, "--json").out).get("critical_path")


def test_a_plan_names_the_chain_that_took_longest_in_a_past_run_and_its_time(desk: Desk) -> None:
    run = ran(desk, a=1000, b=2500, c=3000, d=400)
    told = "Critical path, by past runs: 3.9s: make.a (1.0s) → make.b (2.5s) → check.d (0.40s)"
    assert told in desk.orch("plan").out.splitlines()
    assert path(desk) == {
        "seconds": 3.9,
        "steps": [
            {"address": "make.a", "seconds": 1.0},
            {"address": "make.b", "seconds": 2.5},
            {"address": "check.d", "seconds": 0.4},
        ],
        "runs": [run],
    }
    newer = ran(desk, a=1000, b=2500, c=60_000, d=400)
    assert path(desk)["runs"] == [newer]
    assert "1m00s: make.c (1m00s) → check.d" in desk.orch("plan").out


def test_without_a_past_run_of_this_pipeline_that_succeeded_nothing_is_said(desk: Desk) -> None:
    assert path(desk) is None
    desk.write("broken", "")
    ran(desk, code=1, a=1000, b=2500, c=3000)
    (desk.folder / "broken").unlink()
    assert path(desk) is None
    desk.write("pipelines/other.yaml", (desk.folder / "pipelines/main.yaml").read_text())
    ran(desk, "pipelines/other.yaml", a=1000, b=2500, c=3000, d=400)
    assert path(desk, "pipelines/main.yaml") is None
    assert "Critical path" not in desk.orch("plan", "pipelines/main.yaml").out
    assert path(desk, "pipelines/other.yaml")["seconds"] == 3.9


def test_a_step_counts_as_in_the_newest_run_that_has_it_and_a_new_one_is_not_known(desk: Desk) -> None:
    older = ran(desk, a=1000, b=2500, c=3000, d=400)
    newer = ran(desk, "--select", "a", a=5000)
    assert path(desk)["runs"] == [newer, older]
    assert path(desk)["seconds"] == 7.9
    desk.pipeline(CHAINS.replace("b: { needs: [a]", "new: { needs: [a], run: echo }\n      b: { needs: [new]"))
    assert "make.a (5.0s) → make.new (?) → make.b" in desk.orch("plan").out


OPENING = """
  make:
    nodes:
      list: { run: "printf '{\\"all\\": [1]}' > $ORCH_OUTPUT", outputs: { all: list } }
      each: { needs: [list], matrix: { n: "${{ nodes.list.outputs.all }}" }, run: sleep 0.02 }
      fix:
        needs: [each]
        loop: { until: loop.index == 2, max_iterations: 3, nodes: { one: { run: sleep 0.02 } } }
      part: { needs: [fix], pipeline: pipelines/part.yaml }
"""
PART = "apiVersion: orch/v1\nkind: Pipeline\nname: part\nphases: { a: { nodes: { b: { run: sleep 0.02 } } } }\n"


def test_a_loop_and_a_matrix_of_the_run_are_on_the_path_as_a_whole_and_a_child_pipeline_by_its_steps(
    desk: Desk,
) -> None:
    desk.pipeline(OPENING)
    desk.write("pipelines/part.yaml", PART)
    desk.orch("apply", "pipelines/main.yaml")
    found = path(desk, "pipelines/main.yaml")["steps"]
    took = {step["address"]: step["seconds"] for step in found}
    assert list(took) == ["make.list", "make.each", "make.fix", "make.part/a.b"]
    assert all(took[address] > 0 for address in ("make.each", "make.fix", "make.part/a.b"))


def record(seq: int, at: int, rest: str) -> str:
    return f'{{"seq":{seq},"prev":"{"0" * 64}","at":"2026-11-26T12:00:{at:02}.000Z","type":{rest}}}\n'


def test_of_what_opens_others_nothing_is_known_where_an_owner_followed_another(tmp_path: Path) -> None:
    opened, file = '"opened","epoch":1', tmp_path / "journal.ndjson"
    begun = '"expanded","address":"a.fix","keys":["1"]'
    ended = '"finished","address":"a.fix","attempt":0,"final":true,"status":"succeeded","reason":"ok"'
    alone = [opened, begun, begun, ended]
    file.write_text("".join(record(at, at, rest) for at, rest in enumerate(alone, 1)))
    assert durations(str(file)) == {"a.fix": 2000}
    file.write_text("".join(record(at, at, rest) for at, rest in enumerate([opened, begun, opened, begun, ended], 1)))
    assert durations(str(file)) == {}


def test_work_whose_patch_waited_to_be_merged_is_over_when_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "journal.ndjson"
    began = '"started","address":"a.w","attempt":1'
    ended = '"finished","address":"a.w","attempt":1,"final":false,"status":"waiting","reason":"unmerged"'
    file.write_text(record(1, 1, '"opened","epoch":1') + record(2, 2, began) + record(3, 5, ended))
    assert durations(str(file)) == {"a.w": 3000}


def test_what_is_left_out_is_on_no_path(desk: Desk) -> None:
    ran(desk, a=1000, b=2500, c=3000, d=400)
    assert [step["address"] for step in path(desk, "--select", "c")["steps"]] == ["make.c"]


def test_a_journal_that_is_damaged_is_no_past_run(desk: Desk) -> None:
    ran(desk, a=1000, b=2500, c=3000, d=400)
    journal = desk.run_dir() / "journal.ndjson"
    journal.write_bytes(journal.read_bytes().replace(b'"at":"1970', b'"at":"197x'))
    assert path(desk) is None


@pytest.mark.parametrize("seed", range(200))
def test_the_chain_is_as_long_as_the_longest_way_through_the_graph(seed: int) -> None:
    rng = Random(seed)
    plan = compile_plan(seal(random_case(rng).doc))
    while any(action.body for action in plan.action_table):  # how long that takes is not in the plan
        plan = compile_plan(seal(random_case(rng).doc))
    lengths = [0 if kind == GATE else rng.randrange(1, 100) for kind in plan.kinds]
    network = nx.DiGraph(graph_of(plan).edges)
    network.add_nodes_from(plan.addresses)
    until: dict[str, int] = {}
    for name in nx.topological_sort(network):
        step = plan.index_of.get(name)
        own = 0 if step is None or plan.is_group(step) else lengths[step]
        until[name] = own + max((until[before] for before in network.predecessors(name)), default=0)
    chain = longest_chain(plan, lengths)
    assert sum(lengths[step] for step in chain) == max(until.values(), default=0)
    for before, after in pairwise(plan.addresses[step] for step in chain):
        assert nx.has_path(network, before, after)

"""Plans and graphs as text: what is said, in which order, and in how much time."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from effort import calls
from plans import compiled, one_phase

from orch.graph import graph_of
from orch.model.chain import longest_chain
from orch.model.compiled import Compiled
from orch.render.graph_text import dot, graph_json, mermaid, tree
from orch.render.plan_json import plan_json
from orch.render.plan_order import dag_order
from orch.render.plan_text import plan_text
from orch.render.style import Style
from orch.render.svg import svg
from orch.run.forecast import RUN, Prospect, forecast

PHASES = {
    "build": {"nodes": {"late": {"needs": ["early"]}, "early": {}, "many": {"matrix": ["a", "b"], "needs": ["late"]}}},
    "ship": {
        "gates": {"agreed": {"check": "true"}},
        "nodes": {"push": {"run": ["git", "push", "a b"], "tags": ["net"]}, "all": {"needs": ["push"]}},
    },
}


PLAIN = Style()


def text(style: Style = PLAIN, *, dry_run: bool = False) -> str:
    plan = compiled(PHASES, {"tell": {}})
    return plan_text(plan, forecast(plan, 0, None), style, dry_run=dry_run)


def test_steps_are_shown_after_what_they_need() -> None:
    plan = compiled(PHASES, {"tell": {}})
    names = [plan.addresses[step] for step in dag_order(plan)]
    assert sorted(names) == sorted(plan.addresses[step] for step in plan.steps)
    assert names.index("build.early") < names.index("build.late") < names.index("build.many[a]")
    assert names.index("build.many[b]") < names.index("ship.agreed") < names.index("ship.push")
    assert names[-1] == "finally.tell"


def test_a_plan_in_order_is_shown_as_written() -> None:
    plan = compiled(one_phase(a={}, b={"needs": ["a"]}, c={}))
    assert dag_order(plan) == [0, 1, 2]


def test_a_line_has_the_address_the_word_and_the_command_or_the_reason() -> None:
    lines = text().splitlines()
    assert [line for line in lines if re.search(r"\+ build\.late +run +true$", line)]
    assert [line for line in lines if re.search(r"\+ ship\.push +run +git push 'a b'  \[net\]$", line)]


def gated(trust: str, **needs: list[str]) -> str:
    gate = {"kind": "approval", "subject": ["a.md"], "require": {"editor": 1}, "trust": trust}
    phases: dict[str, Any] = {
        "draft": {"nodes": {"write": {}}},
        "publish": {"gates": {"agreed": {"kind": "", "gate": gate}}, "nodes": {"go": {}}},
    }
    for phase, names in needs.items():
        phases[phase]["needs"] = names
    plan = compiled(phases)
    return plan_text(plan, forecast(plan, 0, None), PLAIN, dry_run=True)


def test_a_gate_that_nodes_of_its_run_could_open_for_themselves_is_told() -> None:
    said = "Trust of publish.agreed: file — a command of this run could write the decision itself; `trust: committed`"
    assert said in gated("file")
    assert said in gated("file", publish=[])  # beside it is as good as before it
    assert "Trust" not in gated("committed")
    assert "Trust" not in gated("file", publish=[], draft=["publish"])


def test_a_check_that_cannot_be_known_yet_is_not_called_open() -> None:
    phases = {
        "build": {"nodes": {"test": {"outputs": {"n": "integer"}}}},
        "ship": {
            "gates": {"enough": {"check": "nodes.test.outputs.n > 1"}, "sure": {"check": "inputs.yes"}},
            "nodes": {"go": {}},
        },
    }
    plan = compiled(phases)
    assert dict(zip(plan.addresses, forecast(plan, 0, None), strict=True)) == {
        "build.test": RUN,
        "ship.enough": Prospect("later", "known after build.test"),
        "ship.sure": Prospect("open", ""),
        "ship.go": RUN,
    }
    said = plan_text(plan, forecast(plan, 0, None), PLAIN, dry_run=False)
    assert re.search(r"· ship\.enough +later +known after build\.test$", said, re.MULTILINE)
    assert "Plan: 2 to run, 1 open, 1 later." in said


def test_inputs_are_shown_as_they_are_given() -> None:
    inputs = {"dry": False, "os": ["debian", "alpine"], "name": "a b", "n": 1.5}
    plan = compiled(PHASES, inputs=inputs)
    said = plan_text(plan, forecast(plan, 0, None), PLAIN, dry_run=False)
    assert 'inputs  dry=false  os=["debian","alpine"]  name=a b  n=1.5\n' in said


def test_one_line_sums_up_and_unsandboxed_is_said_once() -> None:
    said = text()
    assert "Plan: 7 to run, 1 open." in said
    assert said.count("unsandboxed") == 1


def test_a_dry_run_says_what_it_assumes() -> None:
    assert "assumed" not in text()
    assert "every gate is assumed open" in text(dry_run=True)


def test_a_terminal_line_is_cut_and_a_command_to_paste_is_not() -> None:
    plan = compiled(one_phase(long={"run": "echo " + "x" * 300}, gated={}))
    waits = Prospect("wait", "needs 1 more: editor — orch approve agreed --role editor --by NAME --run " + "y" * 60)
    for color in (False, True):
        lines = plan_text(plan, [RUN, waits], Style(color=color, width=60), dry_run=False).splitlines()
        plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
        assert all(len(line) <= 60 for line in plain if "build.long" in line)
        assert any(line.endswith("y" * 60) for line in plain)


def test_without_a_terminal_nothing_is_cut() -> None:
    plan = compiled(one_phase(long={"run": "echo " + "x" * 300}))
    assert "x" * 300 in plan_text(plan, [RUN], Style(), dry_run=False)


def test_ascii_is_ascii() -> None:
    assert text(Style(unicode=False)).isascii()
    plan = compiled(PHASES)
    assert tree(plan, graph_of(plan), Style(unicode=False)).isascii()


def test_what_a_terminal_would_obey_is_escaped() -> None:
    plan = compiled(one_phase(odd={"run": ["echo", "\x1b[2J"]}))
    said = plan_text(plan, [RUN], Style(), dry_run=False)
    assert "\x1b" not in said
    assert "\\x1b[2J" in said


def test_json_has_every_step_with_its_word() -> None:
    plan = compiled(PHASES, {"tell": {}})
    document = json.loads(plan_json(plan, forecast(plan, 0, None), dry_run=True))
    assert [*document][:2] == ["format_version", "dry_run"]
    assert len(document["steps"]) == len(plan.steps)
    assert document["summary"] == {"run": 7, "open": 1}
    assert {step["kind"] for step in document["steps"]} == {"run", "gate"}


def test_a_step_of_a_large_plan_costs_a_few_calls() -> None:
    plan = compiled(one_phase(**{f"n{i}": {} for i in range(10_000)}))
    assert plan_text(plan, [RUN] * plan.size, Style(color=True), dry_run=False).count("\n") > 10_000
    assert calls(lambda: plan_text(plan, [RUN] * plan.size, Style(color=True), dry_run=False)) < 10 * plan.size


def test_a_graph_goes_through_gates_and_phases() -> None:
    graph = graph_of(compiled(PHASES, {"tell": {}}))
    edges = set(graph.edges)
    assert ("build.early", "build.late") in edges
    assert ("build.many[a]", "ship.agreed") in edges
    assert ("ship.agreed", ":ship") in edges
    assert (":ship", "ship.push") in edges
    assert ("ship.all", ":finally") in edges
    layer = {vertex.name: vertex.layer for vertex in graph.vertices}
    assert all(layer[before] < layer[after] for before, after in edges)


def test_what_needs_a_matrix_hangs_on_all_its_children() -> None:
    graph = graph_of(compiled(one_phase(m={"matrix": ["a", "b"]}, after={"needs": ["m"]})))
    assert {("build.m[a]", "build.m"), ("build.m[b]", "build.m"), ("build.m", "build.after")} <= set(graph.edges)


def test_a_tree_shows_the_children_of_a_matrix_and_says_where_there_are_none() -> None:
    plan = compiled(one_phase(many={"matrix": ["a", "b"]}, none={"matrix": []}, all={"needs": ["many", "none"]}))
    lines = tree(plan, graph_of(plan), PLAIN).splitlines()
    assert lines[2:6] == [
        "   ├─ none  (an empty matrix)",
        "   ├─ many[a]  true",
        "   ├─ many[b]  true",
        "   └─ all  true  (needs many, none)",
    ]


def test_a_matrix_without_values_stands_in_the_graph_also_where_nothing_needs_it_and_the_next_phase_follows_it() -> (
    None
):
    phases = {"one": {"nodes": {"a": {}, "none": {"matrix": []}}}, "two": {"nodes": {"b": {}}}}
    graph = graph_of(compiled(phases))
    assert [vertex.name for vertex in graph.vertices if vertex.kind == "matrix"] == ["one.none"]
    assert {(":one", "one.none"), ("one.none", ":two"), ("one.a", ":two")} <= set(graph.edges)


def test_the_longest_chain_counts_steps_or_seconds() -> None:
    plan = compiled(one_phase(a={}, b={"needs": ["a"]}, c={"needs": ["b"]}, slow={}))
    assert graph_of(plan).chain == ["build.a", "build.b", "build.c"]
    assert [plan.addresses[step] for step in longest_chain(plan, [1, 0, 0, 60])] == ["build.slow"]


def test_matrices_that_follow_each_other_do_not_multiply_edges() -> None:
    keys = [str(i) for i in range(100)]
    phases = {"one": {"nodes": {"m": {"matrix": keys}}}, "two": {"nodes": {"m2": {"matrix": keys}}}}
    assert len(graph_of(compiled(phases)).edges) < 500


def test_every_format_shows_every_step() -> None:
    plan = compiled(PHASES, {"tell": {}})
    graph = graph_of(plan)
    shown = {"tree": tree(plan, graph, Style()), "mermaid": mermaid(plan, graph), "dot": dot(plan, graph)}
    for form, said in {**shown, "svg": svg(graph, "p"), "json": graph_json(plan, graph)}.items():
        for address in plan.addresses:
            assert address.partition(".")[2] in said, form


def test_an_svg_is_xml_and_grows_with_the_graph() -> None:
    plan = compiled(one_phase(**{f"n{i}": {} for i in range(500)}))
    root = ET.fromstring(svg(graph_of(plan), 'a <b> & "c"'))
    assert len(root.findall(".//{*}rect")) == 501
    assert root.find("{*}title").text == 'a <b> & "c"'  # type: ignore[union-attr]


@pytest.mark.parametrize("phases", [{"a": {"nodes": {"x": {}}}, "b": {"needs": [], "nodes": {"y": {}}}}])
def test_phases_that_need_nothing_stand_side_by_side(phases: dict[str, object]) -> None:
    layer = {vertex.name: vertex.layer for vertex in graph_of(compiled(phases)).vertices}
    assert layer["a.x"] == layer["b.y"]


def shown(plan: Compiled) -> dict[str, Any]:
    """The commands of a plan by address, as JSON has them; each stands in the text, too."""
    foreseen = forecast(plan, 0, None)
    commands = {
        step["address"]: [step["command"], *(node["command"] for node in step.get("body", ()))]
        for step in json.loads(plan_json(plan, foreseen, dry_run=False))["steps"]
    }
    lines = plan_text(plan, foreseen, PLAIN, dry_run=False)
    assert all(command in lines for each in commands.values() for command in each)
    return commands


def test_a_command_is_shown_with_the_values_that_are_known_when_the_plan_is_made() -> None:
    words = ["echo", "${{ matrix.key }}", "${{ inputs.who | upper }}", "${{ nodes.mk.outputs.u }}-${{ inputs.who }}"]
    nodes = one_phase(
        mk={"outputs": {"u": "string"}},
        goal={"matrix": ["a", "b"], "run": words, "needs": ["mk"]},
        bad={"run": ["echo", "${{ inputs.all }}", "${{ inputs.all | join('+') }}", "of ${{ inputs.none }}"]},
    )
    assert shown(compiled(nodes, inputs={"who": "me", "all": ["x", "y"]})) == {
        "build.mk": ["true"],
        "build.goal[a]": ["echo a ME '${{ nodes.mk.outputs.u }}-me'"],
        "build.goal[b]": ["echo b ME '${{ nodes.mk.outputs.u }}-me'"],
        "build.bad": ["echo '${{ inputs.all }}' x+y 'of ${{ inputs.none }}'"],
    }


def test_what_goes_round_in_a_matrix_is_shown_with_the_values_of_each_child() -> None:
    loop = {
        "until": "nodes.t.status == 'succeeded'",
        "max_iterations": 2,
        "nodes": {"t": {"run": ["echo", "${{ matrix.key }}-${{ loop.index }}"]}},
    }
    plan = compiled(one_phase(goal={"matrix": ["a", "b"], "loop": loop}))
    bodies = {address: told[1] for address, told in shown(plan).items()}
    assert bodies == {"build.goal[a]": "echo 'a-${{ loop.index }}'", "build.goal[b]": "echo 'b-${{ loop.index }}'"}

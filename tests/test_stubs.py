"""A dry run with stubs goes to the end with what is given; what the pipeline could not give is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import PROJECT, Desk
from plans import compiled, one_phase

from orch.model.stubs import Stub, Stubs
from orch.plan.placeholders import placeholders
from orch.render.stubs_yaml import stubs_yaml
from orch.run.forecast import Prospect, forecast
from orch.source.read import parse
from orch.spec.load import load_stubs

PHASES = """
  plan:
    nodes:
      make_plan: { run: touch started, outputs: { schema: schemas/plan.json } }
      test:
        run: touch started
        outputs: { coverage: number }
        retry: { limit: 1, delay: 1s }
        allow_failure: true
      lint: { run: touch started, matrix: { lang: [a, b] }, outputs: { findings: integer } }
  build:
    gates:
      approved:
        if: nodes.make_plan.outputs.risky
        approval: { subject: ["output:make_plan"], require: { editor: 1 } }
      good: { check: { expr: nodes.test.outputs.coverage | default(1) >= 0.8 } }
    nodes:
      safe: { run: touch started, if: not nodes.make_plan.outputs.risky }
"""
SCHEMA = {
    "type": "object",
    "required": ["goals", "risky"],
    "additionalProperties": False,
    "properties": {
        "goals": {"type": "array", "items": {"$ref": "#/$defs/goal"}},
        "risky": {"type": "boolean"},
        "kind": {"enum": ["a", "b"]},
    },
    "$defs": {"goal": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "minLength": 6}}}},
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("schemas/plan.json", json.dumps(SCHEMA))
    desk.pipeline(PHASES)
    return desk


def words(desk: Desk, stubs: str) -> dict[str, str]:
    desk.write("stubs.yaml", stubs)
    steps = json.loads(desk.orch("plan", "--dry-run", "--stubs", "stubs.yaml", "--json").out)["steps"]
    return {step["address"]: step["word"] for step in steps}


def test_conditions_and_checks_are_evaluated_with_what_the_stubs_give(desk: Desk) -> None:
    risky = words(desk, "nodes: { make_plan: { outputs: { goals: [], risky: true } } }")
    assert (risky["build.approved"], risky["build.safe"], risky["build.good"]) == ("open", "skip", "later")
    calm = words(
        desk,
        "nodes: { make_plan: { outputs: { goals: [], risky: false } }, plan.test: { outputs: { coverage: 0.5 } } }",
    )
    assert (calm["build.approved"], calm["build.good"], calm["build.safe"]) == ("skip", "fail", "skip")
    assert not (desk.folder / "started").exists()


def test_without_a_stub_what_a_node_gives_is_known_only_after_it(desk: Desk) -> None:
    assert set(words(desk, "{ }").values()) == {"run", "later"}
    assert "known after plan.make_plan" in desk.orch("plan", "--dry-run", "--stubs", "stubs.yaml").out


def test_a_stub_without_outputs_says_how_the_node_ends_and_leaves_open_what_it_gives() -> None:
    plan = compiled(
        {
            "a": {"nodes": {"x": {"outputs": {"n": "integer"}}}},
            "b": {"nodes": {"y": {"if": "nodes.x.status == 'failed'"}, "z": {"if": "nodes.x.outputs.n == 1"}}},
        }
    )
    words = [prospect.word for prospect in forecast(plan, 0, None, Stubs({"a.x": (Stub(),)}))]
    assert words == ["run", "skip", "run"]


def test_a_node_that_fails_as_stubbed_is_tried_again_as_the_plan_says() -> None:
    plan = compiled(one_phase(a={"retry": {"limit": 1}}, b={"needs": ["a"]}))
    failed, fine = Stub("failed", "command-failed", 1), Stub()
    assert forecast(plan, 0, None, Stubs({"build.a": (failed, fine)})) == [Prospect("run", ""), Prospect("run", "")]
    assert forecast(plan, 0, None, Stubs({"build.a": (failed,)})) == [
        Prospect("fail", "command-failed (attempt 2), as stubbed"),
        Prospect("skip", "upstream-failed"),
    ]


@pytest.mark.parametrize(("probe", "word"), [("done", "run"), ("not-done", "run")])
def test_the_probe_of_a_once_step_is_answered_by_the_stub(probe: str, word: str) -> None:
    plan = compiled(one_phase(a={"effect": {"once": "k", "probe": "true"}}, b={"needs": ["a"]}))
    timed_out = Stub("failed", "timed-out", None, None, probe)
    told = forecast(plan, 0, None, Stubs({"build.a": (timed_out, Stub())}))
    assert told[1].word == ("run" if probe == "done" else "skip")


def test_a_once_step_in_doubt_without_a_probe_waits() -> None:
    plan = compiled(one_phase(a={"effect": {"once": "k"}}, b={"needs": ["a"]}))
    told = forecast(plan, 0, None, Stubs({"build.a": (Stub("failed", "timed-out", None),)}))
    assert [prospect.word for prospect in told] == ["wait", "later"]


def test_a_command_that_cannot_be_made_of_what_is_given_fails() -> None:
    plan = compiled(
        {
            "a": {"nodes": {"x": {"outputs": {"where": "string", "n": "object"}}}},
            "b": {
                "nodes": {
                    "cd": {"cwd": "${{ nodes.x.outputs.where }}"},
                    "say": {"run": ["echo", "${{ nodes.x.outputs.n }}"]},
                }
            },
        }
    )
    told = forecast(plan, 0, None, Stubs({"a.x": (Stub(outputs={"where": "../up", "n": {}}),)}))
    assert [prospect.word for prospect in told] == ["run", "fail", "fail"]
    assert "leaves the project" in told[1].why
    assert "tojson" in told[2].why
    fine = forecast(plan, 0, None, Stubs({"a.x": (Stub(outputs={"where": "down", "n": 1}),)}))
    assert [prospect.word for prospect in fine] == ["run", "run", "run"]


def test_a_gate_stands_as_its_stub_says_and_others_are_open(desk: Desk) -> None:
    risky = "nodes: { make_plan: { outputs: { goals: [], risky: true } } }\n"
    assert words(desk, risky + "gates: { approved: open }")["build.approved"] == "open"
    assert words(desk, risky + "gates: { build.approved: needs-decision }")["build.approved"] == "wait"
    told = words(desk, risky + "gates: { approved: rejected }")
    assert (told["build.approved"], told["build.safe"]) == ("blocked", "later")


def test_the_nearest_address_of_a_matrix_or_a_loop_counts() -> None:
    whole, child, turn = Stub(exit_code=1), Stub(exit_code=2), Stub(exit_code=3)
    stubs = Stubs({"b.goal": (whole,), "b.goal[x]": (child,), "b.goal.test": (turn,), "b.goal[x]#2.test": (child,)})
    assert stubs.of("b.goal[x]", 1) == child
    assert stubs.of("b.goal[y]", 1) == whole
    assert stubs.of("b.goal[x]#1.test", 1) == turn
    assert stubs.of("b.goal[x]#2.test", 1) == child
    assert stubs.of("b.other", 1) is None


@pytest.mark.parametrize(
    ("stubs", "code", "place"),
    [
        ("nodes: { tests: {} }", "O290", "1:10"),
        ("nodes: { approved: {} }", "O290", "1:10"),
        ("nodes: { 'plan.lint[c]': {} }", "O290", "1:10"),
        ("gates: { test: open }", "O290", "1:10"),
        ("nodes: { test: { outputs: {} } }", "O291", "1:18"),
        ("nodes: { test: { outputs: { coverage: much } } }", "O291", "1:39"),
        ("nodes: { test: { outputs: { coverage: 1, more: 1 } } }", "O291", "1:42"),
        ("nodes: { make_plan: { outputs: { goals: [{ id: ab }], risky: true } } }", "O291", "1:48"),
        ("nodes: { safe: { outputs: { n: 1 } } }", "O291", "1:18"),
        ("nodes: { test: { reason: command-failed } }", "O292", "1:26"),
        ("nodes: { test: { status: failed, exit_code: 0 } }", "O292", "1:45"),
        ("nodes: { test: { status: failed, outputs: { coverage: 1 } } }", "O292", "1:34"),
        ("gates: { good: open }", "O292", "1:10"),
    ],
)
def test_a_stub_that_the_pipeline_could_not_give_is_refused_with_its_place(
    desk: Desk, stubs: str, code: str, place: str
) -> None:
    desk.write("stubs.yaml", stubs)
    said = desk.orch("plan", "--dry-run", "--stubs", "stubs.yaml", code=3).err
    assert f"error[{code}]" in said
    assert f"stubs.yaml:{place}" in said


@pytest.mark.parametrize(
    "stubs",
    [
        "nodes: { test: {} }",
        "gates: { approved: open }",
        "nodes: { 'plan.lint[b]': {}, lint: {} }",
        "nodes: { test: { outputs: { coverage: 1 } } }",
        "nodes: { make_plan: { outputs: { goals: [{ id: abcdef }], risky: true } } }",
        "nodes: { safe: { outputs: {} } }",
        "nodes: { test: { status: failed, reason: timed-out } }",
        "nodes: { test: { status: failed, exit_code: 2 } }",
    ],
)
def test_one_that_it_could_give_is_taken(desk: Desk, stubs: str) -> None:
    assert words(desk, stubs)


def test_a_first_file_of_stubs_has_every_node_that_others_read_and_can_be_used_at_once(desk: Desk) -> None:
    said = desk.orch("plan", "--dry-run", "--stubs-init", "stubs.yaml").err
    assert "--dry-run --stubs stubs.yaml" in said
    text = (desk.folder / "stubs.yaml").read_text()
    data = parse(text.encode(), "stubs.yaml").data
    assert data == {
        "nodes": {
            "plan.make_plan": {"outputs": {"goals": [{"id": "text--"}], "risky": False, "kind": "a"}},
            "plan.test": {"outputs": {"coverage": 0}},
        },
        "gates": {"build.approved": "open"},
    }
    assert words(desk, text)["build.approved"] == "skip"


def test_a_file_of_stubs_that_is_there_is_never_written_over(desk: Desk) -> None:
    desk.write("stubs.yaml", "mine\n")
    assert "O293" in desk.orch("plan", "--dry-run", "--stubs-init", "stubs.yaml", code=2).err
    assert (desk.folder / "stubs.yaml").read_text() == "mine\n"


def test_stubs_belong_to_a_dry_run(desk: Desk) -> None:
    for option in ("--stubs", "--stubs-init"):
        assert "--dry-run" in desk.orch("plan", option, "new.yaml", code=2).err
    assert "exclude" in desk.orch("plan", "--dry-run", "--stubs", "a", "--stubs-init", "b", code=2).err
    assert "--stubs-init a.yaml" in desk.orch("plan", "--dry-run", "--stubs", "a.yaml", code=2).err


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}, {"n": 3}),
        ({"type": "object", "properties": {"n": {"type": "number", "exclusiveMinimum": 0}}}, {"n": 1}),
        ({"type": "object", "properties": {"n": {"type": "number", "maximum": -1}}}, {"n": -1}),
        ({"type": "object", "required": ["a"]}, {"a": "text"}),
        ({"type": "object", "properties": {"a": {"const": 7}}}, {"a": 7}),
        ({"type": "object", "properties": {"a": {"type": ["null", "string"]}}}, {"a": None}),
        ({"type": "object", "properties": {"a": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}}}, {"a": False}),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"properties": {"b": {"examples": [5]}}}}}, {"b": 5}),
        ({"type": "object", "properties": {"a": {"type": "array", "minItems": 2, "items": {"type": "null"}}}}, None),
        ({"type": "object", "properties": {"a": {"type": "object", "properties": {"a": {"$ref": "#"}}}}}, None),
    ],
)
def test_a_placeholder_is_of_the_type_that_a_schema_asks_for(schema: dict[str, Any], value: Any) -> None:
    plan = compiled(
        {"a": {"nodes": {"x": {"outputs": {"schema": schema}}}}, "b": {"nodes": {"y": {"if": "nodes.x.outputs.a"}}}}
    )
    made = placeholders(plan).nodes["a.x"]
    assert value is None or made.outputs == value
    load_stubs(parse(stubs_yaml(placeholders(plan), "p").encode(), "s.yaml"))


def test_a_placeholder_that_cannot_be_right_says_what_is_to_be_filled_in() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string", "pattern": "^[0-9]+$"}}}
    plan = compiled(
        {"a": {"nodes": {"x": {"outputs": {"schema": schema}}}}, "b": {"nodes": {"y": {"if": "nodes.x.outputs.a"}}}}
    )
    assert "# to be filled in: id: 'text' does not match" in stubs_yaml(placeholders(plan), "p")


# --- what only a run adds

GROWING = """
  plan:
    nodes:
      make: { run: touch started, outputs: { goals: list } }
      lang: { run: touch started, matrix: { lang: [a, b] } }
  build:
    nodes:
      goal:
        matrix: { goal: "${{ nodes.make.outputs.goals }}" }
        key: "${{ matrix.goal }}"
        loop:
          until: nodes.test.status == 'succeeded'
          max_iterations: 3
          nodes:
            code: { run: touch started }
            test: { run: touch started, needs: [code], allow_failure: true, outputs: { n: integer } }
      each: { run: touch started, matrix: { goal: "${{ nodes.make.outputs.goals }}" } }
  ship:
    nodes:
      done: { run: touch started, if: nodes.goal.status == 'succeeded' }
"""
GOALS = "make: { outputs: { goals: [x, y] } }"


@pytest.fixture
def growing(desk: Desk) -> Desk:
    desk.pipeline(GROWING)
    return desk


def test_a_matrix_is_expanded_and_a_loop_goes_round_as_the_stubs_say(growing: Desk) -> None:
    told = words(
        growing,
        f"nodes: {{ {GOALS}, goal.test: {{ status: failed }}, 'build.goal[y]#2.test': {{ outputs: {{ n: 1 }} }},"
        " 'each[y]': { status: failed } }",
    )
    iterations = {address: word for address, word in told.items() if address.endswith(".test")}
    assert iterations == {
        "build.goal[x]#1.test": "fail",
        "build.goal[x]#2.test": "fail",
        "build.goal[x]#3.test": "fail",
        "build.goal[y]#1.test": "fail",
        "build.goal[y]#2.test": "run",
    }
    assert (told["build.goal[x]"], told["build.goal[y]"], told["build.goal"]) == ("fail", "run", "fail")
    assert (told["build.each[x]"], told["build.each[y]"], told["ship.done"]) == ("run", "fail", "skip")


def test_children_stand_behind_their_matrix_and_iterations_behind_their_loop(growing: Desk) -> None:
    told = list(words(growing, f"nodes: {{ {GOALS}, goal.test: {{ outputs: {{ n: 1 }} }} }}"))
    assert told[3:10] == [
        "build.goal",
        "build.goal[x]",
        "build.goal[x]#1.code",
        "build.goal[x]#1.test",
        "build.goal[y]",
        "build.goal[y]#1.code",
        "build.goal[y]#1.test",
    ]
    said = growing.orch("plan", "--dry-run", "--stubs", "stubs.yaml").out
    assert "in 3 phases" in said
    assert "later" not in said


def test_the_exit_code_says_whether_there_is_work_with_stubs_too(growing: Desk) -> None:
    growing.write("stubs.yaml", f"nodes: {{ {GOALS} }}")
    growing.orch("plan", "--detailed-exitcode", code=10)
    growing.orch("plan", "--dry-run", "--stubs", "stubs.yaml", "--detailed-exitcode", code=10)


def test_an_empty_list_skips_the_matrix(growing: Desk) -> None:
    told = words(growing, "nodes: { make: { outputs: { goals: [] } } }")
    assert (told["build.goal"], told["build.each"], told["ship.done"]) == ("skip", "skip", "skip")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("test", "O290"),
        ("goal", "O292"),
        ("build.goal[x]", "O292"),
        ("goal.tests", "O290"),
        ("build.goal[x]#4.test", "O290"),
        ("build.goal[x]#0.test", "O290"),
        ("plan.lang[c]", "O290"),
        ("plan.make[x]", "O290"),
        ("ship.done#1", "O290"),
    ],
)
def test_a_name_that_no_run_could_come_to_is_refused(growing: Desk, name: str, code: str) -> None:
    growing.write("stubs.yaml", f"nodes: {{ '{name}': {{ status: failed }} }}")
    assert f"error[{code}]" in growing.orch("plan", "--dry-run", "--stubs", "stubs.yaml", code=3).err


@pytest.mark.parametrize(
    "name",
    [
        "goal.test",
        "build.goal.test",
        "build.goal[x].test",
        "goal[x]#3.test",
        "build.goal#2.test",
        "each[z]",
        "lang",
        "lang[b]",
    ],
)
def test_one_that_a_run_could_come_to_is_taken(growing: Desk, name: str) -> None:
    assert words(growing, f"nodes: {{ {GOALS}, '{name}': {{ status: failed }} }}")


def test_a_first_file_has_what_a_matrix_is_made_of_and_what_a_loop_asks_about(growing: Desk) -> None:
    growing.orch("plan", "--dry-run", "--stubs-init", "stubs.yaml")
    data = parse((growing.folder / "stubs.yaml").read_bytes(), "stubs.yaml").data
    assert data == {"nodes": {"plan.make": {"outputs": {"goals": []}}, "build.goal.test": {"outputs": {"n": 0}}}}


def test_a_new_file_has_the_nodes_of_a_loop_that_others_read_through_it_and_runs_through_when_filled_in(
    desk: Desk,
) -> None:
    desk.pipeline("""
  main:
    nodes:
      green:
        loop:
          until: nodes.test.outputs.ok
          max_iterations: 2
          nodes:
            mend: { run: 'true', outputs: { changed: integer } }
            test: { run: 'true', needs: [mend], outputs: { ok: boolean } }
      next: { needs: [green], if: nodes.green.outputs.mend.changed > 0, run: 'true' }
""")
    desk.orch("plan", "--dry-run", "--stubs-init", "stubs.yaml")
    written = (desk.folder / "stubs.yaml").read_text()
    assert "main.green.mend:" in written
    desk.write("stubs.yaml", written.replace("false", "true").replace("changed: 0", "changed: 1"))
    assert "known after" not in desk.orch("plan", "--dry-run", "--stubs", "stubs.yaml").out


def test_a_stub_that_is_a_word_is_asked_to_be_a_mapping_in_one_problem(desk: Desk) -> None:
    desk.pipeline("  main: { nodes: { a: { run: 'true' } } }\n")
    desk.write("stubs.yaml", "nodes: { a: failed }\n")
    said = desk.orch("plan", "--dry-run", "--stubs", "stubs.yaml", code=3).err
    assert "`failed`, and must be a mapping" in said
    assert said.count("error[") == 1

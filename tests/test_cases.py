"""A pipeline is held to the cases beside it: a run with the code that decides real ones, and without any process."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from command import PROJECT, Desk

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = """apiVersion: orch/v1
kind: Pipeline
name: main
inputs:
  risk: { type: enum, values: [low, high], default: low }
  times: { type: integer, default: 1 }
phases:
  check:
    nodes:
      test: { run: touch started, outputs: { coverage: number }, retry: { limit: 1, delay: 1h }, timeout: 1m }
      lint: { run: touch started, allow_failure: true }
      each: { run: touch started, matrix: { lang: [a, b] }, needs: [test] }
      mend: { run: touch started, needs: [test], trigger_rule: all_done }
  ship:
    gates:
      covered: { check: { expr: nodes.test.outputs.coverage >= 0.8 } }
      agreed:
        if: inputs.risk == 'high'
        approval: { subject: [rules.md], require: { editor: 1 }, exclude: [author] }
    nodes:
      publish: { run: touch started }
finally:
  report: { run: [touch, "${{ run.status }}"] }
outputs: { coverage: "${{ nodes.test.outputs.coverage }}" }
"""
STUBS = "stubs: { nodes: { test: { outputs: { coverage: 0.9 } } } }\n"
HIGH = "inputs: { risk: high }\n"
BY = "decisions: [{ gate: agreed, decision: %s, role: editor, by: %s }]\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("pipelines/main.yaml", PIPELINE)
    return desk


def case(desk: Desk, text: str, name: str = "first") -> str:
    path = f"pipelines/main.tests/{name}.yaml"
    desk.write(path, f"description: one\n{text}")
    return path


def differences(desk: Desk, text: str) -> list[dict[str, Any]]:
    case(desk, text)
    said = desk.orch("test", "--json", code=None)
    assert said.code in (0, 1), said.err
    found: list[dict[str, Any]] = json.loads(said.out)["cases"][0]["differences"]
    assert bool(found) == (said.code == 1)
    return found


def got(desk: Desk, text: str) -> dict[str, Any]:
    return {one["what"]: one["got"] for one in differences(desk, text)}


HOLDS = {
    "all goes well": STUBS + "expect: { status: succeeded, nodes: { publish: succeeded, report: succeeded } }",
    "a check shuts": "stubs: { nodes: { test: { outputs: { coverage: 0.1 } } } }\n"
    "expect: { status: failed, gates: { covered: check-failed }, nodes: { publish: { status: skipped, "
    "reason: phase-not-reached }, report: succeeded } }",
    "a node is tried again": "stubs: { nodes: { test: [{ status: failed }, { outputs: { coverage: 1 } }] } }\n"
    "expect: { status: succeeded, nodes: { test: { status: succeeded, attempts: 2 } } }",
    "a failure is final after the last try": "stubs: { nodes: { test: { status: failed, reason: timed-out } } }\n"
    "expect: { status: failed, nodes: { test: { status: failed, reason: timed-out, attempts: 2 }, each: { status: "
    "skipped, reason: upstream-failed }, mend: succeeded, report: succeeded } }",
    "a failure is allowed": STUBS.replace("nodes: { ", "nodes: { lint: { status: failed }, ")
    + "expect: { status: succeeded, nodes: { lint: failed } }",
    "a child of a matrix fails": STUBS.replace("nodes: { ", "nodes: { 'check.each[b]': { status: failed }, ")
    + "expect: { status: failed, nodes: { 'check.each[a]': succeeded, 'check.each[b]': failed } }",
    "nobody has decided": HIGH + STUBS + "decisions: []\n"
    "expect: { status: waiting, gates: { agreed: needs-decision, covered: open }, nodes: { publish: queued } }",
    "an editor approves": HIGH + STUBS + BY % ("approve", "reader") + "expect: { status: succeeded }",
    "an editor rejects": HIGH
    + STUBS
    + BY % ("reject", "reader")
    + "expect: { status: waiting, gates: { agreed: rejected } }",
    "the author cannot approve": HIGH
    + STUBS
    + BY % ("approve", "writer")
    + "authors: [writer]\nexpect: { gates: { agreed: needs-decision } }",
    "one who is not the author can": HIGH
    + STUBS
    + BY % ("approve", "writer")
    + "authors: [reader]\nexpect: { gates: { agreed: open } }",
    "nobody is asked": STUBS + "expect: { gates: { agreed: if-false } }",
    "without decisions gates are open": HIGH + STUBS + "expect: { gates: { agreed: open } }",
    "a gate has a stub": HIGH + "stubs: { gates: { agreed: expired }, nodes: { test: { outputs: { coverage: 1 } } } }\n"
    "expect: { gates: { agreed: expired } }",
    "outputs": STUBS + "expect: { outputs: { coverage: 0.9 } }",
    "order": STUBS + "expect: { order: [test, each, publish, report] }",
    "two nodes are an order, and an empty mapping beside it says nothing": STUBS
    + "expect: { order: [check.test, mend], nodes: {} }",
    "a phase waits for all of the one before": STUBS + "expect: { order: [lint, publish] }",
}


@pytest.mark.parametrize("name", HOLDS)
def test_a_case_holds_where_the_run_would_end_so(desk: Desk, name: str) -> None:
    assert differences(desk, HOLDS[name]) == []


def test_no_process_is_started_and_nothing_is_written(desk: Desk) -> None:
    case(desk, STUBS + "expect: { status: succeeded }")
    before = set(desk.folder.rglob("*"))
    desk.orch("test")
    assert set(desk.folder.rglob("*")) == before


@pytest.mark.parametrize("env", [{}, {"CI_TOKEN": "0123456789abcdef"}])
def test_a_pipeline_with_secrets_is_held_to_its_cases_with_and_without_them(desk: Desk, env: dict[str, str]) -> None:
    secret = PIPELINE.replace("inputs:", 'secrets: { TOKEN: "env:CI_TOKEN" }\ninputs:', 1)
    desk.write("pipelines/main.yaml", secret.replace("publish: { ", "publish: { secrets: [TOKEN], "))
    desk.env.update(env)
    assert differences(desk, STUBS + "expect: { nodes: { publish: succeeded } }") == []
    desk.write("stubs.yaml", "nodes: { test: { outputs: { coverage: 0.9 } } }\n")
    desk.orch("plan", "pipelines/main.yaml", "--dry-run", "--stubs", "stubs.yaml")


@pytest.mark.parametrize(
    ("expect", "what", "came"),
    [
        ("status: failed", "the run", "succeeded"),
        ("nodes: { test: failed }", "check.test", "succeeded (ok)"),
        ("nodes: { publish: { status: succeeded, attempts: 2 } }", "ship.publish", "succeeded (ok), attempts 1"),
        ("nodes: { test: { status: succeeded, reason: settled } }", "check.test", "succeeded (ok)"),
        ("nodes: { each: skipped }", "check.each[b]", "succeeded (ok)"),
        ("gates: { agreed: open }", "ship.agreed", "if-false"),
        ("gates: { covered: check-failed }", "ship.covered", "open"),
        ("outputs: { coverage: 1 }", "outputs.coverage", 0.9),
        ("order: [lint, test]", "order", "it does not wait for it"),
        ("order: [test, lint]", "order", "it does not wait for it"),
        ("order: [mend, each]", "order", "it does not wait for it"),
        ("order: [publish, test]", "order", "it does not wait for it"),
    ],
)
def test_a_case_that_does_not_hold_says_what_came(desk: Desk, expect: str, what: str, came: Any) -> None:
    assert got(desk, f"{STUBS}expect: {{ {expect} }}")[what] == came


def test_a_node_of_an_order_that_never_begins_is_a_difference(desk: Desk) -> None:
    failing = "stubs: { nodes: { test: { status: failed } } }\n"
    assert got(desk, failing + "expect: { order: [test, each] }") == {"order": "it does not"}


def test_what_depends_on_outputs_that_the_case_does_not_give_holds_no_case(desk: Desk) -> None:
    told = got(desk, "expect: { status: succeeded }")
    assert told == {"ship.covered": "it depends on what check.test gives: say that below `stubs`"}


def test_the_status_of_a_node_without_a_stub_is_known_though_its_outputs_are_not(desk: Desk) -> None:
    text = PIPELINE.replace("nodes.test.outputs.coverage >= 0.8", "nodes.test.status == 'succeeded'")
    desk.write("pipelines/main.yaml", text)
    assert differences(desk, "expect: { status: succeeded, gates: { covered: open } }") == []


def test_a_command_that_could_not_be_made_fails_as_in_a_run(desk: Desk) -> None:
    text = PIPELINE.replace("{ coverage: number }", "{ coverage: object }").replace(
        "coverage >= 0.8", "coverage.n == 1"
    )
    text = text.replace(
        "run: touch started }\nfinally", 'run: [touch, "${{ nodes.test.outputs.coverage }}"] }\nfinally'
    )
    desk.write("pipelines/main.yaml", text)
    stubs = "stubs: { nodes: { test: { outputs: { coverage: { n: 1 } } } } }\n"
    ending = "{ status: failed, reason: expression-error, attempts: 0 }"
    assert differences(desk, stubs + f"expect: {{ status: failed, nodes: {{ publish: {ending} }} }}") == []


LOOP = """apiVersion: orch/v1
kind: Pipeline
name: main
phases:
  plan:
    nodes:
      make: { run: touch started, outputs: { goals: list } }
  build:
    nodes:
      goal:
        matrix: { goal: "${{ nodes.make.outputs.goals }}" }
        loop:
          until: nodes.test.status == 'succeeded'
          max_iterations: 2
          nodes:
            code: { run: touch started }
            test: { run: touch started, needs: [code], allow_failure: true }
  ship:
    nodes:
      done: { run: touch started }
"""
GREEN_LATE = (
    "stubs: { nodes: { make: { outputs: { goals: [x, y] } }, 'goal[y]#1.test': { status: failed } } }\n"
    "expect: { status: succeeded, nodes: { goal: succeeded, 'goal[y]#1.test': failed, 'goal[y]#2.test': succeeded }, "
    "order: [make, goal, done] }"
)


def test_a_case_follows_a_matrix_and_its_loops(desk: Desk) -> None:
    desk.write("pipelines/main.yaml", LOOP)
    assert differences(desk, GREEN_LATE) == []
    assert got(desk, GREEN_LATE.replace("'goal[y]#2.test'", "'goal[x]#2.test'")) == {"build.goal[x]#2.test": None}
    never = GREEN_LATE.replace("'goal[y]#1.test': { status", "'goal[y].test': { status")
    assert got(desk, never)["build.goal[y]"].startswith("failed (exhausted)")
    assert got(desk, GREEN_LATE.replace("[make, goal, done]", "[goal, make]")) == {"order": "it does not wait for it"}


# --- which cases there are, and how they are told


def test_a_line_for_each_case_and_what_was_expected_below_one_that_does_not_hold(desk: Desk) -> None:
    case(desk, STUBS + "expect: { status: succeeded }", "a")
    case(desk, STUBS + "expect: { status: failed, nodes: { report: skipped } }", "b")
    said = desk.orch("test", code=1)
    assert said.out.splitlines() == [
        "✓ pipelines/main.tests/a.yaml  one",
        "✗ pipelines/main.tests/b.yaml  one",
        "    the run",
        "      expected  failed",
        "      got       succeeded",
        "    finally.report",
        "      expected  skipped",
        "      got       succeeded (ok)",
    ]
    assert said.err == "2 cases, 1 wrong\n"


def test_junit_has_a_suite_for_each_pipeline_and_a_failure_for_each_case_that_does_not_hold(desk: Desk) -> None:
    desk.write("pipelines/other.yaml", PIPELINE)
    shutil.copytree(desk.write("pipelines/main.tests/x.yaml", "").parent, desk.folder / "pipelines/other.tests")
    for name in ("main", "other"):
        desk.write(f"pipelines/{name}.tests/x.yaml", f"description: a <b>\n{STUBS}expect: {{ status: failed }}")
    tree = ET.fromstring(desk.orch("test", "--format", "junit", code=1).out)
    assert [suite.get("name") for suite in tree] == ["pipelines/main.yaml", "pipelines/other.yaml"]
    assert [(case.get("name"), len(case)) for case in tree.iter("testcase")] == [("a <b>", 1)] * 2
    assert (tree.get("tests"), tree.get("failures")) == ("2", "2")


def test_a_pipeline_a_case_and_a_folder_can_be_named(desk: Desk) -> None:
    path = case(desk, STUBS + "expect: { status: succeeded }")
    case(desk, STUBS + "expect: { status: succeeded }", "second")
    assert desk.orch("test", path).err == "1 case, 0 wrong\n"
    for given in ("pipelines/main.yaml", "pipelines", "pipelines/main.tests", "."):
        assert desk.orch("test", given).err == "2 cases, 0 wrong\n"
    assert desk.orch("test", path, "pipelines").err == "2 cases, 0 wrong\n"
    assert "none of these" in desk.orch("test", "nowhere", code=2).err


def test_where_there_is_no_case_nothing_passes(desk: Desk) -> None:
    for words in ([], ["pipelines/main.yaml"], ["pipelines"]):
        assert "O295" in desk.orch("test", *words, code=2).err


DECIDED = "decisions: [{ %s }]\nexpect: { status: failed }"
WRONG = [
    ("expects: { status: succeeded }", "O101", "2:1"),
    ("expect: {}", "O107", "2:9"),
    ("expect: { nodes: {}, gates: {}, outputs: {} }", "O107", "2:9"),
    ("expect: { order: [test] }", "O107", "2:18"),
    ("expect: { status: failed, order: [] }", "O107", "2:34"),
    ("expect: { order: [test, test] }", "O292", "2:25"),
    ("expect: { order: [test, each, check.test] }", "O292", "2:31"),
    ("expect: { status: succeded }", "O104", "2:19"),
    ("inputs: { risks: high }\nexpect: { status: failed }", "O114", "2:11"),
    ("inputs: { risk: hi }\nexpect: { status: failed }", "O112", "2:17"),
    ("inputs: { times: two }\nexpect: { status: failed }", "O112", "2:18"),
    ("expect: { nodes: { tset: failed } }", "O290", "2:20"),
    ("expect: { nodes: { 'check.each[c]': failed } }", "O290", "2:20"),
    ("expect: { nodes: { test: faild } }", "O104", "2:26"),
    ("expect: { nodes: { test: { status: failed, reason: ok } } }", "O292", "2:52"),
    ("expect: { gates: { agree: open } }", "O290", "2:20"),
    ("expect: { gates: { agreed: shut } }", "O292", "2:28"),
    ("expect: { order: [test, nothing] }", "O290", "2:25"),
    ("expect: { outputs: { cover: 1 } }", "O290", "2:22"),
    ("stubs: { nodes: { tset: {} } }\nexpect: { status: failed }", "O290", "2:19"),
    (
        DECIDED % "gate: covered, decision: approve, role: editor, by: writer",
        "O292",
        "2:21",
    ),
    (
        DECIDED % "gate: agreed, decision: approve, role: editors, by: writer",
        "O294",
        "2:54",
    ),
    (
        DECIDED % "gate: agreed, decision: approve, role: editor, by: nobody",
        "O294",
        "2:66",
    ),
    ("authors: [nobody]\nexpect: { status: failed }", "O294", "2:11"),
]


@pytest.mark.parametrize(("text", "code", "place"), WRONG)
def test_a_case_that_the_pipeline_could_not_come_to_is_refused_with_its_place(
    desk: Desk, text: str, code: str, place: str
) -> None:
    path = case(desk, text)
    for said in (
        desk.orch("test", code=3).err,
        desk.orch("validate", path, code=3).out,
        desk.orch("validate", code=3).out,
    ):
        assert f"error[{code}]" in said
        assert f"{path}:{place}" in said


def test_validate_finds_no_mistake_in_a_case_that_only_does_not_hold(desk: Desk) -> None:
    case(desk, STUBS + "expect: { status: failed }")
    assert desk.orch("validate").err.endswith("3 files, no mistakes\n")


def test_a_mistake_of_a_pipeline_is_told_once_for_all_its_cases(desk: Desk) -> None:
    case(desk, STUBS + "expect: { status: succeeded }", "a")
    case(desk, STUBS + "expect: { status: succeeded }", "b")
    desk.write("pipelines/main.yaml", PIPELINE.replace("needs: [test], trigger", "needs: [tes], trigger"))
    assert desk.orch("test", code=3).err.count("error[") == 1
    assert desk.orch("validate", code=3).out.count("error[") == 1


def test_cases_without_a_pipeline_are_refused(desk: Desk) -> None:
    desk.write("pipelines/gone.tests/first.yaml", "description: one\nexpect: { status: failed }\n")
    assert "there is no pipeline gone.yaml" in desk.orch("test", code=3).err


# --- the cases of this project


def test_the_cases_of_this_project_hold(tmp_path: Path) -> None:
    desk = Desk(ROOT, tmp_path)
    assert desk.orch("test").err == f"{len(list(ROOT.glob('pipelines/*.tests/*.yaml')))} cases, 0 wrong\n"


def test_the_cases_of_the_quick_start_hold_on_its_sample(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    shutil.copytree(ROOT / "fixtures" / "sample", desk.folder, dirs_exist_ok=True)
    desk.write("pipelines/quickstart.yaml", (ROOT / "pipelines" / "quickstart.yaml").read_text())
    assert desk.orch("test").err == "3 cases, 0 wrong\n"


def test_the_case_of_a_new_project_holds(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.orch("init")
    assert desk.orch("test").err == "1 case, 0 wrong\n"

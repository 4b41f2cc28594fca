"""A saved plan is run as it is, or not at all: nothing of the file is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orch.app.context import Context
from orch.app.planning import PlanRequest, make_plan
from orch.app.saved import load_saved
from orch.problems.problem import Exit, OrchError

PIPELINE = """\
apiVersion: orch/v1
kind: Pipeline
name: saved
inputs: { names: { type: list, default: [a, b] }, on: { type: boolean, default: true } }
phases:
  build:
    nodes:
      one: { run: "true", matrix: { name: "${{ inputs.names }}" } }
      two: { run: "true > made", artifacts: { made: made } }
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "orch.yaml").write_text("apiVersion: orch/v1\nkind: Project\n")
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return Context(cwd=str(tmp_path), env={}, cores=2)


def save(context: Context, request: PlanRequest) -> dict[str, Any]:
    plan = make_plan(context, request).plan
    (Path(context.cwd) / "plan.json").write_bytes(plan.data)
    return json.loads(plan.data)


@pytest.mark.parametrize(
    "request_",
    [
        PlanRequest("p.yaml"),
        PlanRequest("p.yaml", inputs=('names=["x","y","z"]', "on=false"), jobs=7, fail_fast=True, task="0001"),
        PlanRequest("p.yaml", select=("one",)),
        PlanRequest("p.yaml", select=("build.one[b]",)),
    ],
)
def test_a_saved_plan_is_the_plan_that_was_made(context: Context, request_: PlanRequest) -> None:
    save(context, request_)
    assert load_saved(context, "plan.json", PlanRequest()).plan.data == make_plan(context, request_).plan.data


@pytest.mark.parametrize(
    "edit",
    [
        lambda doc: doc["steps"][2].update(artifacts={"../../made": "made"}),
        lambda doc: doc["steps"][2].update(run="echo other"),
        lambda doc: doc.update(task="../.."),
        lambda doc: doc["inputs"].update(names=["c"]),
        lambda doc: doc.update(max_in_flight=3),
        lambda doc: doc["steps"].pop(),
        lambda doc: doc.update(orch="0.0.1"),
        lambda doc: doc["roles"].update(owner=["nobody"]),
        lambda doc: doc.update(resources=[]),
    ],
)
def test_an_edited_plan_is_refused(context: Context, edit: Any) -> None:
    doc = save(context, PlanRequest("p.yaml"))
    edit(doc)
    (Path(context.cwd) / "plan.json").write_text(json.dumps(doc))
    with pytest.raises(OrchError) as refused:
        load_saved(context, "plan.json", PlanRequest())
    assert refused.value.exit in (Exit.CONFLICT, Exit.USAGE)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"steps": [{}]}', '{"steps": [1], "format_version": 1}', "\ud800"])
def test_what_is_no_plan_is_refused_with_a_sentence(context: Context, text: str) -> None:
    (Path(context.cwd) / "plan.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(OrchError):
        load_saved(context, "plan.json", PlanRequest())

"""A saved plan is run as it is, or not at all: nothing of the file is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

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


TYPED = """\
apiVersion: orch/v1
kind: Pipeline
name: saved
inputs:
  text: { type: string, default: %s }
  whole: { type: integer, default: %s }
  number: { type: number, default: %s }
  flag: { type: boolean, default: %s }
  texts: { type: list, default: %s }
  wholes: { type: list, items: integer, default: %s }
  numbers: { type: list, items: number, default: %s }
  flags: { type: list, items: boolean, default: %s }
phases: { build: { nodes: { one: { run: "true" } } } }
"""
NAMES = ("text", "whole", "number", "flag", "texts", "wholes", "numbers", "flags")
TEXT = some.text(some.characters(exclude_categories=["Cs", "Cc"]), max_size=9)
WHOLE = some.integers(-(1 << 63), (1 << 64) - 1)
NUMBER = WHOLE | some.floats(allow_nan=False, allow_infinity=False) | some.sampled_from([0.00001, 1e16, 5e-324, -0.0])
FLAG = some.booleans()
VALUES = some.tuples(TEXT, WHOLE, NUMBER, FLAG, *(some.lists(one, max_size=3) for one in (TEXT, WHOLE, NUMBER, FLAG)))


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


@settings(max_examples=25, deadline=None)
@given(defaults=VALUES, given_=VALUES, said=some.sets(some.sampled_from(NAMES)))
def test_a_saved_plan_is_the_plan_that_was_made_whatever_the_inputs_are(
    tmp_path_factory: pytest.TempPathFactory, defaults: tuple[Any, ...], given_: tuple[Any, ...], said: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / "orch.yaml").write_text("apiVersion: orch/v1\nkind: Project\n")
    (folder / "p.yaml").write_text(TYPED % tuple(json.dumps(value, ensure_ascii=False) for value in defaults))
    texts = {"text": given_[0]} | {name: json.dumps(value) for name, value in zip(NAMES[1:], given_[1:], strict=True)}
    context = Context(cwd=str(folder), env={}, cores=2)
    doc = save(context, PlanRequest("p.yaml", inputs=tuple(f"{name}={texts[name]}" for name in said)))
    expected = {name: (given_ if name in said else defaults)[place] for place, name in enumerate(NAMES)}
    assert doc["inputs"] == expected
    assert load_saved(context, "plan.json", PlanRequest()).plan.doc == doc


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("number=0.00001", None),
        ("number=1e400", "O112"),
        ("numbers=[1e400]", "O112"),
        ("wholes=[18446744073709551616]", "O112"),
        ("whole=18446744073709551616", "O112"),
        ("whole=18446744073709551615", None),
        ("number=" + "9" * 400, "O112"),
    ],
)
def test_a_number_that_no_plan_can_hold_is_refused(context: Context, value: str, code: str | None) -> None:
    defaults = ("''", "0", "0", "true", "[]", "[]", "[]", "[]")
    (Path(context.cwd) / "p.yaml").write_text(TYPED % defaults)
    if code is None:
        save(context, PlanRequest("p.yaml", inputs=(value,)))
        assert load_saved(context, "plan.json", PlanRequest()).plan.doc["inputs"]
        return
    with pytest.raises(OrchError) as refused:
        save(context, PlanRequest("p.yaml", inputs=(value,)))
    assert refused.value.problems[0].code == code


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

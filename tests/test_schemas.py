"""The JSON Schemas in schemas/orch are those of the models, and say what the loader says about shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orch.problems.problem import OrchError
from orch.source.read import parse
from orch.spec import schema
from orch.spec.load import load_adapter, load_goals, load_pipeline, load_project, load_stubs, load_test

ROOT = Path(__file__).parent.parent
BAD = [path for path in sorted((ROOT / "fixtures" / "bad").glob("*.yaml")) if not path.stem.endswith(".case")]

SHAPE_CODES = {"O101", "O102", "O103", "O105", "O106", "O108", "O110"}
BEYOND_SCHEMAS = {
    "env_name_of_ours": "a prefix that is refused",
    "not_yet_git_diff": "one value among many texts",
    "not_yet_dynamic_matrix": "what an expression reads",
    "task_with_a_space": "texts with expressions are of any form",
    "role_names_nobody.project": "a name elsewhere",
    "address_of_two_people.project": "a value elsewhere",
}
"""Documents with a code of a shape that a schema cannot refuse, and why."""


LOADERS = {
    "project": load_project,
    "adapter": load_adapter,
    "goals": load_goals,
    "pipeline": load_pipeline,
    "case": load_test,
    "stubs": load_stubs,
}


def kind_of(path: Path) -> str:
    kind = Path(path.stem).suffix.removeprefix(".") or "pipeline"
    return "case" if kind == "test" else kind


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schema.schema(kind))


def properties(value: Any, route: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        for item in value:
            yield from properties(item, route)
    if isinstance(value, dict):
        for name, field in value.get("properties", {}).items():
            yield f"{route}/{name}", field
        for name, item in value.items():
            yield from properties(item, f"{route}/{name}")


@pytest.mark.parametrize("kind", schema.KINDS)
def test_the_schema_in_the_repository_is_that_of_the_model(kind: str) -> None:
    written = (ROOT / "schemas" / "orch" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert written == schema.text(kind), "python -m orch.spec.schema"


def test_writing_the_schemas_gives_their_paths(tmp_path: Path) -> None:
    paths = schema.write(str(tmp_path))
    assert [Path(path).name for path in paths] == [f"{kind}.schema.json" for kind in schema.KINDS]
    assert json.loads(Path(paths[0]).read_text(encoding="utf-8"))["title"] == "Pipeline"


@pytest.mark.parametrize("kind", schema.KINDS)
def test_every_key_has_a_title_and_a_description_that_editors_show(kind: str) -> None:
    found = list(properties(schema.schema(kind)))
    assert len(found) > 5
    assert [route for route, field in found if not (field.get("title") and field.get("description"))] == []
    for route, field in found:
        assert field["description"].endswith((".", "`")), route


@pytest.mark.parametrize("kind", schema.KINDS)
def test_the_schema_is_one_of_draft_2020_12(kind: str) -> None:
    Draft202012Validator.check_schema(schema.schema(kind))


@pytest.mark.parametrize("kind", schema.KINDS)
def test_defaults_in_the_schema_are_values_that_one_may_write(kind: str) -> None:
    whole = schema.schema(kind)
    for route, field in properties(whole):
        if "default" in field:
            checker = Draft202012Validator({**field, "$defs": whole["$defs"]})
            assert checker.is_valid(field["default"]), route


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_schema_accepts_what_the_loader_accepts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^# fix: line ([0-9]+): (.*)$", text, re.MULTILINE)
    if not found:
        return
    lines = text.split("\n")
    lines[int(found[1]) - 1] = found[2]
    document = parse("\n".join(lines), path.name)
    LOADERS[kind_of(path)](document)
    assert [error.message for error in validator(kind_of(path)).iter_errors(document.data)] == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_schema_refuses_what_the_loader_refuses_for_its_shape(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    codes = set(re.findall(r"O[0-9]{3}", text.split("\n")[0]))
    if not codes & SHAPE_CODES or path.stem in BEYOND_SCHEMAS:
        return
    document = parse(text, path.name)
    with pytest.raises(OrchError):
        LOADERS[kind_of(path)](document)
    assert not validator(kind_of(path)).is_valid(document.data)

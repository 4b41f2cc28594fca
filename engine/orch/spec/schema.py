"""The JSON Schemas of what users write, made from the models: `python -m orch.spec.schema [FOLDER]` writes them."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from orch.spec.adapter import Adapter
from orch.spec.case import PipelineCase
from orch.spec.goals import Goals
from orch.spec.pipeline import Pipeline
from orch.spec.project import Project
from orch.spec.shapes import Shape
from orch.spec.stubs import Stubs

KINDS: dict[str, type[Shape]] = {
    "pipeline": Pipeline,
    "project": Project,
    "adapter": Adapter,
    "goals": Goals,
    "case": PipelineCase,
    "stubs": Stubs,
}
FOLDER = os.path.join("schemas", "orch")


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind of document: a key of `KINDS`."""
    made = KINDS[kind].model_json_schema(by_alias=True)
    _tidy(made, made["$defs"])
    if kind == "pipeline":
        made["patternProperties"] = {"^x-": {"description": "For anchors, which are defined here and used below."}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def text(kind: str) -> str:
    """The schema as it lies in its file."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def write(folder: str) -> list[str]:
    """Write all schemas; the paths."""
    paths = []
    for kind in KINDS:
        paths.append(os.path.join(folder, f"{kind}.schema.json"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(text(kind))
    return paths


def _tidy(value: Any, models: dict[str, Any]) -> None:
    """Close what pydantic leaves open: names that do not match the pattern of a mapping, properties without a title or
    a description of their own, defaults that are not as one writes them."""
    if isinstance(value, list):
        for item in value:
            _tidy(item, models)
    if not isinstance(value, dict):
        return
    if "patternProperties" in value:
        value.setdefault("additionalProperties", False)
    for name, field in value.get("properties", {}).items():
        field.setdefault("title", name.replace("_", " ").title())
        if "$ref" in field:
            field.setdefault("description", models[field["$ref"].rpartition("/")[2]]["description"])
        default = field.get("default")
        if "$ref" in field or default is None or (field.get("type") == "string" and not isinstance(default, str)):
            field.pop("default", None)
    for item in value.values():
        _tidy(item, models)


if __name__ == "__main__":
    for written in write(*(sys.argv[1:2] or [FOLDER])):
        print(written)

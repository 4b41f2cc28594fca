"""Which steps of a plan are other than in an earlier one? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orch.model.plan import PlanDoc, StepDoc
from orch.spec.expressions.parse import parse_expression, parse_template
from orch.spec.expressions.tree import references

_COSMETIC = frozenset(("description", "tags", "selected"))


def modified(plan: PlanDoc, earlier: PlanDoc) -> set[str]:
    """The addresses of the steps that are new, say something else, read an input that has another value, or use
    another version of an adapter. Descriptions and tags do not count."""
    before = {step["address"]: _definition(step) for step in earlier["steps"]}
    names = plan["inputs"].keys() | earlier["inputs"].keys()
    inputs = {name for name in names if plan["inputs"].get(name) != earlier["inputs"].get(name)}
    adapters = _adapters(plan), _adapters(earlier)
    return {
        step["address"]
        for step in plan["steps"]
        if before.get(step["address"]) != _definition(step)
        or (inputs and "/" not in step["address"] and _reads(step, inputs))
        or any(adapters[0].get(name) != adapters[1].get(name) for name in _adapters_of(step))
    }


def _definition(step: StepDoc) -> dict[str, Any]:
    found = {key: value for key, value in step.items() if key not in _COSMETIC}
    if "pipeline" in step:  # what its file says stands in its steps
        found["pipeline"] = {key: value for key, value in step["pipeline"].items() if key not in ("digest", "path")}
    return found


def _reads(step: StepDoc, inputs: set[str]) -> bool:
    """Does an expression of the step read one of these inputs, or one that only the run will know?"""
    gate = step.get("gate", {})
    bare = [text for text in (step.get("if"), gate.get("expr")) if text]
    trees = [*map(parse_expression, bare), *map(parse_template, _texts(_definition(step)))]
    return any(
        read.root == "inputs" and (not read.parts or read.parts[0] is None or read.parts[0] in inputs)
        for tree in trees
        for read in references(tree or ["const", None])
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in it that holds an expression."""
    if isinstance(value, str):
        if "${{" in value:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _adapters(plan: PlanDoc) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for resource in plan["resources"]:
        if resource["kind"] == "adapter":
            found.setdefault(resource["name"], []).append((resource["path"], resource["sha256"]))
    return found


def _adapters_of(step: StepDoc) -> Iterator[str]:
    if "adapter" in step:
        yield step["adapter"]["name"]
    yield from step.get("one_of", ())

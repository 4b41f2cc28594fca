"""What inputs, matrices and nodes look like to an expression, as far as that is known before a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orch.spec.expressions.check import ANY, Known, ListOf, Scalar, Shape
from orch.spec.node import OUTPUT_TYPES, Node, Work
from orch.spec.pipeline import Input, Pipeline

_STRING, _NUMBER = Scalar("string"), Scalar("number")
_TYPES: dict[str, Shape] = {
    "string": _STRING,
    "number": _NUMBER,
    "integer": _NUMBER,
    "boolean": Scalar("boolean"),
    "list": ListOf(ANY),
}
_STATUS = Scalar("string", ("succeeded", "failed", "skipped", "cancelled"))
_ARTIFACT = Known({"path": _STRING, "sha256": _STRING})

RUN = Known({"id": _STRING})
RUN_ENDED = Known({"id": _STRING, "status": Scalar("string", ("succeeded", "failed", "cancelled"))})


def of_inputs(inputs: Mapping[str, Input]) -> Known:
    """The root `inputs`."""
    return Known({name: _of_input(declared) for name, declared in inputs.items()})


def of_values(values: Iterable[Any]) -> Shape:
    """What all of these values have in common."""
    values = list(values)
    if values and all(isinstance(value, dict) for value in values):
        keys = {key for value in values for key in value}
        return Known({key: of_values([value[key] for value in values if key in value]) for key in sorted(keys)})
    if values and all(isinstance(value, list) for value in values):
        return ListOf(of_values([item for value in values for item in value]))
    for word, types in (("boolean", (bool,)), ("string", (str,)), ("number", (int, float))):
        if values and all(
            isinstance(value, types) and (word == "boolean") == isinstance(value, bool) for value in values
        ):
            return Scalar(word, None if word == "boolean" else tuple(dict.fromkeys(values)))
    return ANY


def of_node(node: Work, child: Pipeline | None = None) -> Known:
    """A node that is over, as `nodes.<id>`. Of a matrix there are its status and a list with the children's outputs, of
    a loop its status and the outputs of its last iteration's nodes, of a child pipeline its status and outputs."""
    outputs = of_outputs(node.outputs)
    loop = node.loop if isinstance(node, Node) else None
    if loop is not None:
        outputs = Known({name: of_outputs(inner.outputs) for name, inner in loop.nodes.items() if inner.outputs})
    opens = isinstance(node, Node) and node.pipeline is not None
    if opens:
        outputs = ANY if child is None else Known(dict.fromkeys(child.outputs, ANY))
    if isinstance(node, Node) and node.matrix is not None:
        row = Known({"key": _STRING, "status": _STATUS, "outputs": outputs})
        return Known({"status": _STATUS, "outputs": ListOf(row)})
    if loop is not None or opens:
        return Known({"status": _STATUS, "reason": _STRING, "outputs": outputs})
    return Known(
        {
            "status": _STATUS,
            "reason": _STRING,
            "exit_code": _NUMBER,
            "outputs": outputs,
            "artifacts": Known(dict.fromkeys(node.artifacts, _ARTIFACT)),
        }
    )


def of_outputs(outputs: Mapping[str, Any]) -> Shape:
    """The declared outputs; nothing is known where a schema file says what they are."""
    if has_schema(outputs):
        return ANY
    return Known({name: _TYPES.get(kind, ANY) for name, kind in outputs.items()})


def has_schema(outputs: Mapping[str, Any]) -> bool:
    """Is this `{schema: path}`, rather than an output that is called schema?"""
    return len(outputs) == 1 and isinstance(path := outputs.get("schema"), str) and path not in OUTPUT_TYPES


def _of_input(declared: Input) -> Shape:
    if declared.type == "enum":
        return Scalar("string", declared.values)
    if declared.type == "list":
        return ListOf(_TYPES[declared.items or "string"])
    return _TYPES[declared.type]

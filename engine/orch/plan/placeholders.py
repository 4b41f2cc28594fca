"""Values of the right types for stubs that nobody has filled in yet: from declared types and JSON Schemas. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orch.model.compiled import GATE, Compiled
from orch.plan.called import Names
from orch.spec.output_schema import first_fault
from orch.spec.output_types import schema_of

_OF_TYPE: Mapping[str, Any] = {
    "string": "text",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "list": [],
    "array": [],
    "object": {},
    "null": None,
}
_DEEPEST = 12
_WHOLE = 4  # from this depth on only what is required: a schema may hold itself


class Placeholder(NamedTuple):
    """The outputs of a node, where it declares any, and what is not yet right about them."""

    outputs: dict[str, Any] | None
    fault: str | None = None


class Placeholders(NamedTuple):
    """By address: each node that others read, a matrix as a whole; and each gate that does not follow from outputs."""

    nodes: dict[str, Placeholder]
    gates: list[str]


def placeholders(plan: Compiled) -> Placeholders:
    """What a new file of stubs begins with."""
    names = Names(plan)
    nodes = {address: _placeholder(names.work[address].get("outputs", {})) for address in names.read()}
    gates = [
        address
        for step, address in enumerate(plan.addresses)
        if plan.kinds[step] == GATE and plan.action(step).step["gate"]["kind"] != "check"
    ]
    return Placeholders(nodes, gates)


def _placeholder(declared: Mapping[str, Any]) -> Placeholder:
    if not declared:
        return Placeholder(None)
    schema = schema_of(declared)
    if schema is None:
        return Placeholder({name: _OF_TYPE[kind] for name, kind in declared.items()})
    value = _value(schema, schema, 0)
    fault = first_fault(value, schema)
    if not isinstance(value, dict):
        return Placeholder({}, "outputs are an object")
    return Placeholder(value, fault and f"{'/'.join(map(str, fault.path)) or 'as a whole'}: {fault.message}")


def _value(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    """Some value that is probably as the schema says: the smallest that its plain words allow."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return "text"
    if isinstance(reference := schema.get("$ref"), str):
        return _value(_referred(reference, root), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), Sequence) and schema[key]:
            return schema[key][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value({**_without(schema, key), **schema[key][0]}, root, depth + 1)
    if schema.get("allOf"):
        return _value(_merged(schema, root), root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema or "required" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "object":
            properties = schema.get("properties", {})
            wanted = dict.fromkeys([*(properties if depth < _WHOLE else ()), *schema.get("required", ())])
            return {name: _value(properties.get(name), root, depth + 1) for name in wanted}
        case "array":
            return [_value(schema.get("items"), root, depth + 1)] * max(schema.get("minItems", 1), 1)
        case "integer" | "number":
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            least += "exclusiveMinimum" in schema
            return least if least <= schema.get("maximum", least) else schema["maximum"]
        case "string":
            return "text".ljust(schema.get("minLength", 0), "-")[: schema.get("maxLength", None)]
    return _OF_TYPE.get(kind)


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _merged(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    whole = _without(schema, "allOf")
    for part in schema["allOf"]:
        for name, value in (_referred(part["$ref"], root) if "$ref" in part else part).items():
            both = isinstance(value, dict) and isinstance(whole.get(name), dict)
            whole[name] = {**whole[name], **value} if both else value
    return whole


def _referred(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference within the schema points at; None where it points elsewhere."""
    here: Any = root
    if not reference.startswith("#"):
        return None
    for part in filter(None, reference[1:].split("/")):
        here = here.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(here, Mapping) else None
    return here

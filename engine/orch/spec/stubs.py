"""What users write to say what the steps of a simulated run give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from orch.spec.shapes import Maybe, Shape, Text, Texts

GateWord = Literal["open", "needs-decision", "rejected", "stale", "expired", "not-yet-valid"]


class NodeStub(Shape):
    """How an attempt of a node ends, and what it gives."""

    status: Literal["succeeded", "failed", "skipped"] = Field(default="succeeded", description="How it ends.")
    reason: Maybe[Text] = Field(
        default=None,
        description="Why: `command-failed` where it failed and `no-tests` where it was skipped, unless set.",
    )
    exit_code: Maybe[int] = Field(default=None, ge=0, le=255, description="The command's exit code.")
    outputs: Maybe[dict[str, Any]] = Field(
        default=None, description="What it gives: all that the node declares. Without it nobody knows what it gives."
    )
    probe: Literal["done", "not-done"] = Field(
        default="not-done", description="What the probe of a `once` step answers."
    )


class _OrSingle:
    """One attempt or more: a list, or the only one as it is."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(_several, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


def _several(value: object) -> object:
    return value if isinstance(value, list) else [value]


Attempts = Annotated[Texts[NodeStub], Field(min_length=1), _OrSingle()]


class Stubs(Shape):
    """What nodes give and how gates stand, where no command is run."""

    nodes: dict[str, Attempts] = Field(
        default_factory=dict,
        description="By id or address: how the node ends; of a list one for each attempt, the last for all further "
        "ones. A node that is not here succeeds.",
    )
    gates: dict[str, GateWord] = Field(
        default_factory=dict, description="By id or address: `open`, or why the gate is shut. Others are open."
    )

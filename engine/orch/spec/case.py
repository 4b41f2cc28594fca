"""What users write for a case of a pipeline: what is given, and how a run of it must end."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from orch.spec.shapes import Handle, Id, Maybe, OutputName, Shape, Text, Texts
from orch.spec.stubs import Stubs


class Decided(Shape):
    """What somebody decided about a gate."""

    gate: Text = Field(description="The gate, by id or address.")
    decision: Literal["approve", "reject"] = Field(description="What was decided.")
    role: Id = Field(description="As what.")
    by: Handle = Field(description="By whom: a handle of orch.yaml.")


NodeStatus = Literal["succeeded", "failed", "skipped", "cancelled", "waiting", "queued"]


class Ending(Shape):
    """How a node must have ended."""

    status: NodeStatus = Field(description="Its status when the run closes; `queued` where the run waits before it.")
    reason: Maybe[Text] = Field(default=None, description="And the reason: `upstream-failed`. Any, unless set.")
    attempts: Maybe[int] = Field(default=None, ge=0, description="How often it was started.")


class _OrWord:
    """A mapping, or its status alone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(_in_one_word, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(get_args(NodeStatus))}, handler(schema)]}


def _in_one_word(value: object) -> object:
    return {"status": value} if isinstance(value, str) else value


class Expected(Shape):
    """How the run must end. What is not said is not compared."""

    status: Maybe[Literal["succeeded", "failed", "cancelled", "waiting"]] = Field(
        default=None, description="The status of the run."
    )
    nodes: dict[str, Annotated[Ending, _OrWord()]] = Field(
        default_factory=dict,
        description="By id or address: the status of a node, or `{status, reason, attempts}`. The name of a matrix "
        "stands for all its children.",
    )
    gates: dict[str, Text] = Field(
        default_factory=dict, description="By id or address: `open`, or the reason why it is not."
    )
    order: Texts[Text] = Field(
        default=(),
        description="Two nodes or more: each begins only when the one before has ended, however long it takes.",
    )
    outputs: dict[OutputName, Any] = Field(default_factory=dict, description="Outputs of the pipeline, by name.")

    @field_validator("order")
    @classmethod
    def _of_two(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        if len(order) < 2:
            raise ValueError("an order of fewer than two nodes compares nothing: write `order: [test, publish]`")
        return order

    @model_validator(mode="after")
    def _something(self) -> Expected:
        if not any(vars(self).values()):
            raise ValueError("a case that expects nothing: write `expect: { status: succeeded }`")
        return self


class PipelineCase(Shape):
    """A run of a pipeline in which no command is started, and how it must end."""

    description: Text = Field(description="What this case shows.")
    inputs: dict[Id, Any] = Field(default_factory=dict, description="The inputs of the run, as typed values.")
    stubs: Stubs = Field(default=Stubs(), description="What nodes give and how gates stand, as in a file of stubs.")
    decisions: Maybe[Texts[Decided]] = Field(
        default=None,
        description="All that people have decided: with this key, also as `[]`, approvals are judged by it and by the "
        "people and roles of orch.yaml.",
    )
    authors: Texts[Handle] = Field(
        default=(), description="Who wrote the subjects of approvals, for gates that exclude the author."
    )
    expect: Expected = Field(description="How the run must end.")

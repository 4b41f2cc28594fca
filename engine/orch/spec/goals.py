"""What users write for many goals at once: each goal, with each pipeline or adapter, is a part of one run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from orch.spec.node import Scalar
from orch.spec.pipeline import Budget
from orch.spec.shapes import ID_PATTERN, CommandName, Id, Maybe, Shape, Text, Texts

_SCALARS = ["string", "number", "boolean"]
Goal = Annotated[
    dict[Id, Scalar | Texts[Scalar]],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1, "description": "The key of the goal's part."},
            },
            "required": ["id"],
            "patternProperties": {ID_PATTERN: {"type": [*_SCALARS, "array"], "items": {"type": _SCALARS}}},
            "additionalProperties": False,
        }
    ),
]
"""A goal: its `id`, and whatever else its pipeline reads."""


class Each(Shape):
    """What is run for each goal: pipelines, or a command of adapters; or pipelines for each of several adapters."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["pipelines"]}, {"required": ["adapters", "command"]}],
            "dependentRequired": {"command": ["adapters"], "with": ["pipelines"]},
        }
    )

    pipelines: Annotated[Texts[Text], Field(min_length=1)] | tuple[()] = Field(
        default=(), description="Pipelines, by their paths from the project's root, or `./x` from this file."
    )
    with_: dict[Id, Scalar | Texts[Scalar]] = Field(
        default_factory=dict,
        alias="with",
        description="Their inputs; texts may hold `${{ matrix.goal.<key> }}`, with adapters `${{ matrix.adapter }}`.",
    )
    adapters: Annotated[Texts[Id], Field(min_length=1)] | tuple[()] = Field(
        default=(), description="Adapters: every goal is run with each."
    )
    command: Maybe[CommandName] = Field(default=None, description="Without pipelines: which command of the adapters.")
    args: Texts[str] = Field(default=(), description="Further arguments for the command; may hold `${{ }}`.")
    cwd: Maybe[Text] = Field(default=None, description="The command's working directory; may hold `${{ }}`.")


class Limits(Shape):
    """What bounds the run as a whole."""

    max_parallel: Maybe[int] = Field(
        default=None, ge=1, description="How many goals of one pipeline, or of the command, are at work at once."
    )
    budget: Maybe[Budget] = Field(default=None, description="What all of them together may use.")


class Goals(Shape):
    """Goals, and what is run for each."""

    apiVersion: Literal["orch/v1"] = Field(description="The version of this format: `orch/v1`.")  # noqa: N815
    kind: Literal["Goals"] = Field(description="What this document is: `Goals`.")
    name: Id = Field(description="The name of the whole.")
    description: Maybe[str] = Field(default=None, description="For people: what the goals are about.")
    task: Text = Field(default="-", description="The task that the run belongs to. `-` is none.")
    workspace: Literal["project", "branch", "worktree"] = Field(
        default="project",
        description="Where all of it works, as in a pipeline; `worktree`: on a branch of the run, each goal in "
        "a tree of its own.",
    )
    goals: Annotated[Texts[Goal], Field(min_length=1)] = Field(
        description="The goals: each has an `id`, which becomes the key of its part, and what else its pipeline reads."
    )
    run: Each = Field(description="What is run for each goal.")
    limits: Limits = Field(default=Limits(), description="What bounds the run as a whole.")

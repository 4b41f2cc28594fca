"""What users write for a pipeline: its inputs, its phases, its outputs."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from orch.source.document import Route
from orch.spec.gate import Gate
from orch.spec.node import PLAIN_KEYS, FinallyNode, Node, Retry, Scalar, Work
from orch.spec.shapes import (
    ENV_NAME_PATTERN,
    Count,
    EnvName,
    EnvText,
    Id,
    Maybe,
    OutputName,
    Seconds,
    Shape,
    Text,
    Texts,
)

SOURCE_SCHEMA = {
    "type": "string",
    "pattern": f"^(env:{ENV_NAME_PATTERN[1:-1]}|file:[^~].*)$",
    "examples": ["env:CI_TOKEN", "file:/run/secrets/token"],
}
ScalarType = Literal["string", "integer", "number", "boolean"]


class Input(Shape):
    """A value that is given when the pipeline is planned: `--input NAME=VALUE`."""

    type: Literal["string", "integer", "number", "boolean", "list", "enum"] = Field(
        description="What kind of value it is."
    )
    items: Maybe[ScalarType] = Field(
        default=None, description="For a list: what kind its items are; `string` unless set."
    )
    values: Texts[Text] = Field(default=(), description="For an enum: the values that there are.")
    required: Maybe[bool] = Field(
        default=None,
        description="Must the value be given? An input without a default always must; so it need not be said.",
    )
    default: Maybe[Scalar | Texts[Scalar]] = Field(default=None, description="The value where none is given.")
    pattern: Maybe[Text] = Field(
        default=None, description="For a string: a regular expression (Python's) that the whole value must match."
    )
    description: Maybe[str] = Field(default=None, description="For people: what the value is for.")


class Concurrency(Shape):
    """How many runs of a group may be at work at once. The next one waits; nothing is dropped."""

    group: Text = Field(description="The group's name; may hold `${{ }}` over inputs and the task.")
    limit: int = Field(default=1, ge=1, le=1000, description="How many places the group has.")


class Budget(Shape):
    """What a run may use before it is ended as failed."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    wall: Maybe[Seconds] = Field(
        default=None, description="How long its owners may be at work: `3h`. A night at a gate costs nothing."
    )
    nodes: Maybe[Count] = Field(default=None, description="How many attempts of nodes may be started.")


class Defaults(Shape):
    """What holds for every node that does not say otherwise."""

    env: dict[EnvName, EnvText] = Field(default_factory=dict, description="Merged by name with each node's `env`.")
    cwd: Maybe[Text] = Field(default=None, description="The working directory, relative to the project's root.")
    timeout: Maybe[Seconds] = Field(default=None, description="A command is killed after this long: `20m`.")
    retry: Maybe[Retry] = Field(
        default=None, description="When a failed command is tried again; a node's own `retry` replaces it."
    )


class Phase(Shape):
    """Nodes that start together once the gates of the phase are open."""

    needs: Maybe[Texts[str]] = Field(
        default=None,
        description="The phases that must have passed; the one written before unless set. `[]` starts at once.",
    )
    gates: dict[Id, Gate] = Field(default_factory=dict, description="All of them must be open before a node starts.")
    protected: Texts[Text] = Field(
        default=(), description="Files that no node of the phase may change: patterns such as `tests/acceptance/**`."
    )
    nodes: dict[Id, Node] = Field(default_factory=dict, description="The work of the phase; parallel but for `needs`.")
    description: Maybe[str] = Field(default=None, description="For people: what this phase is for.")


class Pipeline(Shape):
    """A pipeline: phases in the order written, the gates between them, the nodes that do the work."""

    apiVersion: Literal["orch/v1"] = Field(description="The version of this format: `orch/v1`.")  # noqa: N815
    kind: Literal["Pipeline"] = Field(description="What this document is: `Pipeline`.")
    name: Id = Field(description="The pipeline's name; decisions are bound to it.")
    description: Maybe[str] = Field(default=None, description="For people: what the pipeline does.")
    task: Text = Field(
        default="-", description="The task that a run belongs to; may hold `${{ }}` over inputs. `-` is none."
    )
    workspace: Literal["project", "branch"] = Field(
        default="project",
        description="Where the nodes work: in the project's folder, or (`branch`) in a tree of the run's own, outside "
        "of it, on the branch `orch/<run-id>`.",
    )
    inputs: dict[Id, Input] = Field(default_factory=dict, description="The values that a run is started with.")
    concurrency: Maybe[Concurrency] = Field(
        default=None, description="How many runs of a group may be at work at once; the next one waits."
    )
    budget: Maybe[Budget] = Field(default=None, description="What a run may use before it is ended as failed.")
    secrets: dict[EnvName, Annotated[str, WithJsonSchema(SOURCE_SCHEMA)]] = Field(
        default_factory=dict,
        description="Where the values come from that nodes may ask for: `env:VARIABLE` or `file:PATH`, by name.",
    )
    defaults: Defaults = Field(default=Defaults(), description="What holds for every node that does not say otherwise.")
    phases: Annotated[dict[Id, Phase], Field(min_length=1)] = Field(
        description="The phases, in the order written: each waits for the one before."
    )
    finally_: dict[Id, FinallyNode] = Field(
        default_factory=dict, alias="finally", description="Nodes that run when the run has ended, whatever its end."
    )
    outputs: dict[OutputName, Text] = Field(
        default_factory=dict, description="What the run gives: texts with `${{ }}`, evaluated when it closes."
    )

    def works(self) -> Iterator[tuple[Route, Work]]:
        """Nodes, those inside of loops, and `finally` nodes, with their places; but for nodes with plain keys alone."""
        for phase_name, phase in self.phases.items():
            for name, node in phase.nodes.items():
                if node.model_fields_set <= PLAIN_KEYS:
                    continue
                route: Route = ("phases", phase_name, "nodes", name)
                yield route, node
                for inner, body in node.loop.nodes.items() if node.loop is not None else ():
                    yield (*route, "loop", "nodes", inner), body
        for name, last in self.finally_.items():
            yield ("finally", name), last

"""What users write for a node: the command, when it runs, what it gives."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from orch.spec.shapes import (
    OUTPUT_NAME_PATTERN,
    CommandName,
    EnvName,
    EnvText,
    Id,
    Maybe,
    OutputName,
    Program,
    Seconds,
    Shape,
    Tag,
    Text,
    Texts,
)

RetryReason = Literal["command-failed", "timed-out", "start-failed", "output-missing", "secret-in-output"]
Scalar = str | int | float | bool
TriggerRule = Literal["all_success", "none_failed", "one_success", "none_failed_min_one_success", "all_done"]


WORK_KINDS = ("run", "adapter")
NODE_KINDS = (*WORK_KINDS, "loop", "pipeline")
MAX_ITERATIONS = 1000
OUTPUT_TYPES = ("string", "number", "integer", "boolean", "list", "object")
OUTPUTS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "patternProperties": {OUTPUT_NAME_PATTERN: {"enum": list(OUTPUT_TYPES)}},
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "schema": {"type": "string", "title": "Schema", "description": "A JSON Schema, by its path."}
            },
            "required": ["schema"],
            "additionalProperties": False,
        },
    ]
}
_ENTRIES = {"type": "array", "items": {"type": "object", "minProperties": 1}}
MATRIX_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "include": {
            **_ENTRIES,
            "title": "Include",
            "description": "More combinations, or more values for those that there are.",
        },
        "exclude": {
            **_ENTRIES,
            "title": "Exclude",
            "description": "Combinations to leave out; a part of a combination is enough.",
        },
    },
    "patternProperties": {"^(?!(include|exclude)$)[a-z][a-z0-9_]{0,47}$": {"type": ["array", "string"]}},
    "additionalProperties": False,
    "minProperties": 1,
}

PLAIN_KEYS = frozenset(("run", "needs"))
"""Most nodes of a large pipeline have no other keys, and whoever looks for others passes them by."""


class Retry(Shape):
    """When a failed command is tried again. There is no retry unless it is asked for."""

    limit: int = Field(ge=0, le=1000, description="How many more tries there are after the first one.")
    delay: Seconds = Field(default=1.0, description="How long to wait before the second try: `1s`.")
    backoff: float = Field(default=2.0, ge=1, le=1000, description="By what each next delay is multiplied.")
    max_delay: Seconds = Field(default=300.0, description="No delay is longer than this: `5m`.")
    jitter: float = Field(
        default=0.0, ge=0, le=1, description="The part of a delay that is left to chance, from 0 to 1."
    )
    on: Texts[RetryReason] = Field(
        default=("command-failed", "timed-out"),
        min_length=1,
        description="The reasons of a failure that are worth another try.",
    )


class Once(Shape):
    """An effect that must not happen twice, such as a release."""

    once: Text = Field(
        description="The idempotency key; may hold `${{ }}`. It reaches the command in ORCH_IDEMPOTENCY_KEY."
    )
    probe: Maybe[Text | Annotated[Texts[str], Field(min_length=1)]] = Field(
        default=None,
        union_mode="left_to_right",
        description="Asked after a crash whether it was done: exit 0 is done, 1 is not done. A script or an argv.",
    )


def _kinds(kinds: tuple[str, ...]) -> dict[str, Any]:
    return {
        "oneOf": [{"required": [kind]} for kind in kinds],
        "dependentRequired": {
            "adapter": ["command"],
            **{key: ["adapter"] for key in ("command", "args", "one_of")},
            **({"with": ["pipeline"]} if "pipeline" in kinds else {}),
        },
    }


class Cache(Shape):
    """What a pure command reads: while it is unchanged, the result is taken from a run before."""

    paths: Texts[Text] = Field(
        description="The files that the command reads, as globs relative to the project's root; may hold `${{ }}`. "
        "A folder means all that is in it. Must be written: `[]` says that it reads none."
    )
    env: Texts[EnvName] = Field(default=(), description="Variables of your environment that the result depends on.")
    tools: Texts[Text] = Field(
        default=(), description="Programs whose path, size and time count. The one that is started always does."
    )


class Work(Shape):
    """What nodes and `finally` nodes have in common."""

    model_config = ConfigDict(json_schema_extra=_kinds(WORK_KINDS))

    run: Maybe[Text | Annotated[Texts[str], Field(min_length=1)]] = Field(
        default=None,
        union_mode="left_to_right",
        description="The command. A text is a script for `sh -e`, without `${{ }}`: values go through `env`. "
        "A list is an argv, started without a shell, and may hold `${{ }}`.",
    )
    adapter: Maybe[Text] = Field(
        default=None,
        description="An adapter whose `command` is run: `python`, or `auto`, which looks at the repository. Computed "
        "with `${{ }}` where `one_of` says what it may be.",
    )
    command: Maybe[CommandName] = Field(default=None, description="Which command of the adapter.")
    args: Texts[str] = Field(default=(), description="Further arguments for the command; may hold `${{ }}`.")
    one_of: Maybe[Annotated[Texts[Id], Field(min_length=1)]] = Field(
        default=None, description="What a computed `adapter` may be; another value fails the node."
    )
    if_: Maybe[Text] = Field(
        default=None, alias="if", description="An expression, without `${{ }}`; where it is false the node is skipped."
    )
    env: dict[EnvName, EnvText] = Field(
        default_factory=dict, description="Environment variables, added to `defaults.env`; values may hold `${{ }}`."
    )
    secrets: Texts[EnvName] = Field(
        default=(),
        description="Secrets of the pipeline that the command finds in its environment, and that are taken out of what "
        "it writes.",
    )
    cwd: Maybe[Text] = Field(default=None, description="The working directory, relative to the project's root.")
    timeout: Maybe[Seconds] = Field(
        default=None, description="The command is killed after this long: `20m`. No limit unless set."
    )
    retry: Maybe[Retry] = Field(default=None, description="When a failed command is tried again.")
    allow_failure: bool = Field(
        default=False, description="A failure of this node does not make the phase or the run fail."
    )
    outputs: Annotated[dict[OutputName, Any], WithJsonSchema(OUTPUTS_SCHEMA)] = Field(
        default_factory=dict,
        description="The values that the command writes to $ORCH_OUTPUT as one JSON object: `{coverage: number}`, "
        "or `{schema: schemas/plan.json}`.",
    )
    artifacts: dict[Id, Text] = Field(
        default_factory=dict,
        description="Files that the command leaves, by name; paths relative to `cwd`. Kept with the run.",
    )
    effect: Literal["idempotent", "pure"] | Once = Field(
        default="idempotent",
        union_mode="left_to_right",
        description="What running twice would do: `idempotent` and `pure` commands run again after a crash, "
        "`{once: KEY}` does not without being asked.",
    )
    requires: Texts[Program] = Field(
        default=(), description="Programs that must be on PATH: `[gh, docker]`. Looked for before the command starts."
    )
    slots: int = Field(
        default=1, ge=1, le=10_000, description="How many of the `--jobs` it takes; all, where it asks for more."
    )
    tags: Texts[Tag] = Field(default=(), description="Words to select nodes by.")
    description: Maybe[str] = Field(default=None, description="For people: what this node is for.")


class OwnTree(Shape):
    """A tree of its own, in long."""

    kind: Literal["worktree"] = Field(description="A tree of its own: `worktree`.")
    setup: Maybe[Id] = Field(
        default=None,
        description="An adapter, or `auto`, whose `setup` runs once in the tree before anything else does.",
    )


class BodyNode(Work):
    """One step of a loop's body: it is run anew in each iteration."""

    needs: Texts[str] = Field(
        default=(), description="The nodes of this phase (or body) that must have ended before this one starts."
    )
    trigger_rule: TriggerRule = Field(
        default="all_success", description="What the ends of `needs` must be for this node to run."
    )
    cache: Maybe[Cache] = Field(
        default=None,
        description="What the command reads; while that is unchanged, the step is `cached`. Says that it is `pure`.",
    )
    writes: Maybe[Texts[Text]] = Field(
        default=None,
        description="The files that the node may change: patterns such as `src/**`. Checked on what it has changed.",
    )


class Loop(Shape):
    """Nodes that are run again and again until a condition holds."""

    until: Text = Field(
        description="An expression, without `${{ }}`, over the body's nodes; where it holds the loop has succeeded."
    )
    max_iterations: int = Field(
        ge=1, le=MAX_ITERATIONS, description="After so many iterations the loop fails: `exhausted`."
    )
    stop_if_unchanged: Maybe[int] = Field(
        default=None,
        ge=2,
        le=MAX_ITERATIONS,
        description="After so many iterations in a row that left the same, the loop fails: `unchanged`.",
    )
    nodes: Annotated[dict[Id, BodyNode], Field(min_length=1)] = Field(
        description="The body: its ids are known inside of it only. It sees `loop.index` and `loop.previous`."
    )


class Node(BodyNode):
    """One step of a phase: a command, or with `matrix` one command for each combination of values."""

    model_config = ConfigDict(json_schema_extra=_kinds(NODE_KINDS))

    loop: Maybe[Loop] = Field(
        default=None, description="A body of nodes that is run until a condition holds, in place of a command."
    )
    pipeline: Maybe[Text] = Field(
        default=None,
        description="A pipeline whose phases take the place of a command: a path from the project's root, or `./x` "
        "from this file.",
    )
    with_: dict[Id, Scalar | Texts[Scalar]] = Field(
        default_factory=dict,
        alias="with",
        description="The inputs of `pipeline`; texts may hold `${{ }}` over inputs, the task and the matrix.",
    )
    matrix: Maybe[Annotated[dict[Id, Any], WithJsonSchema(MATRIX_SCHEMA)]] = Field(
        default=None,
        description="One child for each combination: axes with their values, and `include` and `exclude`.",
    )
    key: Maybe[Text] = Field(
        default=None,
        description="The children's key, such as `${{ matrix.lang }}`. The values joined by `-` unless set.",
    )
    max_parallel: Maybe[int] = Field(default=None, ge=1, description="How many children run at the same time.")
    workspace: Literal["shared", "readonly", "worktree"] | OwnTree = Field(
        default="shared",
        union_mode="left_to_right",
        description="Where the node works, with the pipeline's `workspace: branch`: in the run's tree, in the run's "
        "tree without changing it (`readonly`), or in a tree of its own (`worktree`), whose changes are then merged.",
    )


def is_apart(node: Node) -> bool:
    """Does it work in a tree of its own?"""
    return node.workspace not in ("shared", "readonly")


SETUP = "setup"
"""The node of a loop that sets the loop's own tree up."""


def setup_of(node: Work) -> str | None:
    """The adapter that sets the node's own tree up."""
    space = node.workspace if isinstance(node, Node) else None
    return space.setup if isinstance(space, OwnTree) else None


class FinallyNode(Work):
    """A command that runs when the run has ended, whatever its end. It sees `run.status`."""

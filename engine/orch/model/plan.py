"""The plan that people review and that is saved as plan.json: plain JSON with names, and one digest."""

import hashlib
import json
from typing import Any, NotRequired, TypedDict, cast

FORMAT_VERSION = 1
SHIPPED = "orch:"
"""Before the path of a resource that ships with orch."""


class RetryDoc(TypedDict):
    """`limit` counts the extra tries; delays are seconds; `on` is a subset of the failed reasons."""

    limit: int
    delay_seconds: float
    backoff: float
    max_delay_seconds: float
    jitter: float
    on: list[str]


class OnceDoc(TypedDict):
    """A step that must not run twice: its key, and the script that tells whether it was done."""

    once: str
    probe: NotRequired[str | list[str]]


class AdapterDoc(TypedDict):
    """Where a step's command comes from. `variables` are those with a value, `because` the signs that `auto` found,
    `skip` the reason why there is nothing to run, `tools` the programs with the command that installs each, `needs` the
    commands that must have run before."""

    name: str
    command: str
    because: NotRequired[str]
    variables: NotRequired[dict[str, str]]
    skip: NotRequired[str]
    environment: NotRequired[dict[str, str]]
    tools: NotRequired[dict[str, str]]
    needs: NotRequired[list[str]]
    reports: NotRequired[list[dict[str, Any]]]
    none: NotRequired[dict[str, Any]]
    causes: NotRequired[list[dict[str, str]]]


class CacheDoc(TypedDict):
    """What a pure step says it reads: globs from the project's root on, variables, programs."""

    paths: list[str]
    env: NotRequired[list[str]]
    tools: NotRequired[list[str]]


StepDoc = TypedDict(
    "StepDoc",
    {
        "address": str,
        "run": NotRequired[str | list[str]],
        "adapter": NotRequired[AdapterDoc],
        "one_of": NotRequired[dict[str, dict[str, Any]]],
        "gate": NotRequired[dict[str, Any]],
        "needs": NotRequired[list[str]],
        "if": NotRequired[str],
        "trigger_rule": NotRequired[str],
        "env": NotRequired[dict[str, str]],
        "secrets": NotRequired[list[str]],
        "cwd": NotRequired[str],
        "timeout_seconds": NotRequired[float],
        "retry": NotRequired[RetryDoc],
        "allow_failure": NotRequired[bool],
        "outputs": NotRequired[dict[str, Any]],
        "artifacts": NotRequired[dict[str, str]],
        "effect": NotRequired[str | OnceDoc],
        "requires": NotRequired[list[str]],
        "cache": NotRequired[CacheDoc],
        "slots": NotRequired[int],
        "workspace": NotRequired[str],
        "writes": NotRequired[list[str]],
        "tags": NotRequired[list[str]],
        "description": NotRequired[str],
        "matrix": NotRequired[dict[str, Any]],
        "group": NotRequired[str],
        "selected": NotRequired[bool],
        "setup": NotRequired[dict[str, Any]],
        "expand": NotRequired[dict[str, Any]],
        "loop": NotRequired[dict[str, Any]],
        "pipeline": NotRequired[dict[str, Any]],
    },
)
"""One step: a gate, a node or a `finally` node. Keys that hold their default are absent. The phase is the part of the
address before the first dot (behind the last slash). A matrix that only the run knows has `expand`: `{matrix, key,
max_parallel, child}`, the child being a step without address. A loop has `loop`: `{until, max_iterations,
stop_if_unchanged, nodes}`, these being steps with `id` in place of the address, and needs by id. A child pipeline has
`pipeline`: `{name, path, digest, inputs, outputs}`; its phases and steps stand in the plan. `one_of` maps the names
that a computed adapter may have to `{run, env, adapter}` each. `outputs` is `{name: type}` or
`{"schema": <JSON Schema>}`.
"""


def kind_of(step: StepDoc) -> str:
    """The kind of a step: run, adapter, gate, matrix (one that only the run knows), loop or pipeline."""
    if "expand" in step:
        return "matrix"
    return next((kind for kind in ("gate", "adapter", "loop", "pipeline") if kind in step), "run")


def has_own_tree(step: StepDoc) -> bool:
    """Does the step work in a tree of its own, whose changes are merged when it has ended?"""
    return step.get("workspace") == "worktree"


class PhaseDoc(TypedDict):
    """A phase and the phases that it waits for; `protected` are the patterns of files that its nodes may not change.
    One of a child pipeline has the step that opens it as its `owner`; its `finally` nodes are a `final` phase."""

    name: str
    needs: list[str]
    protected: NotRequired[list[str]]
    description: NotRequired[str]
    owner: NotRequired[str]
    final: NotRequired[bool]


class GroupDoc(TypedDict):
    """A matrix: the parent's address, which has no step of its own. `needs` is there where it has no child either."""

    address: str
    max_parallel: NotRequired[int]
    needs: NotRequired[list[str]]


class BudgetDoc(TypedDict):
    """What a run may use: the time at which an owner is at work, and attempts of nodes."""

    wall_seconds: NotRequired[float]
    nodes: NotRequired[int]


class ConcurrencyDoc(TypedDict):
    """The group of runs that this one belongs to, and how many of them may be at work at once."""

    group: str
    limit: int


class ResourceDoc(TypedDict):
    """A file that the plan was made from; its bytes are kept in the run's content store. What ships with orch has
    `orch:` before its path; `name` and `origin` (project or built-in) are there for what the library gave."""

    kind: str
    name: NotRequired[str]
    origin: NotRequired[str]
    path: str
    sha256: str


class PlanDoc(TypedDict):
    """The whole plan. `people` maps handles to mail addresses, `roles` names to handles: as they were at planning.
    `budget`, `concurrency` and `notify` are there where they were asked for, `secrets`, the sources, where there are
    some. `workspace` is there where it is `branch`: `base` is the commit that the run's branch is compared with,
    `start` the one that it begins with where what no commit held was taken along."""

    format_version: int
    orch: str
    pipeline: dict[str, str]
    project: dict[str, str]
    task: str
    inputs: dict[str, Any]
    budget: NotRequired[BudgetDoc]
    concurrency: NotRequired[ConcurrencyDoc]
    notify: NotRequired[list[str]]
    max_in_flight: int
    durability: str
    fail_fast: bool
    workspace: NotRequired[str]
    base: NotRequired[str]
    start: NotRequired[str]
    env_pass: list[str]
    people: dict[str, list[str]]
    roles: dict[str, list[str]]
    resources: list[ResourceDoc]
    phases: list[PhaseDoc]
    groups: list[GroupDoc]
    steps: list[StepDoc]
    outputs: dict[str, str]
    secrets: NotRequired[dict[str, str]]


class Plan:
    """A plan's bytes as they lie in plan.json, their sha256 (hex), and the same as data, read when first asked for."""

    __slots__ = ("_doc", "data", "digest")

    def __init__(self, data: bytes, digest: str | None = None, doc: PlanDoc | None = None) -> None:
        self.data = data
        self.digest = digest or hashlib.sha256(data).hexdigest()
        self._doc = doc

    @property
    def doc(self) -> PlanDoc:
        """The plan as data, to be treated as frozen. Raises ValueError where the bytes are not a plan."""
        if self._doc is None:
            doc = json.loads(self.data)
            if not isinstance(doc, dict) or not isinstance(doc.get("steps"), list):
                raise ValueError("not a plan")
            self._doc = cast(PlanDoc, doc)
        return self._doc


def seal(doc: PlanDoc) -> Plan:
    """Write a plan down: one step a line, so that two plans can be compared with diff."""
    steps = ",\n".join(map(_ENCODER.encode, doc["steps"]))
    head = {key: value for key, value in doc.items() if key != "steps"}
    text = f'{_ENCODER.encode(head)[:-1]},"steps":[\n{steps}\n]}}\n'
    return Plan(text.encode(), doc=doc)


def load(data: bytes) -> Plan:
    """A saved plan. Raises ValueError where the bytes are not one."""
    plan = Plan(data)
    if not plan.doc["steps"]:
        raise ValueError("a plan without steps")
    return plan


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

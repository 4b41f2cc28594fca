"""What runs: the plan as integers and plain lists, compiled once; the shape that the cache keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

from orch.model.plan import PlanDoc, StepDoc

NODE, GATE, FINALLY = 0, 1, 2


class Action(NamedTuple):
    """What a step does, shared by all steps that do the same. A text with expressions is a tree, as
    `spec.expressions` makes them (a list); any other is a string. `argv` of a check gate is its expression; `paths` are
    the declared artifacts; `reads` names the nodes that all of these read. Where the adapter is computed, `choice` is
    that text, and `variants` has the action (an index in the table) of each name that it may give. `globs` are the
    files that a step with `cache` reads; None where its result is not kept."""

    step: StepDoc
    condition: list[Any] | None
    argv: tuple[Any, ...]
    env: tuple[tuple[str, Any], ...]
    cwd: Any
    paths: tuple[tuple[str, Any], ...]
    once_key: Any
    probe: tuple[Any, ...]
    reads: tuple[str, ...]
    choice: Any = None
    variants: dict[str, int] | None = None
    globs: tuple[Any, ...] | None = None


class Compiled(NamedTuple):
    """Steps are the indexes 0 … n-1 in the plan's order; the matrix parents (groups) follow as n … n+g-1.

    `needs_count[i]` counts the steps and groups that i waits for, `dependants[i]` lists who waits for i.
    `phase_of[i]` is -1 for `finally` steps; `group_of[i]` is the index of the parent, or -1; an
    empty group waits for what its children would have waited for. Phases are indexes too.
    `head` is the plan's JSON without its steps.
    """

    digest: str
    head: dict[str, Any]
    size: int
    addresses: list[str]
    kinds: list[int]
    actions: list[int]
    action_table: list[Action]
    matrix: dict[int, dict[str, Any]]
    selected: list[bool] | None
    needs_count: list[int]
    dependants: list[list[int]]
    phase_of: list[int]
    group_of: list[int]
    group_limit: dict[int, int]
    group_children: dict[int, list[int]]
    phase_names: list[str]
    phase_needs_count: list[int]
    phase_dependants: list[list[int]]
    phase_gates: list[list[int]]
    phase_nodes: list[list[int]]
    finally_steps: list[int]
    index_of: dict[str, int]
    ids: dict[str, int]
    max_in_flight: int
    fail_fast: bool
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    output_reads: tuple[str, ...]
    task: str

    def action(self, step: int) -> Action:
        """The action of a step."""
        return self.action_table[self.actions[step]]

    def slots(self, step: int) -> int:
        """How many of the jobs an attempt of this step takes: all of them where it asks for more."""
        asked: int = self.action_table[self.actions[step]].step.get("slots", 1)
        return asked if asked < self.max_in_flight else self.max_in_flight

    def is_behind_nodes(self, gate: int) -> bool:
        """May a node of the run be at work while this gate is shut?"""
        after = {self.phase_of[gate]}
        pending = list(after)
        while pending:
            more = set(self.phase_dependants[pending.pop()]) - after
            after |= more
            pending += more
        return any(nodes for phase, nodes in enumerate(self.phase_nodes) if phase not in after)


def member_ids(doc: PlanDoc) -> dict[str, str]:
    """Node and gate ids (unique in a pipeline) to the address of the step, or of the group for a matrix."""
    ids = {group["address"].partition(".")[2]: group["address"] for group in doc["groups"]}
    for step in doc["steps"]:
        if "group" not in step:
            ids[step["address"].partition(".")[2]] = step["address"]
    return ids

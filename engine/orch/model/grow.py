"""What a run adds to its plan: the children of a matrix that was not known before, the next iteration of a loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orch.model.compiled import NODE, Body, Compiled, Space


def grow(plan: Compiled, step: int, keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[int]:
    """Add a phase that `step` opens, with its nodes, to a plan of its own (`Compiled.own`); their indexes. A matrix
    gets a child for each key, with its row of values; a loop gets the iteration that its one key counts."""
    body = plan.body(step)
    assert body is not None, "only what has a body can grow"
    if body["kind"] == "loop":
        return _iteration(plan, step, body, int(keys[0]))
    return _children(plan, step, body, keys, rows)


def _children(plan: Compiled, step: int, body: Body, keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[int]:
    phase = _phase(plan, step, plan.addresses[step], plan.space_of(step), forgiven=False)
    if "limit" in body:
        plan.group_limit[step] = body["limit"]
    added = []
    for key, row in zip(keys, rows, strict=True):
        child = _add(plan, f"{plan.addresses[step]}[{key}]", body["child"], phase)
        plan.matrix[child] = row
        plan.group_of[child] = step
        added.append(child)
    return added


def _iteration(plan: Compiled, step: int, body: Body, number: int) -> list[int]:
    address = f"{plan.addresses[step]}#{number}"
    ids: dict[str, int] = {}
    phase = _phase(plan, step, address, len(plan.spaces), forgiven=True)
    plan.spaces.append(Space(ids, plan.space_of(step), plan.spaces[plan.space_of(step)].inputs))
    for name, action in zip(body["ids"], body["actions"], strict=True):
        node = ids[name] = _add(plan, f"{address}.{name}", action, phase)
        plan.loop_of[node] = (step, number)
        if step in plan.matrix:
            plan.matrix[node] = plan.matrix[step]
    added = list(ids.values())
    for node, needs in zip(added, body["needs"], strict=True):
        plan.needs_count[node] = len(needs)
        for need in needs:
            plan.dependants[added[need]].append(node)
    return added


def _phase(plan: Compiled, owner: int, name: str, space: int, *, forgiven: bool) -> int:
    number = len(plan.phase_names)
    outer = plan.phase_of[owner]
    plan.phase_names.append(name)
    plan.phase_needs_count.append(1)
    plan.phase_dependants.append([])
    plan.phase_gates.append([])
    plan.phase_nodes.append([])
    plan.phase_owner.append(owner)
    plan.phase_final.append(False)
    excused = bool(plan.action(owner).step.get("allow_failure")) or plan.phase_forgiven[outer]
    plan.phase_forgiven.append(forgiven or excused)
    plan.phase_space.append(space)
    plan.bodies.setdefault(owner, []).append(number)
    return number


def _add(plan: Compiled, address: str, action: int, phase: int) -> int:
    step = len(plan.kinds)
    plan.addresses.append(address)
    plan.kinds.append(NODE)
    plan.actions.append(action)
    plan.needs_count.append(0)
    plan.dependants.append([])
    plan.phase_of.append(phase)
    plan.group_of.append(-1)
    plan.phase_nodes[phase].append(step)
    plan.index_of[address] = step
    if plan.selected is not None:
        plan.selected.append(True)
    return step

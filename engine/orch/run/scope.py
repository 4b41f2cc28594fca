"""What an expression of a step can see: inputs, ended nodes, its matrix values. Plain data, built on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orch.model.compiled import GROUP, Compiled
from orch.model.derive import is_bad
from orch.model.state import RunState, left_behind
from orch.model.status import Status
from orch.run.budget import REASON


class KnownAfter(Exception):
    """A simulated run read a value that only the real run will know; `address` is the step that gives it."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(address)


LEFT_BEHIND = "left-behind"
"""Why a run has failed in which nothing is bad."""
UNKNOWN: dict[str, Any] = {"\0": "known after"}
"""The outputs of a simulated step that others read: looking at anything of it raises `KnownAfter`."""
UNGIVEN: dict[str, Any] = {"\0": "not given"}
"""The outputs of a simulated step of which nothing else is unknown."""


def step_scope(plan: Compiled, state: RunState, step: int) -> dict[str, Any]:
    """The scope of the expressions of a step."""
    scope = run_scope(plan, state, plan.action(step).reads, plan.space_of(step))
    if step in plan.matrix:
        scope["matrix"] = plan.matrix[step]
    if step in plan.loop_of:
        scope["loop"] = _loop(plan, state, *plan.loop_of[step])
    phase = plan.phase_of[step]
    if phase < 0:
        scope["run"]["status"] = verdict(plan, state)
    elif plan.phase_final[phase]:
        scope["run"]["status"] = _verdict_of(plan, state, plan.phase_owner[phase])
    return scope


def body_scope(plan: Compiled, state: RunState, step: int, reads: tuple[str, ...]) -> dict[str, Any]:
    """The scope in which a step's body is opened or judged: of a loop, its last iteration, of a child pipeline, its
    own."""
    phases = plan.bodies.get(step)
    scope = run_scope(plan, state, reads, plan.phase_space[phases[-1]] if phases else plan.space_of(step))
    if step in plan.matrix:
        scope["matrix"] = plan.matrix[step]
    if phases and plan.is_loop(step):
        scope["loop"] = _loop(plan, state, step, len(phases))
    return scope


def run_scope(plan: Compiled, state: RunState, reads: tuple[str, ...], space: int = 0) -> dict[str, Any]:
    """The scope of a pipeline's own expressions; `reads` names the node ids that they use, in this space."""
    return {
        "inputs": plan.spaces[space].inputs,
        "task": plan.task,
        "run": {"id": state.run_id},
        "nodes": {node: _node(plan, state, plan.find(space, node)) for node in reads},
    }


def _loop(plan: Compiled, state: RunState, loop: int, number: int) -> dict[str, Any]:
    """The root `loop`: the first iteration has no previous one."""
    found: dict[str, Any] = {"index": number}
    if number > 1:
        ids = plan.spaces[plan.phase_space[plan.bodies[loop][number - 2]]].ids
        found["previous"] = {name: _node(plan, state, node) for name, node in ids.items()}
    return found


def _verdict_of(plan: Compiled, state: RunState, owner: int) -> str:
    """What a child pipeline amounts to, when all but its `finally` is over: none of that counts, in whatever order."""
    body = [step for step in plan.inner(owner) if not plan.is_final(step)]
    cut = [step for step in body if state.status[step] is Status.CANCELLED or state.reason[step] == "cancelled"]
    ending = state.cancelling or state.failing_fast
    if state.overspent or any(is_bad(plan, state, step) for step in body if not (ending and step in cut)):
        return "failed"
    if state.cancelling or (cut and ending):
        return "cancelled"
    return "failed" if any(left_behind(state, step) for step in body) else "succeeded"


def verdict(plan: Compiled, state: RunState) -> str:
    """What the run amounts to: failed if anything has failed or its budget was spent, else cancelled where somebody
    asked for it; failed, too, if something was left behind, else succeeded."""
    if state.failed or state.overspent:
        return "failed"
    return "cancelled" if state.cancelling else "failed" if left(plan, state) else "succeeded"


def left(plan: Compiled, state: RunState) -> list[int]:
    """The run's own steps that a failure or a cancel has ended, or kept from running. Where none has failed and nobody
    cancels, a retry of others has left them behind: the run has not done what it was to do."""
    if Status.SKIPPED not in state.status and Status.CANCELLED not in state.status:
        return []
    return [
        step
        for step in plan.steps
        if (left_behind(state, step) or state.status[step] is Status.CANCELLED)
        and not plan.is_final(step)
        and plan.phase_owner[plan.phase_of[step]] < 0
    ]


def ends_as(plan: Compiled, state: RunState) -> tuple[str, str]:
    """What the run closes with, status and reason: `finally` can only worsen the verdict."""
    status = "failed" if state.finally_failed else verdict(plan, state)
    if state.overspent:
        return status, REASON
    behind = status == "failed" and not (state.failed or state.finally_failed)
    return status, LEFT_BEHIND if behind else status


def _node(plan: Compiled, state: RunState, index: int) -> Mapping[str, Any]:
    if plan.kinds[index] == GROUP:
        return _matrix(plan, state, index, plan.group_children[index])
    if state.outputs.get(index) is UNKNOWN:
        return _Unknown(plan.addresses[index])
    body = plan.body(index)
    if body is not None and body["kind"] == "matrix":
        return {**_matrix(plan, state, index, plan.inner(index)), "status": state.status[index].word}
    view: dict[str, Any] = {
        "status": state.status[index].word,
        "reason": state.reason[index],
        "outputs": state.outputs.get(index, {}),
        "artifacts": {a["name"]: {"path": a["path"], "sha256": a["sha256"]} for a in state.artifacts.get(index, ())},
    }
    if index in state.exit_code:
        view["exit_code"] = state.exit_code[index]
    return view if view["outputs"] is not UNGIVEN else _Ungiven(view, plan.addresses[index])


def _matrix(plan: Compiled, state: RunState, group: int, children: Sequence[int]) -> Mapping[str, Any]:
    if any(state.outputs.get(child) is UNKNOWN for child in children):
        return _Unknown(plan.addresses[group])
    rows = [
        {
            "key": plan.addresses[c].removeprefix(plan.addresses[group])[1:-1],
            "status": state.status[c].word,
            "outputs": state.outputs.get(c, {}),
        }
        for c in children
    ]
    bad = any(is_bad(plan, state, child) for child in children)
    skipped = all(state.status[c] is Status.SKIPPED for c in children)
    word = Status.FAILED if bad else Status.SKIPPED if skipped else Status.SUCCEEDED
    view = {"status": word.word, "outputs": sorted(rows, key=lambda row: str(row["key"]))}
    ungiven = any(row["outputs"] is UNGIVEN for row in rows)
    return view if not ungiven else _Ungiven(view, plan.addresses[children[0]].partition("[")[0])


class _Unknown(dict[str, Any]):
    """A node of a simulated run: everything about it is known only after it."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def __contains__(self, key: object) -> bool:
        raise KnownAfter(self._address)

    def __missing__(self, key: str) -> Any:
        raise KnownAfter(self._address)

    def get(self, key: str, default: Any = None) -> Any:
        """Nothing is known, not even that there is nothing."""
        raise KnownAfter(self._address)


class _Ungiven(dict[str, Any]):
    """A node of a simulated run whose end is known, but not what it gives."""

    def __init__(self, view: dict[str, Any], address: str) -> None:
        super().__init__(view)
        self._address = address

    def __getitem__(self, key: str) -> Any:
        if key == "outputs":
            raise KnownAfter(self._address)
        return super().__getitem__(key)

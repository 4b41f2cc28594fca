"""What a step opens, and what it amounts to when that is over: a matrix that only the run knows, a loop, a child
pipeline. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from orch.model.compiled import Body, Compiled
from orch.model.decisions import Conclude, Decision, Expand, Skip
from orch.model.derive import ending, is_bad
from orch.model.state import RunState, left_behind
from orch.model.status import Status
from orch.problems.problem import OrchError
from orch.run.budget import REASON, cut_short
from orch.run.scope import UNKNOWN, KnownAfter, body_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate, evaluate_condition
from orch.spec.matrix import expand


def open_body(plan: Compiled, state: RunState, step: int, body: Body) -> Decision:
    """The decision about a step whose turn has come. Raises KnownAfter in a simulated run."""
    match body["kind"]:
        case "loop":
            return Expand(step, ("1",))
        case "pipeline":
            return Expand(step)
    try:
        rows = _rows(plan, state, step, body)
    except OrchError as error:
        return _no_rows(step, error)
    if not rows:
        return Skip(step, "empty-matrix")
    return Expand(step, tuple(rows), tuple(rows.values()))


def open_again(plan: Compiled, state: RunState, step: int) -> Decision:
    """The decision about a step that has opened its body in an epoch before. A retry of what gives a matrix its values
    may have given others, and what is in the journal stays."""
    body = plan.body(step)
    assert body is not None, "only what has a body has opened it"
    if body["kind"] != "matrix":
        return Expand(step)
    try:
        rows = _rows(plan, state, step, body)
    except OrchError as error:
        return _no_rows(step, error)
    before = {
        plan.addresses[one].removeprefix(plan.addresses[step])[1:-1]: plan.matrix[one] for one in plan.inner(step)
    }
    if rows == before:
        return Expand(step)
    other = [key for key in {**before, **rows} if before.get(key) != rows.get(key)]
    more = f" and {len(other) - 3} more" if len(other) > 3 else ""
    said = f"its values are other than those that it was opened with ({', '.join(other[:3])}{more}): start a new run"
    return Conclude(step, "failed", "expression-error", f"`matrix`: {said}")


def _rows(plan: Compiled, state: RunState, step: int, body: Body) -> dict[str, dict[str, Any]]:
    scope = body_scope(plan, state, step, body["reads"])
    return dict(expand(body["matrix"], body.get("key"), scope, body["trees"].__getitem__))


def _no_rows(step: int, error: OrchError) -> Conclude:
    return Conclude(step, "failed", "expression-error", f"`matrix`: {error.problems[0].message}")


def judge(plan: Compiled, state: RunState, step: int) -> Decision:
    """The decision about a step of whose body everything is over."""
    body = plan.body(step)
    assert body is not None, "only what has a body is judged"
    inner = plan.inner(step)
    if ending(plan, state, step) and any(_was_cut(state, one) for one in inner):
        return cut_short(state, step, "it was ended before all inside of it was over")
    if body["kind"] == "loop":
        return _judge_loop(plan, state, step, body)
    bad = [plan.addresses[one] for one in inner if is_bad(plan, state, one)]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        return Conclude(step, "failed", "children-failed", f"{', '.join(bad[:3])}{more} did not succeed")
    if behind := [plan.addresses[one] for one in inner if left_behind(state, one)]:
        more = f" and {len(behind) - 3} more" if len(behind) > 3 else ""
        said = f"{', '.join(behind[:3])}{more} stayed skipped, because of a failure that is no longer there"
        return Conclude(step, "failed", "children-failed", said)
    if body["kind"] == "pipeline":
        return Conclude(step, "succeeded", "ok", "", _outputs(plan, state, step, body))
    if all(state.status[one] is Status.SKIPPED for one in inner):
        return Skip(step, str(state.reason[inner[0]]))
    return Conclude(step, "succeeded", "ok", "")


def _was_cut(state: RunState, step: int) -> bool:
    return state.status[step] is Status.CANCELLED or state.reason[step] in ("cancelled", REASON)


def _outputs(plan: Compiled, state: RunState, step: int, body: Body) -> dict[str, Any] | None:
    """The outputs of a child pipeline: what cannot be computed is null, as in a run's own."""
    scope = body_scope(plan, state, step, body["reads"])
    found: dict[str, Any] = {}
    for name, value in body["outputs"].items():
        try:
            found[name] = evaluate(value, scope) if isinstance(value, list) else value
        except EvaluationError:
            found[name] = None
        except KnownAfter:
            return UNKNOWN
    return found or None


def _judge_loop(plan: Compiled, state: RunState, step: int, body: Body) -> Decision:
    phases = plan.bodies[step]
    number, since = len(phases), state.since.get(step, 0)
    following = Expand(step, (str(number + 1),))
    if number == since:
        return cut_short(state, step, "ended before it was tried again") if ending(plan, state, step) else following
    outputs = {name: state.outputs[node] for name, node in _nodes(plan, step, number) if node in state.outputs}
    bad = [name for name, node in _nodes(plan, step, number) if is_bad(plan, state, node)]
    if not bad:
        try:
            if evaluate_condition(body["until"], body_scope(plan, state, step, body["reads"])):
                return Conclude(step, "succeeded", "ok", "", outputs or None)
        except EvaluationError as error:
            return Conclude(step, "failed", "expression-error", f"`until`: {error}")
        except KnownAfter as unknown:
            return Conclude(step, "succeeded", "ok", f"known after {unknown.address}", UNKNOWN)
    if ending(plan, state, step):
        return cut_short(state, step, f"ended after iteration {number}")
    limit = body.get("unchanged", 0)
    same = 1 + _unchanged(plan, state, step, number - since)
    still = 1 + _still(plan, state, step, number - since)
    if limit and max(same, still) >= limit:
        what, count = ("left the same", same) if same >= limit else ("have the same difference", still)
        said = f"iterations {number - count + 1} to {number} {what}"
        return Conclude(step, "failed", "unchanged", said, outputs or None, changes(plan, state, step))
    if number - since >= body["most"]:
        last = f"{', '.join(bad)} failed" if bad else "`until` is false"
        said = f"{last} after {body['most']} iteration{'s' * (body['most'] > 1)}"
        said += f", {number} in all" if since else ""
        return Conclude(step, "failed", "exhausted", said, outputs or None, changes(plan, state, step))
    return following


def _nodes(plan: Compiled, loop: int, number: int) -> list[tuple[str, int]]:
    """Names and steps of an iteration, which counts from 1."""
    return list(plan.spaces[plan.phase_space[plan.bodies[loop][number - 1]]].ids.items())


def _unchanged(plan: Compiled, state: RunState, loop: int, most: int) -> int:
    """How many iterations in a row, before the last one, left exactly what it left; at most `most` - 1 are asked."""
    number = len(plan.bodies[loop])
    last = _left(plan, state, _nodes(plan, loop, number))
    same = 0
    while same < most - 1 and _left(plan, state, _nodes(plan, loop, number - same - 1)) == last:
        same += 1
    return same


def _still(plan: Compiled, state: RunState, loop: int, most: int) -> int:
    """Likewise, whose tree was in the end what it was in the end of the last one, where that is known."""
    trees = [state.trees.get(phase) for phase in plan.bodies[loop]]
    same = 0
    while trees[-1] is not None and same < most - 1 and trees[-2 - same] == trees[-1]:
        same += 1
    return same


def _left(plan: Compiled, state: RunState, nodes: Iterable[tuple[str, int]]) -> str:
    """A digest of what an iteration left: how its nodes ended and what they gave."""
    what = [[name, _trace(plan, state, node)] for name, node in nodes]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _trace(plan: Compiled, state: RunState, node: int) -> dict[str, Any]:
    """What can be compared of a node: findings where a report was read, else the digests of its logs."""
    trace = state.traces.get(node, {})
    found: dict[str, Any] = {
        "status": state.status[node].word,
        "reason": state.reason[node] if state.reason[node] != "cached" else "ok",  # it gives what the step would
        "exit code": state.exit_code.get(node),
        "outputs": state.outputs.get(node),
        "artifacts": {one["name"]: one["sha256"] for one in state.artifacts.get(node, ())},
    }
    if trace.get("findings") is not None:
        found["findings"] = sorted(_finding(one) for one in trace["findings"])
    else:
        found["logs"] = trace.get("logs", {})
    return found


def _finding(finding: dict[str, Any]) -> str:
    where = ":".join(str(finding[key]) for key in ("file", "line") if finding.get(key) is not None)
    return " ".join(filter(None, (where, finding.get("test"), finding.get("message"))))


def changes(plan: Compiled, state: RunState, loop: int) -> tuple[dict[str, Any], ...]:
    """For each iteration but the first, what was other than in the one before: `{iteration, changed: [sentence]}`."""
    found = []
    for number in range(2, len(plan.bodies[loop]) + 1):
        before = dict(_nodes(plan, loop, number - 1))
        changed = [
            line
            for name, node in _nodes(plan, loop, number)
            for line in _differences(name, _trace(plan, state, before[name]), _trace(plan, state, node))
        ]
        found.append({"iteration": number, "changed": changed})
    return tuple(found)


def _differences(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    lines = []
    what = next((what for what in ("status", "reason", "exit code") if old[what] != new[what]), None)
    if what is not None:
        lines.append(f"{name}: {what} {old[what]} → {new[what]}")
    lines += [f"{name}: {what} other" for what in ("outputs", "artifacts") if old[what] != new[what]]
    gone, come = (set(one.get("findings", ())) for one in (old, new))
    lines += [f"{name}: gone: {text}" for text in sorted(gone - come)[:20]]
    lines += [f"{name}: new: {text}" for text in sorted(come - gone)[:20]]
    if old.get("logs") != new.get("logs"):
        lines.append(f"{name}: what it printed is other")
    return lines

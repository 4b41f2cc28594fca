"""How does a step stand that opens others? A loop by its iterations, a matrix or a child pipeline by what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from orch.model.compiled import Body
from orch.model.derive import is_bad
from orch.model.status import Status
from orch.review.case import Case
from orch.review.conditions import seen, turned, values
from orch.review.explanation import Explanation
from orch.run.bodies import changes
from orch.run.scope import body_scope
from orch.spec.expressions.unparse import unparse

Explain = Callable[[Case], Explanation]
_ITERATIONS = 5
_CHANGES = 4
_URGENT = (Status.WAITING, Status.RUNNING, Status.QUEUED)


def opened(case: Case, body: Body, explain: Explain) -> Explanation:
    """A step that has begun, by what it opened; one that failed or waits, by the step inside that it is for."""
    lines = _iterations(case, body) if body["kind"] == "loop" else _inside(case, body)
    if case.reason == "expression-error":
        lines.append(case.state.sentence.get(case.step, ""))
    telling = _telling(case)
    change, following = _loop_ways(case, body) if body["kind"] == "loop" else ([], [])
    if case.state.status[case.step] is Status.RUNNING:
        following.append(case.command("poll", case.run_id, "--watch"))
    if telling is None:
        return case.told(lines, change, following)
    below = explain(case.of(telling))
    lines += [f"{case.said(telling)}", *(f"  {line}" for line in below.because)]
    change = [*change, *(below.would_change if body["kind"] != "loop" else ())]
    itself = case.command("explain", case.run_id, case.address)
    following = [one for one in (*following, *below.next) if one != itself]
    root = below.root or case.plan.addresses[telling]
    return case.told(lines, change, list(dict.fromkeys(following)), root=root, log=below.log)


def inside(case: Case) -> list[str]:
    """Which step has opened this one, where one has."""
    owners = case.plan.owners(case.step)
    if not owners:
        return []
    owner = case.plan.addresses[owners[0]]
    if case.step not in case.plan.loop_of:
        return [f"it is inside of {owner}"]
    number = case.plan.loop_of[case.step][1]
    return [f"it is inside of {owner}, in iteration {number} of {len(case.plan.bodies[owners[0]])}"]


def iteration_changes(case: Case) -> list[tuple[int, list[str]]]:
    """Of a loop: what was other in each iteration than in the one before."""
    return [(one["iteration"], list(one["changed"])) for one in changes(case.plan, case.state, case.step)]


def _iterations(case: Case, body: Body) -> list[str]:
    plan = case.plan
    phases = plan.bodies.get(case.step, [])
    before = case.state.since.get(case.step, 0)  # a loop that is tried again has as many iterations as before
    since = f" since it was tried again, {len(phases):,} in all" if before else ""
    lines = [f"it went round {len(phases) - before:,} of at most {body['most']:,} times{since}"]
    changed = dict(iteration_changes(case))
    for number in range(max(1, len(phases) - _ITERATIONS + 1), len(phases) + 1):
        nodes = plan.phase_nodes[phases[number - 1]]
        lines.append(f"  #{number}: {', '.join(_short(case, node) for node in nodes)}")
        told = changed.get(number, [])
        lines += [f"    other than before: {line}" for line in told[:_CHANGES]]
        if number in changed and not told:
            lines.append("    nothing was other than before")
        if len(told) > _CHANGES:
            lines.append(f"    and {len(told) - _CHANGES:,} more")
    state = case.state_then()
    if state.status[case.step] is Status.RUNNING and not case.state.inner_open.get(case.step):
        nodes = plan.phase_nodes[phases[-1]] if phases else []
        if any(is_bad(plan, case.state, node) for node in nodes):
            lines.append(f"`until` was not asked, since a node of the last iteration failed: {unparse(body['until'])}")
        else:
            scope = body_scope(state.plan, state, case.step, body["reads"])
            lines.append(f"`until`, asked after the last of them: {unparse(body['until'])}")
            lines += [f"  {line}" for line in seen(body["until"], scope)]
    return lines


def _short(case: Case, node: int) -> str:
    name = case.plan.addresses[node].rpartition(".")[2]
    status, reason = case.state.status[node], case.state.reason[node]
    return f"{name} {status.word}" + (f" ({reason})" if reason not in (None, "ok") else "")


def _loop_ways(case: Case, body: Body) -> tuple[list[str], list[str]]:
    if case.state.status[case.step] is not Status.FAILED:
        return [], []
    again, alone = case.step in case.asked.redo, case.step not in case.plan.loop_of
    state = case.state_then()
    scope = body_scope(state.plan, state, case.step, body["reads"])
    turn = turned(body["until"], scope, want=True)
    change = list(turn.facts) if turn is not None else []
    if case.reason == "unchanged":
        change.append("an iteration that leaves something else, or a larger `stop_if_unchanged` in a new run")
    elif case.reason == "exhausted":
        more = f"; a retry goes on with {body['most']:,} more" if again or alone else ""
        change.append(f"a larger `max_iterations` in a new run{more}")
    else:
        change.append("another `until` in a new run")
    if alone and not again:  # it may fail: no retry takes it up of itself
        return change, [case.command("retry", case.run_id, "--from", case.address)]
    return change, [case.command("retry", case.run_id, "--failed") if again else case.new_run()]


def _inside(case: Case, body: Body) -> list[str]:
    counts = Counter(case.state.status[one] for one in case.plan.inner(case.step))
    told = ", ".join(f"{counts[status]:,} {status.word}" for status in Status if counts[status])
    if body["kind"] == "pipeline":
        child = case.doc["pipeline"]
        return [f"it is the pipeline {child['name']} ({child['path']}): {told or 'nothing of it has begun'}"]
    return [f"it is a matrix of {counts.total():,}: {told}", *sources(case, body)]


def sources(case: Case, body: Body) -> list[str]:
    """What the children of a matrix were made from."""
    state = case.state_then()
    trees = [tree for tree in body["trees"].values() if isinstance(tree, list)]
    scope = body_scope(state.plan, state, case.step, body["reads"])
    return [f"  {line}" for line in values(trees, scope) if not line.startswith("`matrix.")]


def _telling(case: Case) -> int | None:
    """The step inside that says why it stands so."""
    plan, state = case.plan, case.state
    inner = plan.inner(case.step)
    if state.status[case.step] is Status.SUCCEEDED:
        return None
    bad = next((one for one in inner if is_bad(plan, state, one)), None)
    if bad is not None:
        return bad
    failed = next((one for one in inner if state.status[one] is Status.FAILED), None)
    if plan.is_loop(case.step) and failed is not None:
        return failed
    return next((one for status in _URGENT for one in inner if state.status[one] is status), None)

"""Why was a step skipped? Its own condition, or the way back to what kept it from running. Pure."""

from __future__ import annotations

from collections.abc import Callable

from orch.model.state import left_behind
from orch.review.case import SHOWN, Case
from orch.review.causes import Cause, unmet, way_back
from orch.review.conditions import Turn, seen, turned
from orch.review.explanation import Explanation
from orch.review.why_bodies import sources
from orch.review.why_failed import cancelled_by

Explain = Callable[[Case], Explanation]
_RULES = {
    "all_success": "that all that it needs has succeeded",
    "none_failed": "that nothing that it needs has failed",
    "one_success": "that one of those that it needs has succeeded",
    "none_failed_min_one_success": "that nothing that it needs has failed, and one has succeeded",
}


def skipped(case: Case, explain: Explain) -> Explanation:
    """A step that did not run, by its reason."""
    sentence = case.state.sentence.get(case.step, "")
    match case.reason:
        case "if-false":
            return _if_false(case)
        case "upstream-failed" | "upstream-skipped" | "phase-not-reached":
            return _kept(case, explain)
        case "not-selected":
            because = ["the run was started with a selection (`--select`) that leaves it out"]
            return case.told(because, ["a run without that selection"], [case.new_run()])
        case "cancelled":
            return cancelled_by(case, ["it had not begun when the run was ended"])
        case "no-tests":
            because = [f"its command found nothing to test: {sentence}" if sentence else "it found nothing to test"]
            return case.told(because, ["a test that it finds"], [case.new_run()])
        case "not-configured":
            because = [f"its adapter has nothing to run here: {sentence}"]
            return case.told(because, ["a repository in which its adapter finds that"], [case.new_run()])
        case "empty-matrix":
            body = case.plan.body(case.step)
            because = ["the list that its matrix is made from is empty", *(sources(case, body) if body else ())]
            read = [case.command("explain", case.run_id, address) for address in _read(case)]
            return case.told(because, ["a list that is not empty"], read)
    return case.told([sentence] if sentence else [], [], [])


def _if_false(case: Case) -> Explanation:
    condition = case.action.condition
    assert condition is not None
    scope = case.scope()
    lines = [f"its `if` was false: {case.doc['if']}", *(f"  {line}" for line in seen(condition, scope))]
    change, following = ways(case, turned(condition, scope, want=True), "it runs")
    return case.told(lines, change, following)


def ways(case: Case, turn: Turn | None, then: str) -> tuple[list[str], list[str]]:
    """The smallest change that turns a condition, in words, and the command where inputs are enough."""
    if turn is None:
        return ["no change of inputs is known that turns it: another condition"], []
    options = [f"--input {word}" for word in _inputs(case, turn)]
    if turn.facts:
        told = [*turn.facts, *(["and " + " ".join(options)] if options else [])]
        return told, [case.command("explain", case.run_id, address) for address in _read(case)]
    return [f"with `{' '.join(options)}`, all else being equal, {then}"], [case.new_run(**turn.inputs)]


def _read(case: Case) -> list[str]:
    """The steps that its expressions read, a matrix by its parent."""
    plan = case.plan
    body = plan.body(case.step)
    names = (*case.action.reads, *(body["reads"] if body is not None and body["kind"] == "matrix" else ()))
    wanted = {plan.find(plan.space_of(case.step), node) for node in names}
    return [name for name, index in plan.index_of.items() if index in wanted]


def _inputs(case: Case, turn: Turn) -> list[str]:
    import shlex

    words = shlex.split(case.new_run(**turn.inputs))
    return [shlex.quote(word) for word in words if word.partition("=")[0] in turn.inputs]


def _kept(case: Case, explain: Explain) -> Explanation:
    """By the way back to the step that began it, whose own explanation follows."""
    back = way_back(case.plan, case.state, case.before, case.step)
    if not back:
        return _left(case) if left_behind(case.state, case.step) else _behind_nothing(case)
    lines = _rule(case) if case.reason != "phase-not-reached" else []
    for number, cause in enumerate(back):
        if number or not lines:
            lines.append(_hop(case, cause, back[number - 1].step if number else None))
    root = case.of(back[-1].step)
    below, known = explain(root), case.said(root.step)
    if case.reason != "phase-not-reached" and len(unmet(case.plan, case.state, case.before, case.step)) > 1:
        lines.append(f"{root.address}:")
    lines += [f"  {line}" for line in below.because if not known.endswith(line)]
    return case.told(lines, below.would_change, below.next, root=below.root or root.address, log=below.log)


def _behind_nothing(case: Case) -> Explanation:
    """What it needs is a matrix without a child."""
    plan = case.plan
    empty = [need for need in case.before.needs(case.step) if plan.is_group(need) and not plan.group_children[need]]
    rule = case.doc.get("trigger_rule", "all_success")
    because = [f"its trigger rule `{rule}` asks {_RULES.get(rule, 'for nothing')}, and of this there is nothing:"]
    because += [f"  {plan.addresses[need]} is a matrix without values" for need in empty[:SHOWN]]
    return case.told(because, ["a matrix that has values, or `trigger_rule: none_failed`"], [case.new_run()])


def _left(case: Case) -> Explanation:
    """What it was skipped for is bad no longer: only a part of the run was decided again."""
    because = ["it was skipped because of a failure that is no longer there: what failed was decided again without it"]
    if not case.state.closed:
        return case.told(because, [], [])
    return case.told(because, ["a retry of all that was left behind"], [case.command("retry", case.run_id, "--failed")])


def _rule(case: Case) -> list[str]:
    rule = case.doc.get("trigger_rule", "all_success")
    steps = unmet(case.plan, case.state, case.before, case.step)
    lines = [f"its trigger rule `{rule}` asks {_RULES.get(rule, 'for nothing')}:"]
    lines += [f"  {case.said(step)}" for step in steps[:SHOWN]]
    if len(steps) > SHOWN:
        lines.append(f"  and {len(steps) - SHOWN:,} more that did not succeed")
    return lines


def _hop(case: Case, cause: Cause, after: int | None) -> str:
    others = f", and {cause.others:,} more" if cause.others else ""
    told = f"{case.said(cause.step)}{others}"
    if cause.phase >= 0:
        return f"phase `{case.plan.phase_names[cause.phase]}` was not entered: {told}"
    return told if after is None else f"{case.plan.addresses[after]} in its turn needs what did not succeed: {told}"

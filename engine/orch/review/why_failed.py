"""Why did a step fail, or why was it cancelled, and what would a retry do? Pure."""

from __future__ import annotations

from orch.model.compiled import GATE
from orch.model.status import Status
from orch.review.case import Case, length, time
from orch.review.conditions import seen, turned, values
from orch.review.explanation import Explanation
from orch.run.budget import REASON
from orch.store.errors import error_name
from orch.store.ledger import Failure

TAIL_LINES = 12
_FINDINGS = 5


def failed(case: Case) -> Explanation:
    """What its last attempt ended with, and what can be done."""
    if case.plan.kinds[case.step] == GATE:
        return _gate(case)
    last = case.failures[-1] if case.failures else None
    because = [*_attempts(case), *_by_reason(case)]
    detail = case.asked.detail(last).get("details", {}) if last is not None else {}
    because += _findings(detail.get("findings", ()), detail.get("found", 0))
    if last is not None:
        because.append(f"error file: {case.past.run.artifact_root}/{error_name(last.number, case.address)}")
    allowed = case.plan.may_fail(case.step) and case.reason != REASON
    if allowed:
        because.append("it is allowed to fail: nothing else suffers for it")
    change, following = _ways(case, allowed=allowed)
    return case.told(because, change, following, log=tail(detail))


def cancelled(case: Case) -> Explanation:
    """A step that had begun when the run was ended."""
    return cancelled_by(case, [case.state.sentence.get(case.step) or "it had begun when the run was ended"])


def cancelled_by(case: Case, because: list[str]) -> Explanation:
    """Who ended the run, or which failure did."""
    asked = [one for one in case.past.ledger.requests if one.verb == "cancel" and one.outcome == "accepted"]
    root = None
    if case.reason == "fail-fast" or (case.state.failing_fast and not case.state.cancelling):
        first = next((one for one in case.past.ledger.failures if _ended_it(case, one)), None)
        if first is not None:
            root = case.plan.addresses[first.step]
            because.append(f"the run was started with --fail-fast, and {case.said(first.step)}")
    elif case.state.overspent and not case.state.cancelling:
        first = next((one for one in case.past.ledger.failures if one.reason == REASON), None)
        because.append("the budget of the run was spent")
        root = case.plan.addresses[first.step] if first is not None else None
    elif asked:
        because.append(f"{asked[-1].actor} asked for the end at {time(asked[-1].at)}")
    change = [f"a retry decides {_redone(case)} again"]
    return case.told(because, change, go_on(case), root=root)


def go_on(case: Case) -> list[str]:
    """The command that gets the run on from here; none where a retry would have nothing to do."""
    match case.past.status:
        case "queued":
            return [case.command("poll", case.run_id, "--watch")]
        case "running" if case.state.body_open:  # of `finally` nobody waits for more than its end
            return [case.command("poll", case.run_id, "--watch")]
        case "interrupted":
            return [case.command("resume", case.run_id)]
    return [case.command("retry", case.run_id, "--failed")] if case.asked.redo else []


def tail(detail: dict[str, str]) -> tuple[str, ...]:
    """The last lines of what a failed attempt wrote: of stdout, then of stderr."""
    lines: list[str] = []
    for name in ("stdout_tail", "stderr_tail"):
        lines += [line.rstrip() for line in detail.get(name, "").splitlines() if line.strip()][-TAIL_LINES:]
    return tuple(lines)


def _ended_it(case: Case, failure: Failure) -> bool:
    return case.state.status[failure.step] is Status.FAILED and not case.plan.action(failure.step).step.get(
        "allow_failure"
    )


def _attempts(case: Case) -> list[str]:
    """The last attempt, unless it was not one that ended so; then those before."""
    sentence = case.state.sentence.get(case.step, "") or str(case.reason)
    failures, retry = case.failures, case.doc.get("retry")
    attempt = failures[-1].attempt if failures else case.record.attempt
    lines = [f"attempt {attempt}{_of(case, attempt)} ended so: {sentence}" if attempt else sentence]
    before = [f"attempt {one.attempt} {one.reason}" for one in failures[:-1] if one.attempt]
    if before:
        lines.append(f"before it: {', '.join(before[-5:])}")
    if attempt and retry is not None and case.reason not in (*retry["on"], REASON):
        lines.append(f"`retry` tries again after {', '.join(retry['on'])}, not after {case.reason}")
    return lines


def _of(case: Case, attempt: int) -> str:
    """How many attempts there could have been: each owner, and each retry, begins to count anew."""
    if "retry" not in case.doc:
        return ""
    tries, most = case.state.failures[case.step] + 1, case.doc["retry"]["limit"] + 1
    return f" of {most}" if tries == attempt else f", {tries} of {most} since the run was taken up again,"


def _by_reason(case: Case) -> list[str]:
    action = case.action
    match case.reason:
        case "budget-exceeded":
            return ["the whole run has a `budget`, and nothing starts when that is spent"]
        case "merge-conflict":
            return ["its patch did not go onto the run's branch; a retry begins at the branch as it is now"]
        case "path-policy-violation" if case.state.beside.get(case.step):
            return ["others worked beside it: only what may not be changed was put back, what else they did is kept"]
        case "path-policy-violation":
            return ["nothing of what it did was committed; its patch is kept as the artifact `patch`"]
        case "timed-out":
            return [f"its `timeout` is {length(case.doc['timeout_seconds'])}"] if "timeout_seconds" in case.doc else []
        case "start-failed":
            hint = case.failures[-1].error.get("hint") if case.failures else None
            return [f"to have it start: {hint}"] if hint else []
        case "output-missing":
            names = [*case.doc.get("outputs", {}), *case.doc.get("artifacts", {})]
            return [f"it declares {', '.join(names)}"] if names else []
        case "expression-error" | "not-allowed":
            of_if = case.state.sentence.get(case.step, "").startswith("`if`") and action.condition is not None
            trees = [action.choice, *action.argv, *(value for _, value in (*action.env, *action.paths)), action.cwd]
            trees = [action.condition] if of_if else [*trees, action.once_key, *action.probe]
            return [f"  {line}" for line in values([tree for tree in trees if isinstance(tree, list)], case.scope())]
    return []


def _findings(findings: list[dict[str, object]], found: int) -> list[str]:
    lines = []
    for one in findings[:_FINDINGS]:
        place = f"{one['file']}:{one['line']}" if one.get("file") and one.get("line") else one.get("file") or ""
        told = str(one["message"]).strip().partition("\n")[0]
        lines.append("  " + ": ".join(str(part) for part in (place, one.get("test"), told) if part))
    if lines and found > len(lines):
        lines.append(f"  and {found - len(lines):,} more findings")
    return lines


def _ways(case: Case, *, allowed: bool) -> tuple[list[str], list[str]]:
    logs = [case.command("runs", "logs", case.run_id, case.address)] if case.record.logs else []
    if case.reason == REASON:
        budget = (
            f"a retry decides {_redone(case)} again, with a new budget; a larger one, in a new run, would do as well"
        )
        return [budget], [*go_on(case), *logs]
    if allowed:
        return ["another end of its command, in a new run: a retry leaves it as it is"], [case.new_run(), *logs]
    change = []
    match case.reason:
        case "timed-out":
            change.append("a longer `timeout`, in a new run; the run that is there keeps its own")
        case "expression-error" | "not-allowed":
            change.append("other values, or another expression in a new run")
        case "start-failed":
            change.append("what it could not be started without")
        case "output-missing":
            change.append("a command that gives what is declared")
        case "secret-in-output":
            change.append("outputs and artifacts in which the secret does not stand")
        case "path-policy-violation":
            change.append("changes of nothing but what it may write")
        case "merge-conflict":
            change.append("changes that do not overlap with those of the others")
        case _:
            change.append("mend what makes it fail")
    if case.step in case.plan.loop_of:
        loop = case.plan.addresses[case.plan.loop_of[case.step][0]]
        change.append("what fails in a loop fails nothing else: the loop goes on, or ends for it")
        return change, [case.command("explain", case.run_id, loop), *logs]
    change.append(f"then a retry decides {_redone(case)} again; what succeeded does not run again")
    change.append("with `allow_failure: true`, in a new run, its failure would hold up nothing")
    return change, [*go_on(case), *logs]


def _redone(case: Case) -> str:
    steps = list(case.asked.redo)
    return f"{len(steps):,} steps ({case.names(steps)})" if len(steps) > 1 else case.names(steps) or case.address


def _gate(case: Case) -> Explanation:
    """A check: decided from what steps gave, and a retry would decide it the same way."""
    condition = case.action.argv[0] if case.action.argv else None
    sentence = case.state.sentence.get(case.step, "")
    lines, change = [sentence] if sentence else [], list[str]()
    if isinstance(condition, list):
        scope = case.scope()
        lines += [f"  {line}" for line in seen(condition, scope)]
        turn = turned(condition, scope, want=True)
        if turn is not None and turn.facts:
            change += turn.facts
        elif turn is not None and turn.inputs:
            return case.told(
                lines, ["with other inputs, all else being equal, it opens"], [case.new_run(**turn.inputs)]
            )
    change.append("a retry would decide it from the same values: mend what gives them, then start a new run")
    return case.told(lines, change, [case.new_run()])

"""What does a step wait for: a person, an answer, or a time? Pure."""

from __future__ import annotations

import shlex
from typing import Any, cast

from orch.gates.facts import ApprovalFacts
from orch.gates.judge import judge
from orch.gates.standing import Standing, standing
from orch.gates.verdict import Context
from orch.model.compiled import GATE
from orch.model.retry import hands_over, has_probe
from orch.model.status import Status
from orch.review.case import Case, length, time
from orch.review.explanation import Explanation
from orch.store.errors import settle_commands

_EFFECTS = {"counts": "counts", "rejects": "shuts the gate", "shuts": "shuts the gate", "void": "does not count"}


def waiting(case: Case) -> Explanation:
    """A gate, a step in doubt, or one that will be tried again."""
    if case.plan.kinds[case.step] == GATE:
        return _gate(case)
    if case.reason == "retry-delay":
        return _later(case)
    if case.reason == "unmerged":
        return _unmerged(case)
    return _doubt(case)


def decided(case: Case) -> list[str]:
    """One line for each decision that the last look saw, and whether it counts."""
    facts = case.record.facts or {}
    if "decisions" not in facts:
        return []
    gate, at = case.doc["gate"], case.record.looked_at / 1000
    told = [standing(one, gate, cast(ApprovalFacts, facts), at) for one in facts["decisions"]]
    return [_decision(one) for one in told] or ["nobody has decided about it"]


def _gate(case: Case) -> Explanation:
    gate, record = case.doc["gate"], case.record
    sentence, command = case.state.sentence.get(case.step, ""), None
    change: list[str] = []
    if record.facts:
        verdict = judge(gate, record.facts, record.looked_at / 1000, Context(run=case.run_id))
        command = verdict.next
        missing = verdict.missing
        sentence = verdict.sentence.rpartition(" — ")[0] or verdict.sentence
        if missing and sentence.startswith("needs "):  # what is wrong with which decision is told below
            sentence = f"needs {len(missing)} more: {', '.join(missing)}"
        change = _needed(case, verdict.missing)
    because = [sentence, *(f"  {line}" for line in decided(case))]
    subject = (record.facts or {}).get("subject")
    if subject and subject.get("digest"):
        because.append(f"it asks about {subject['digest']}: {_files(subject['files'])}")
    if record.looked_at:
        because.append(f"so it was seen at {time(record.looked_at)}; `orch gate show` looks again")
    show = case.command("gate", "show", case.address, "--run", case.run_id)
    following = [command] if command else []
    following += [one for one in (show, case.command("resume", case.run_id)) if one != command]
    if case.past.status in ("running", "queued"):
        following.pop()  # its owner looks again by itself
    return case.told(because, change, following)


def _needed(case: Case, missing: tuple[str, ...]) -> list[str]:
    roles = [f"{missing.count(role)} × {role}" for role in sorted(set(missing))]
    asked = f"approval of what lies there now: {', '.join(roles)}" if roles else ""
    match case.reason:
        case "rejected":
            return ["the rejection superseded: approved by the same person, or withdrawn"]
        case "not-yet-valid":
            return ["a date that is not in the future"]
        case "stale" if case.doc["gate"]["kind"] == "freshness":
            return [f"a review of {case.doc['gate']['path']}, with its date"]
    return [asked] if asked else []


def _files(files: list[list[str]]) -> str:
    names = [path for _, _, path in files[:4]]
    return ", ".join(names) + (f" and {len(files) - 4:,} more" if len(files) > 4 else "")


def _decision(one: Standing) -> str:
    decision = one.decision
    if "problem" in decision:
        return one.why
    who = f"{decision['by']} as {decision['role']}: {decision['decision']}, {decision['date']}"
    why = one.why.removeprefix(f"decision of {decision['by']} as {decision['role']} ")
    return f"{who}, {_EFFECTS[one.effect]}{f': it {why}' if why != one.why else ''}"


def _later(case: Case) -> Explanation:
    due, retry = case.state.due.get(case.step), case.doc.get("retry")
    failure = case.failures[-1] if case.failures else None
    because = []
    if failure is not None:
        because.append(f"attempt {failure.attempt} failed ({failure.reason}): {failure.error.get('summary', '')}")
    if retry is not None:
        tried = case.state.failures[case.step]
        because.append(f"`retry` allows {retry['limit'] + 1 - tried} more of {retry['limit']} extra tries")
        because.append(f"delay {length(retry['delay_seconds'])}, backoff {retry['backoff']:g}")
    if due is not None:
        because.append(f"it is due at {time(due)}")
    command = "resume" if case.past.status == "interrupted" else "poll"
    return case.told(
        because, ["nothing but time; a shorter `delay` in a new run"], [case.command(command, case.run_id)]
    )


def _unmerged(case: Case) -> Explanation:
    open_ones = [one for one in case.plan.siblings(case.step) if not _is_over(case, one)]
    because = ["it has succeeded; what it changed is kept, and is merged into the run's branch when its matrix is over"]
    if open_ones:
        more = f" and {len(open_ones) - 4:,} more" if len(open_ones) > 4 else ""
        because.append(f"not over: {', '.join(case.plan.addresses[one] for one in open_ones[:4])}{more}")
    command = "poll" if case.past.status == "running" else "resume"
    return case.told(because, ["the end of the others"], [case.command(command, case.run_id)])


def _is_over(case: Case, step: int) -> bool:
    return step in case.state.unmerged or case.state.status[step] >= Status.SUCCEEDED


def _doubt(case: Case) -> Explanation:
    why = case.state.doubt.get(case.step, "interrupted")
    effect: Any = case.doc.get("effect", {})
    because = [
        f"it must not run twice (`effect: {{ once: {effect.get('once')} }}`)",
        f"it was started, and nobody knows whether it was done: {why}",
    ]
    if sentence := case.state.sentence.get(case.step):
        because.append(sentence)
    settle = f"orch settle {case.run_id} {shlex.quote(case.address)}"
    if case.step not in settle_commands(case.run_id, case.plan, case.state):
        because.append("its probe has not been asked yet")
        return case.told(because, ["the probe's answer"], [case.command("resume", case.run_id)])
    if case.step in case.state.to_probe:
        because.append("the budget was spent before its probe had answered")
    elif not has_probe(case.doc):
        because.append("it has no `probe` that could tell")
    ways = [f"{settle} --not-done"]
    if hands_over(case.doc):
        because.append("it declares outputs or artifacts that only running it again can give")
    else:
        ways.insert(0, f"{settle} --done")
    logs = [case.command("runs", "logs", case.run_id, case.address)] if case.record.logs else []
    change = ["somebody finds out whether it happened, and says so"]
    return case.told(because, change, [*ways, *logs, case.command("resume", case.run_id)])

"""Why did a step run, or why is a gate open? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from orch.review.case import SHOWN, Case, length, time
from orch.review.conditions import seen, turned
from orch.review.explanation import Compared, Explanation
from orch.review.kept import kept
from orch.review.relations import group_names
from orch.review.why_waiting import decided


def succeeded(case: Case) -> Explanation:
    """What it waited for, what its condition saw, and how it went."""
    record = case.record
    because = [*_waited(case)]
    change: list[str] = []
    following: list[str] = []
    condition = case.action.condition
    if condition is not None:
        scope = case.scope()
        because += [f"its `if` was true: {case.doc['if']}", *(f"  {line}" for line in seen(condition, scope))]
        turn = turned(condition, scope, want=False)
        if turn is not None and (turn.inputs or turn.facts):
            change += list(turn.facts)
            if not turn.facts:
                following.append(case.new_run(**turn.inputs))
                change.append("other inputs, and it is skipped")
    because += attempts_before(case)
    compared: Sequence[Compared] = ()
    if record.cache is not None:
        lines, compared, ways = kept(record.cache, case.asked.stored)
        because, change = [*because, *lines], [*change, *ways]
    if case.reason == "settled":
        because.append(f"nobody saw its end: {record.settled_by} said that it was done")
    elif record.started_at is not None and (took := record.took_ms) is not None:
        because.append(f"attempt {record.attempt} began at {time(record.started_at)} and took {length(took / 1000)}")
    if record.logs:
        following.append(case.command("runs", "logs", case.run_id, case.address))
    return case.told(because, change, following, compared=compared)


def gate_open(case: Case) -> Explanation:
    """Who decided, or what the check saw."""
    lines = [case.state.sentence.get(case.step) or "nothing shuts it", *(f"  {line}" for line in decided(case))]
    condition = case.action.argv[0] if case.action.argv else None
    if isinstance(condition, list):
        lines = [f"its check is true: {case.doc['gate']['expr']}"]
        lines += [f"  {line}" for line in seen(condition, case.scope())]
    subject = (case.record.facts or {}).get("subject")
    if subject and subject.get("digest"):
        lines.append(f"what was approved: {subject['digest']}")
    if case.record.looked_at:
        lines.append(f"so it was seen at {time(case.record.looked_at)}")
    following = [case.command("gate", "show", case.address, "--run", case.run_id)]
    return case.told(lines, [], following)


def attempts_before(case: Case) -> list[str]:
    """The failed attempts that came before the last."""
    before = [one for one in case.failures if one.attempt < case.record.attempt]
    return [f"attempt {one.attempt} failed ({one.reason}): {one.error.get('summary', '')}" for one in before[-5:]]


def _waited(case: Case) -> list[str]:
    plan, step = case.plan, case.step
    phase = plan.phase_of[step]
    if phase < 0:
        return ["a `finally` node runs when all else is over"]
    gates = [plan.addresses[gate] for gate in plan.phase_gates[phase]]
    open_gates = f", whose gates were open ({', '.join(gates)})" if gates else ""
    told = gates or (phase and plan.phase_owner[phase] < 0)
    lines = [f"it belongs to phase `{plan.phase_names[phase]}`{open_gates}"] if told else []
    names = group_names(plan)
    needs = case.before.needs(step)
    if needs:
        told = [names[need] if plan.is_group(need) else case.said(need) for need in needs]
        more = f" and {len(told) - SHOWN:,} more" if len(told) > SHOWN else ""
        rule = case.doc.get("trigger_rule", "all_success")
        lines.append(f"what it needs was over, and `{rule}` held: {'; '.join(told[:SHOWN])}{more}")
    return lines or ["it needs nothing, and its phase begins the run"]

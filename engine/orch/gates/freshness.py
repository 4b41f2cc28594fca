"""Is a reviewed file still fresh? Pure: its date and the time come in as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orch.gates import dates, words
from orch.gates.facts import FreshnessFacts
from orch.gates.verdict import Context, Verdict

WARN_DAYS = 7


def judge_freshness(gate: Mapping[str, Any], facts: FreshnessFacts, at: float, context: Context) -> Verdict:
    """Open while the date is there, valid, not in the future and not older than `max_age_seconds`. A freshness gate
    has one place, the review itself; nobody's handle fills it."""
    path, field, limit = gate["path"], gate["field"], gate["max_age_seconds"]
    show = context.show(gate["name"])
    if "problem" in facts:
        said = f"{words.trouble(facts['problem'])} — review {path}, write {field}: {dates.day(at)} in it, then {show}"
        return Verdict("waiting", "needs-decision", said, 0, 1, next=show)
    value = facts["value"] or ""
    moment = dates.parse_moment(value)
    if moment is None:
        bad = words.trouble({"kind": "bad-date", "about": value})
        said = f"{field} of {path}: {bad} — write {field}: {dates.day(at)} when it is reviewed, then {show}"
        return Verdict("waiting", "needs-decision", said, 0, 1, next=show)
    if dates.is_future(moment, at):
        return Verdict(
            "waiting", "not-yet-valid", f"{field} of {path} is {value}, in the future — {show}", 0, 1, next=show
        )
    age = dates.age_seconds(moment, at)
    if age > limit:
        said = (
            f"{path} last reviewed {words.age(age)} ago, limit {words.age(limit)}"
            f" — review it, write {field}: {dates.day(at)}, then {show}"
        )
        return Verdict("waiting", "stale", said, 0, 1, next=show)
    left = int((limit - age) // dates.DAY_SECONDS)
    warn = left <= WARN_DAYS
    when = f"{words.age(age)} ago" if age else "today"
    said = f"{path} last reviewed {when}, {words.days(left)} left"
    return Verdict("succeeded", "ok", said + (": review it soon" if warn else ""), 1, 1, days_left=left, warn=warn)

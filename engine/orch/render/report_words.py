"""The words that both forms of a report share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orch.model.names import branch_of
from orch.model.times import to_iso
from orch.render.lengths import counted, duration
from orch.render.style import Style
from orch.review.gates_seen import GateSeen
from orch.review.report import Report, Row
from orch.review.timeline import Attempted

FOLD_FROM = 50
"""Steps of a run from which those that say nothing are folded away."""
_FEW = 5
_STYLE = Style()


def icon(word: str) -> str:
    """The sign of a status; of one that waits it is a letter, since few fonts of pages have the other."""
    return "‖" if word == "waiting" else _STYLE.icon(word)


def parts(rows: Sequence[Row], *, fold: bool) -> list[tuple[str, list[Row]]]:
    """The rows of a phase, with the titles of those that are folded away: many that succeeded, that were skipped for
    the same reason, or that have not begun."""
    found: dict[str, list[Row]] = {"": []}
    for row in rows:
        quiet = fold and row.status in ("succeeded", "skipped", "queued")
        reason = f" ({row.reason})" if row.reason not in (None, "ok") else ""
        found.setdefault(f"{row.status}{reason}" if quiet else "", []).append(row)
    few = {title for title, part in found.items() if title and len(part) <= _FEW}
    open_rows = [row for title, part in found.items() if not title or title in few for row in part]
    folded = [(f"{len(part):,} {title}", part) for title, part in found.items() if title and title not in few]
    return [("", open_rows), *folded]


def headline(report: Report) -> str:
    """`release failed: 1 failed, 3 succeeded`"""
    return f"{report.past.plan.head['pipeline']['name']} {report.status}: {report.summary}"


def gate_state(gate: GateSeen) -> str:
    """open, rejected, waiting, skipped, …"""
    return "open" if gate.status == "succeeded" else "rejected" if gate.reason == "rejected" else gate.status


def chosen(rows: Mapping[str, Sequence[Attempted]], most: int) -> set[str]:
    """The steps that are drawn, at most so many: what did not succeed comes first, then what took longest."""
    by_weight = sorted(
        rows,
        key=lambda address: (
            all(one.status == "succeeded" for one in rows[address]),
            -sum(one.end_ms - one.begin_ms for one in rows[address]),
        ),
    )
    return set(by_weight[:most])


def told_of(one: Attempted) -> str:
    """`attempt 1 failed (timed-out) after 3.2s`"""
    reason = f" ({one.reason})" if one.reason not in ("", "ok") else ""
    word = "is running" if one.status == "running" else one.status
    joint = "for" if one.status == "running" else "after"
    return f"attempt {one.attempt} {word}{reason} {joint} {duration(one.end_ms - one.begin_ms)}"


def run_facts(report: Report) -> list[tuple[str, str]]:
    """What a reader asks first."""
    past = report.past
    pipeline, ledger = past.plan.head["pipeline"], past.ledger
    rows = [("run", past.run.run_id)]
    if past.detail and past.detail not in ("ok", report.status):
        rows.append(("because", past.detail))
    if report.so_far:
        rows.append(("so far", f"the run is not over; what is over has {_amounts_to(report.so_far)}"))
    rows.append(("pipeline", f"{pipeline['name']} ({pipeline['path']})"))
    if past.plan.task != "-":
        rows.append(("task", past.plan.task))
    rows += _branch_facts(report)
    if report.started_ms is not None:
        rows.append(("started", _moment(report.started_ms)))
    if report.ended_ms is not None:
        rows.append(("ended", _moment(report.ended_ms)))
    epochs = len(ledger.openings)
    owners = f", by {counted(epochs, 'owner')} one after the other" if epochs > 1 else ""
    rows.append(("at work", f"{duration(report.timeline.length_ms)}{owners}"))
    started_by = ledger.openings[0].owner.get("started_by") if ledger.openings else None
    if started_by:
        rows.append(("started by", str(started_by)))
    rows.append(("files", past.run.artifact_root))
    rows.append(("report made", _moment(report.made_ms)))
    return rows


def _branch_facts(report: Report) -> list[tuple[str, str]]:
    """The branch that the run works on, what it is compared with, and the commands that show and take what is on it."""
    past = report.past
    if "workspace" not in past.plan.head:
        return []
    branch, base = branch_of(past.run.run_id), past.plan.head["base"]
    if report.branch_gone:
        return [("branch", f"`{branch}` from `{base[:12]}`: it is gone")]
    rows = [("branch", f"`{branch}` from `{base[:12]}`"), ("difference", f"`git diff {base[:12]} {branch}`")]
    return [*rows, ("merge", f"`git merge {branch}`")] if report.status == "succeeded" else rows


def record_facts(report: Report) -> list[tuple[str, str]]:
    """What the report was made from, and how it can be checked."""
    past = report.past
    rows = [("journal head", f"`sha256:{past.journal.head}`"), ("records", f"{report.records:,}")]
    rows.append(("plan", f"`sha256:{past.plan.digest}`"))
    if past.ledger.openings:
        opened = past.ledger.openings[-1]
        rows.append(("versions", ", ".join(f"{name} {version}" for name, version in opened.versions.items())))
        rows.append(("containment", opened.containment))
        rows.append(("owner", f"{opened.owner.get('host', '?')}, epoch {opened.epoch}"))
    rows += [
        (resource["kind"], f"{resource['path']} `sha256:{resource['sha256']}`")
        for resource in past.plan.head["resources"]
    ]
    return rows


def verify_command(report: Report) -> str:
    """What checks the record against this report."""
    return f"orch verify {report.past.run.run_id} --head sha256:{report.past.journal.head}"


def bytes_text(size: int) -> str:
    """`512 B`, `1.5 KiB`, `3.2 MiB`"""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, 3)
    return f"{size / 1024**power:.1f} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def _amounts_to(verdict: str) -> str:
    return "been cancelled" if verdict == "cancelled" else verdict


def _moment(at_ms: int) -> str:
    return to_iso(at_ms)[:19].replace("T", " ") + " UTC"

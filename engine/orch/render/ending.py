"""The report at the end of a run: each failure again with the end of its log, what waits, and the next commands."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import suppress
from typing import Any, NamedTuple

from orch.model.compiled import GATE, Compiled
from orch.model.derive import left_trees
from orch.model.names import branch_of
from orch.model.state import RunState
from orch.model.status import Status
from orch.problems.problem import Exit
from orch.render.findings_text import finding_lines
from orch.render.lengths import duration
from orch.render.logs_text import SHORTENED
from orch.render.problems_text import visible
from orch.render.run_text import tree_rows
from orch.render.style import Style
from orch.run.close import tally
from orch.run.scope import LEFT_BEHIND, ends_as, left
from orch.store.errors import apply_command, approve_command, error_name, settle_commands
from orch.store.worktrees import worktrees

SHOWN_FAILURES = 10
TAIL_LINES = 8
_TAIL_COLUMNS = 200
_NAMED = 4
_ITERATIONS = 3


class Ending(NamedTuple):
    """A run at its end. `path` is the run's directory from `root` on; `head` the sha256 (hex) of its last record.
    `shortened` names the steps whose logs were cut."""

    root: str
    cwd: str
    plan: Compiled
    state: RunState
    code: Exit
    run_id: str
    task: str
    path: str
    head: str
    shortened: tuple[str, ...] = ()


def ending_text(end: Ending, style: Style, elapsed_ms: float, *, unchanged: bool) -> str:
    """The whole report, with a newline at its end. `unchanged` says that there was nothing to do."""
    lines: list[str] = []
    failed = [step for step, status in enumerate(end.state.status) if status is Status.FAILED and _is_told(end, step)]
    for step in failed[:SHOWN_FAILURES]:
        lines += _failure(end, step, style)
    if len(failed) > SHOWN_FAILURES:
        lines += [f"… and {len(failed) - SHOWN_FAILURES:,} more failures: orch runs errors {end.run_id}", ""]
    open_ends = _waiting(end, style) or _left_behind(end, style)
    lines += [*open_ends, ""] if open_ends else []
    lines.append(_summary(end, style, elapsed_ms, unchanged))
    told = [("run", _shown(end, end.path))]
    if end.shortened:
        more = f" and {len(end.shortened) - _NAMED:,} more" if len(end.shortened) > _NAMED else ""
        told.append(("logs", f"{SHORTENED}: {', '.join(end.shortened[:_NAMED])}{more}"))
    told += _workspace(end)
    told += [("next", command) for command in _next(end)]
    if end.head:
        told.append(("head", f"sha256:{end.head}"))
    lines += [f"  {name:6}{text}" for name, text in told]
    return style.ascii("\n".join(lines) + "\n")


def _is_told(end: Ending, step: int) -> bool:
    """Of a loop that failed the last iteration is told, of one that succeeded none; where children failed, they are."""
    if end.state.reason[step] == "children-failed":
        return False
    if step not in end.plan.loop_of:
        return True
    loop, number = end.plan.loop_of[step]
    return end.state.status[loop] is Status.FAILED and number == len(end.plan.bodies[loop])


def _failure(end: Ending, step: int, style: Style) -> list[str]:
    address = end.plan.addresses[step]
    name, artifact = _artifact(end, address)
    details = artifact.get("details", {})
    told_of = finding_lines(details.get("findings", ()), details.get("found", 0))
    tail = told_of or _tail(details.get("stderr_tail", "")) or _tail(details.get("stdout_tail", ""))
    allowed = " (allowed to fail)" if end.plan.action(step).step.get("allow_failure") else ""
    told = artifact.get("summary") or end.state.sentence.get(step) or end.state.reason[step] or "failed"
    rule = ("─" if style.unicode else "-") * 4
    lines = [f"{rule} {style.status('failed', address)}: {visible(str(told))}{allowed}"]
    lines += [f"  {line}" for line in tail]
    for change in details.get("changes", ())[-_ITERATIONS:]:
        told = "; ".join(change["changed"][:_NAMED]) or "nothing"
        lines.append(f"  iteration {change['iteration']} changed: {visible(told)}")
    if name:
        lines.append(f"  {'error':6}{_shown(end, name)}")
    hint = details.get("suggestion", "")
    as_next = ("", f"orch retry {end.run_id} --failed")
    if end.plan.kinds[step] != GATE and hint not in as_next:
        lines.append(f"  {'help':6}{visible(hint)}")
    if end.state.reason[step] == "merge-conflict":
        lines.append(f"  {'hunks':6}orch runs errors {end.run_id}")
    if any(key.endswith("_tail") for key in details):
        lines.append(f"  {'log':6}orch runs logs {end.run_id} {shlex.quote(address)}")
    return [*lines, ""]


def _artifact(end: Ending, address: str) -> tuple[str, dict[str, Any]]:
    """The newest error artifact of a step, and its path from the root on; empty where there is none."""
    ending = error_name(0, address).partition("-")[2]
    folder = f"{end.path}/errors"
    try:
        names = [name for name in os.listdir(f"{end.root}/{folder}") if name.partition("-")[2] == ending]
    except OSError:
        return "", {}
    for name in sorted(names, key=lambda name: int(name.partition("-")[0]), reverse=True):
        try:
            with open(f"{end.root}/{folder}/{name}", encoding="utf-8") as file:
                artifact = json.load(file)
        except (OSError, ValueError):
            continue
        if artifact.get("address") == address:
            return f"{folder}/{name}", artifact
    return "", {}


def _tail(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return [visible(line[:_TAIL_COLUMNS]) + ("…" if len(line) > _TAIL_COLUMNS else "") for line in lines[-TAIL_LINES:]]


def _waiting(end: Ending, style: Style) -> list[str]:
    lines, doubts = [], settle_commands(end.run_id, end.plan, end.state)
    for step, status in enumerate(end.state.status):
        if status is not Status.WAITING or end.state.closed != "waiting":
            continue
        reason = end.state.reason[step] or ""
        told = end.state.sentence.get(step, "")
        if step in doubts:
            told = f"in doubt, {told + ':' if told else 'was it done?'} {doubts[step]}"
        word = "rejected" if reason == "rejected" else "waiting"
        lines.append(f"{style.icon(word)} {end.plan.addresses[step]}  {word}: {visible(told or reason)}")
    return lines


def _left_behind(end: Ending, style: Style) -> list[str]:
    """What was not done, though nothing failed."""
    if end.state.closed != "failed" or ends_as(end.plan, end.state)[1] != LEFT_BEHIND:
        return []
    told = {
        Status.CANCELLED: "cancelled before, and not decided again",
        Status.SKIPPED: "skipped: because of a failure that is no longer there",
    }
    lines = []
    for status, why in told.items():
        steps = [step for step in left(end.plan, end.state) if end.state.status[step] is status]
        more = f" and {len(steps) - _NAMED:,} more" if len(steps) > _NAMED else ""
        names = ", ".join(end.plan.addresses[step] for step in steps[:_NAMED])
        lines += [f"{style.icon('failed')} {names}{more}  {why}"] if steps else []
    return lines


def _summary(end: Ending, style: Style, elapsed_ms: float, unchanged: bool) -> str:
    word = end.state.closed or "interrupted"
    took = "nothing to do" if unchanged else f"in {duration(elapsed_ms)}"
    return f"{style.icon(word)} {style.paint(word, 'bold')}: {tally(end.plan, end.state)}, {took}"


def _workspace(end: Ending) -> list[tuple[str, str]]:
    """The run's branch, and its trees as long as they are there."""
    if "workspace" not in end.plan.head:
        return []
    branch, base = branch_of(end.run_id), end.plan.head["base"]
    told = [("diff", f"git diff {base[:12]} {branch}")]
    if end.state.closed != "succeeded" or left_trees(end.plan, end.state):
        with suppress(OSError, ValueError, KeyError), open(f"{end.root}/{end.path}/manifest.json", "rb") as file:
            told += tree_rows(worktrees(json.load(file)["workspace"]["trees"]))
    return told


def _next(end: Ending) -> list[str]:
    if end.state.closed is None:
        return [f"orch resume {end.run_id}"]
    doubts = settle_commands(end.run_id, end.plan, end.state)
    if end.state.closed == "succeeded" and "workspace" in end.plan.head:
        return [f"git merge {branch_of(end.run_id)}"]
    commands = [next(iter(doubts.values()), f"orch resume {end.run_id}")] if end.state.closed == "waiting" else []
    if commands and not doubts and (approve := approve_command(end.plan, end.state)) is not None:
        commands.insert(0, approve)
    if not end.state.failed and end.state.closed not in ("failed", "cancelled"):
        return commands
    statuses = zip(end.state.status, end.plan.kinds, strict=True)
    bad = {kind == GATE for status, kind in statuses if status in (Status.FAILED, Status.CANCELLED)}
    if False in bad or not bad or end.state.closed == "cancelled":
        commands.append(f"orch retry {end.run_id} --failed")
    elif True in bad:
        commands.append(apply_command(end.plan, _shown(end, end.plan.head["pipeline"]["path"])))
    return commands


def _shown(end: Ending, path: str) -> str:
    return os.path.relpath(os.path.join(end.root, path), end.cwd)

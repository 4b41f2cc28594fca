"""One run for people: its state, its gates, its steps; from the manifest, which is plain data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from orch.model.status import BEHIND_OTHERS
from orch.render.findings_text import counts_text, summed
from orch.render.lengths import duration
from orch.render.logs_text import SHORTENED
from orch.render.plan_order import before_whom
from orch.render.problems_text import visible
from orch.render.style import Style
from orch.store.errors import approval_in
from orch.store.logs import cut_bytes

_TREES = 4


def run_text(manifest: dict[str, Any], style: Style) -> str:
    """The whole text."""
    rows = [
        ("run", f"{style.paint(manifest['run_id'], 'bold')}  {style.status(manifest['status'])}{_detail(manifest)}"),
        ("pipeline", f"{manifest['pipeline']['name']}  ({manifest['pipeline']['path']})"),
    ]
    if manifest["task_id"] != "-":
        rows.append(("task", manifest["task_id"]))
    if "started_at" in manifest:
        rows.append(("started", _time(manifest["started_at"])))
    if manifest.get("completed_at"):
        rows.append(
            ("ended", f"{_time(manifest['completed_at'])}, at work for {duration(manifest['duration_seconds'] * 1000)}")
        )
    if manifest.get("summary"):
        rows.append(("summary", manifest["summary"]))
    steps = manifest.get("steps", [])
    if tests := counts_text(summed(step["tests"] for step in steps if "tests" in step)):
        rows.append(("tests", tests))
    if "containment" in manifest:
        rows.append(("epoch", f"{manifest['epoch']}, containment {manifest['containment']}"))
    if manifest.get("outputs"):
        rows.append(("outputs", json.dumps(manifest["outputs"], ensure_ascii=False)))
    if space := manifest.get("workspace"):
        gone = ", is gone" if space.get("gone") else ""
        rows.append(("branch", f"{space['branch']}, from {space['base'][:12]}{gone}"))
        rows += tree_rows(space.get("worktrees", ()))
    rows += [("files", manifest["artifact_root"]), ("head", f"sha256:{manifest['journal_head']}")]
    lines = [f"{name:9}{visible(text) if name not in ('run',) else text}" for name, text in rows]
    empty = before_whom(names := manifest.get("empty_matrices", ()), (step["address"] for step in steps))
    if steps or names:
        width = min(max(map(len, [*names, *(step["address"] for step in steps)])), 48)
        lines.append("")
        for step in steps:
            lines += [_empty(name, width, style) for name in empty.get(step["address"], ())]
            lines.append(_step(step, width, style))
        lines += [_empty(name, width, style) for name in empty.get("", ())]
    return style.ascii("\n".join([*lines, *_next(manifest)]))


def tree_rows(trees: Sequence[str]) -> list[tuple[str, str]]:
    """The work trees that are still there: the run's own, and the first ones of steps."""
    more = [("", f"and {len(trees) - _TREES} more: git worktree list")] if len(trees) > _TREES else []
    return [*(("tree", tree) for tree in trees[:_TREES]), *more]


def run_json(manifest: dict[str, Any]) -> str:
    """The manifest, `format_version` first, with `steps`."""
    return json.dumps(manifest, ensure_ascii=False)


def _step(step: dict[str, Any], width: int, style: Style) -> str:
    status = step["status"]
    told = step.get("sentence") or ("" if step.get("reason") in (None, "ok") else step["reason"])
    told = "  ".join(part for part in (told, counts_text(step.get("tests"))) if part)
    told = told or ("was interrupted" if status == "queued" and "started_at" in step else "")
    if cut_bytes({name: step[name] for name in ("stdout", "stderr") if name in step}):
        told = f"{told}, {SHORTENED}" if told else SHORTENED
    took = duration(step["duration_seconds"] * 1000) if "duration_seconds" in step else ""
    line = f"  {style.icon(status)} {step['address']:{width}}  {style.status(status, f'{status:9}')}  {took:>7}"
    return style.cut(f"{line}  {visible(told)}".rstrip())


def _empty(name: str, width: int, style: Style) -> str:
    return f"  {style.icon('skipped')} {name:{width}}  {'':9}  {'':7}  an empty matrix: no step"


def _next(manifest: dict[str, Any]) -> list[str]:
    run, status = manifest["run_id"], manifest["status"]
    nodes = manifest.get("nodes", {})
    behind = manifest.get("status_detail") == "left-behind"
    commands = {
        "failed": f"orch retry {run} --failed" if behind or nodes.get("failed") else f"orch runs errors {run}",
        "cancelled": f"orch retry {run} --failed",
        "waiting": f"orch resume {run}",
        "interrupted": f"orch resume {run}",
        "queued": f"orch poll {run} --watch",
        "running": f"orch poll {run} --watch",
    }
    if status == "succeeded" and "workspace" in manifest and "gone" not in manifest["workspace"]:
        commands["succeeded"] = f"git merge {manifest['workspace']['branch']}"
    if status not in commands:
        return []
    tells = _is_left if behind else _tells
    asked = next((step for step in manifest.get("steps", ()) if tells(step)), None)
    sentences = (step.get("sentence", "") for step in manifest.get("steps", ()) if step["status"] == "waiting")
    first = [next(filter(None, map(approval_in, sentences)), None)] if status == "waiting" else []
    why = [] if asked is None else [f"why      orch explain {run} {shlex.quote(asked['address'])}"]
    return ["", *(f"next     {command}" for command in (*first, commands[status]) if command), *why]


def _tells(step: dict[str, Any]) -> bool:
    return step["status"] == "waiting" or (step["status"] == "failed" and not step.get("allow_failure"))


def _is_left(step: dict[str, Any]) -> bool:
    return step["status"] == "cancelled" or step.get("reason") in BEHIND_OTHERS


def _detail(manifest: dict[str, Any]) -> str:
    detail = manifest.get("status_detail")
    return f" ({detail})" if detail and detail != "ok" and manifest["status"] != detail else ""


def _time(text: str) -> str:
    return text[:19].replace("T", " ") + " UTC"

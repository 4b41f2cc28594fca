"""How a run stands, as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

from orch.render.lengths import duration
from orch.render.problems_text import visible
from orch.render.style import Style

_MANY = 40  # steps; of more, only those that run, failed or wait are listed
_TELLING = ("running", "failed", "waiting", "cancelled")


def poll_json(document: dict[str, Any]) -> str:
    """The document as it is, in one line."""
    return json.dumps(document, ensure_ascii=False)


def poll_text(document: dict[str, Any], style: Style, *, all_steps: bool) -> str:
    """A line about the run, one for each step that tells something, what waits, and the cursor."""
    counts = ", ".join(f"{count} {word}" for word, count in document["counts"].items())
    status, detail = document["status"], document.get("status_detail")
    detail = f" ({detail})" if detail and status in ("running", "queued") else ""
    name = style.paint(document["run_id"], "bold")
    lines = [f"{style.icon(status)} {name}  {style.status(status)}{visible(detail)}: {counts}"]
    heart = document.get("heartbeat")
    if heart and status == "running":
        stale = ", stale" if heart["stale"] else ""
        lines.append(f"  heartbeat {heart['age_seconds']:.1f}s ago{stale}")
        if "hung_seconds" in heart:
            stood = duration(heart["hung_seconds"] * 1000)
            lines.append(f"  hung   for {stood} the engine has neither looked for requests nor at its deadlines")
    commands = document["commands"]
    if all_steps and len(commands) > _MANY:
        commands = [command for command in commands if command["status"] in _TELLING]
    lines += [_command(command, style) for command in commands]
    for waits in document["waiting"]:
        have = f"{waits['have']} of {waits['need']}  " if "need" in waits else ""
        address = waits.get("gate") or waits.get("step", "")
        told = waits.get("sentence") or waits.get("reason", "")
        command = waits.get("next")
        tail = f" — {command}" if command and command not in told else ""
        lines.append(visible(f"  waits  {address}  {have}{told}{tail}"))
    lines += [
        visible(f"  error  {error['address']}  {error['summary']}  {error['error_file']}")
        for error in document["errors"]
    ]
    if "next" in document:
        lines.append(f"  next   {document['next']}")
    lines.append(f"  cursor {document['cursor']}")
    return style.ascii("\n".join(lines))


def _command(command: dict[str, Any], style: Style) -> str:
    status = command["status"]
    told = command.get("summary") or ("" if command.get("reason") in (None, "ok") else command["reason"])
    told = told or ("was interrupted" if status == "queued" and "started_at" in command else "")
    return style.cut(f"  {style.icon(status)} {command['address']}  {style.status(status)}  {visible(told)}".rstrip())

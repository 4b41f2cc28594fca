"""How a run stands, as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

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
    status = document["status"]
    lines = [f"{style.icon(status)} {style.paint(document['run_id'], 'bold')}  {style.status(status)}: {counts}"]
    heart = document.get("heartbeat")
    if heart and status == "running":
        stale = ", stale" if heart["stale"] else ""
        lines.append(f"  heartbeat {heart['age_seconds']:.1f}s ago{stale}")
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
    if status in ("waiting", "interrupted"):
        lines.append(f"  next   orch resume {document['run_id']}")
    lines.append(f"  cursor {document['cursor']}")
    return style.ascii("\n".join(lines))


def _command(command: dict[str, Any], style: Style) -> str:
    status = command["status"]
    told = command.get("summary") or ("" if command.get("reason") in (None, "ok") else command["reason"])
    return style.cut(f"  {style.icon(status)} {command['address']}  {style.status(status)}  {visible(told)}".rstrip())

"""Error artifacts for people, and as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from orch.render.findings_text import SHOWN, finding_lines, hunk_lines
from orch.render.problems_text import visible
from orch.render.style import Style

FORMAT_VERSION = 1
_TAIL_LINES = 20


def errors_text(errors: Sequence[dict[str, Any]], style: Style) -> str:
    """Each failed attempt: what, when, how it ended, what its reports found, the end of its log, what to do."""
    return style.ascii("\n\n".join("\n".join(_error(error, style)) for error in errors))


def errors_json(errors: Sequence[dict[str, Any]]) -> str:
    """`{format_version, errors: […]}`, each as the artifact has it; no retry is suggested that would do nothing."""
    return json.dumps({"format_version": FORMAT_VERSION, "errors": list(errors)}, ensure_ascii=False)


def _error(error: dict[str, Any], style: Style) -> list[str]:
    details = error.get("details", {})
    attempt = f" (attempt {error['attempt']})" if error.get("attempt", 0) > 1 else ""
    allowed = " (allowed to fail)" if error.get("allowed") else ""
    told = f"{attempt}  {visible(error['summary'])}{allowed}"
    lines = [f"{style.icon('failed')} {style.paint(error['address'], 'bold')}{told}"]
    rows = [("reason", error["reason"]), ("at", error["created_at"])]
    command = error.get("command")
    if command is not None:
        text = command if isinstance(command, str) else shlex.join(command)
        rows.append(("command", text.strip().split("\n")[0] + (" …" if "\n" in text.strip() else "")))
    findings = details.get("findings", ())
    found = finding_lines(findings, details.get("found", 0))
    rows += [("" if number else "found", line) for number, line in enumerate(found)]
    if error["reason"] == "merge-conflict":
        rows += [("", f"  {line}") for finding in findings[:SHOWN] for line in hunk_lines(finding)]
    for name in ("stdout", "stderr"):
        tail = [line for line in details.get(f"{name}_tail", "").splitlines() if line.strip()][-_TAIL_LINES:]
        rows += [(name if number == 0 else "", line) for number, line in enumerate(tail)]
    if "suggestion" in details:
        rows.append(("next", details["suggestion"]))
    return lines + [f"  {name:9}{visible(text)}".rstrip() for name, text in rows]

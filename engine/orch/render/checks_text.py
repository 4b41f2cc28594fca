"""What `orch doctor` found."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orch.diagnose.check import Check
from orch.render.problems_text import visible
from orch.render.style import Style

FORMAT_VERSION = 1


def checks_text(checks: Sequence[Check], style: Style) -> str:
    """A line for each, with help where it is not ok; then a line that sums up."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        word = style.status(check.status, f"{check.status:4}")
        lines.append(f"{style.icon(check.status)} {word}  {check.name:{width}}  {visible(check.found)}")
        if check.help:
            lines.append(f"{' ' * (width + 10)}help: {visible(check.help)}")
    bad = [sum(check.status == status for check in checks) for status in ("fail", "warn")]
    counts = [f"{count} {word}" for count, word in zip(bad, ("failed", "to know about"), strict=True) if count]
    lines += ["", f"{len(checks)} checks: {', '.join(counts) or 'all ok'}"]
    return style.ascii("\n".join(lines))


def checks_json(checks: Sequence[Check]) -> str:
    """`{format_version, ok, checks: [{name, status, found, help}]}`; `ok` is false where something failed."""
    ok = all(check.status != "fail" for check in checks)
    listed = [check._asdict() for check in checks]
    return json.dumps({"format_version": FORMAT_VERSION, "ok": ok, "checks": listed}, ensure_ascii=False)

"""Every part of a run over goals, before it is run: one line for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from orch.model.compiled import Compiled
from orch.render.lengths import counted
from orch.render.problems_text import visible
from orch.render.style import Style
from orch.run.parts import Part


def goals_text(plan: Compiled, parts: Sequence[Part], style: Style) -> str:
    """The whole text."""
    goals = len({part.goal for part in parts})
    name = style.paint(plan.head["pipeline"]["name"], "bold")
    limits = plan.group_limit.values()
    most = f", at most {min(limits)} of a kind at once" if limits else ""
    width = min(max(len(part.address) for part in parts), 48)
    lines = [
        f"Goals {name}  {counted(goals, 'goal')}, {counted(len(parts), 'run')}{most}, jobs {plan.max_in_flight}",
        "",
    ]
    for part in parts:
        given = " ".join(f"{key}={_shown(value)}" for key, value in part.values.items())
        size = counted(part.nodes, "node") + (f", {counted(part.gates, 'gate')}" if part.gates else "")
        why = f"  ({part.why})" if part.why else ""
        word = style.status(part.word, f"{part.word:6}")
        told = f"{word}  {visible(part.opens)}  {visible(given)}  {size}{visible(why)}"
        lines.append(style.cut(f"  {style.icon(part.word)} {part.address:{width}}  {told}"))
    steps = f"orch plan {plan.head['pipeline']['path']}"
    return style.ascii("\n".join([*lines, "", f"All their steps: {steps}"]))


def goals_json(plan: Compiled, parts: Sequence[Part]) -> str:
    """The same as one object."""
    runs: list[dict[str, Any]] = [part._asdict() for part in parts]
    head = {"name": plan.head["pipeline"]["name"], "path": plan.head["pipeline"]["path"], "digest": plan.digest}
    return json.dumps({"format_version": 1, **head, "runs": runs}, ensure_ascii=False)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

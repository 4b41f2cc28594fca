"""A plan as one JSON object: what would happen to each step, and what it is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from orch.model.chain import Critical
from orch.model.compiled import Compiled
from orch.model.plan import kind_of
from orch.render.plan_order import dag_order
from orch.render.plan_text import body_of, step_of, summary_counts, what
from orch.run.forecast import Prospect

FORMAT_VERSION = 1


def plan_json(plan: Compiled, prospects: Sequence[Prospect], critical: Critical | None = None, *, dry_run: bool) -> str:
    """`{format_version, dry_run, pipeline, task, inputs, max_in_flight, plan_digest, resources, summary, steps}`, and
    with a branch `workspace` and `base`; a step is `{address, kind, phase, word, why, command}`, a loop has its `body`.
    With past runs `critical_path` too: `{seconds, steps: [{address, seconds}], runs}`. With secrets `secrets`: `{NAME:
    reference}`, and the names in each step. `empty_matrices` are those that have no child, and so no step."""
    steps = []
    for step in dag_order(plan):
        document, (word, why) = plan.action(step).step, prospects[step]
        phase = plan.phase_of[step]
        row: dict[str, Any] = {
            "address": plan.addresses[step],
            "kind": kind_of(document),
            "phase": plan.phase_names[phase] if phase >= 0 else "finally",
            "word": word,
            "why": why,
        }
        row["gate" if "gate" in document else "command"] = document.get("gate") or what(step_of(plan, step))
        if (body := body_of(plan, step)) is not None:
            row["body"] = [{"id": name, "command": what(node)} for name, node in body]
        if "adapter" in document:
            row["adapter"] = document["adapter"]
        row |= {key: document[key] for key in ("requires", "secrets", "slots", "tags") if key in document}
        steps.append(row)
    head, empty = plan.head, plan.empty_matrices()
    return json.dumps(
        {
            "format_version": FORMAT_VERSION,
            "dry_run": dry_run,
            "pipeline": head["pipeline"],
            "task": plan.task,
            "inputs": plan.inputs,
            **{key: head[key] for key in ("budget", "concurrency", "notify") if key in head},
            "max_in_flight": plan.max_in_flight,
            "plan_digest": plan.digest,
            **{key: head[key] for key in ("workspace", "base", "start") if key in head},
            "resources": head["resources"],
            "summary": summary_counts([prospects[step] for step in dag_order(plan)]),
            **({"secrets": head["secrets"]} if "secrets" in head else {}),
            **({} if critical is None else {"critical_path": _critical(critical)}),
            **({"empty_matrices": [plan.addresses[group] for group in empty]} if empty else {}),
            "steps": steps,
        },
        ensure_ascii=False,
    )


def _critical(critical: Critical) -> dict[str, Any]:
    steps = [{"address": address, "seconds": None if took is None else took / 1000} for address, took in critical.steps]
    return {"seconds": critical.total_ms / 1000, "steps": steps, "runs": critical.runs}

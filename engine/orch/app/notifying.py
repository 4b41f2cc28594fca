"""Tell the project's `notify` command how a run stands when its owner has closed it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from orch.app.context import Context
from orch.app.surroundings import from_caller
from orch.local.hook import run_hook
from orch.model.compiled import Compiled
from orch.store.poll import Judge, poll
from orch.store.rundir import RunDir

FORMAT_VERSION = 1
SECONDS = 10.0


def notify(context: Context, root: str, run: RunDir, plan: Compiled, stop: Callable[[], bool]) -> str | None:
    """Run the command with one JSON object on stdin; what went wrong with it, as a sentence, or None. What it is told
    is read from the journal, where no secret is."""
    document = json.dumps(_document(context, run, plan), ensure_ascii=False).encode() + b"\n"
    told = {"ORCH_RUN_ID": run.run_id, "ORCH_TASK_ID": run.task}
    env = from_caller(context.env, plan.head["env_pass"]) | told
    argv = plan.head["notify"]
    trouble = run_hook(argv, document, cwd=root, env=env, seconds=SECONDS, stop=stop)
    return None if trouble is None else f"notify: `{argv[0]}` {trouble}"


def _document(context: Context, run: RunDir, plan: Compiled) -> dict[str, Any]:
    judge: Judge | None = None
    if any(plan.phase_gates):
        from orch.gates import judge as gates

        judge = gates.judge
    clock, host = context.clock, os.uname().nodename
    found = poll(run, plan, now_ms=clock.now_ms(), steady=clock.steady(), host=host, judge=judge)
    keys = ("address", "reason", "summary", "error_file")
    failed = [step for step in found["commands"] if step["status"] == "failed"]
    again = f"orch retry {run.run_id} --failed" if found["status"] in ("failed", "cancelled") else None
    return {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "task_id": run.task,
        "pipeline": plan.head["pipeline"]["name"],
        "status": found["status"],
        "reason": found["status_detail"],
        "waiting": found["waiting"],
        "failed": [{key: step[key] for key in keys if key in step} for step in failed],
        "artifact_root": run.artifact_root,
        "next": found.get("next", again),
    }

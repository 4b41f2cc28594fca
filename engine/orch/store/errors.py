"""The error artifact of a failed attempt, as bytes: it follows from the journal and the logs."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import Any

from orch.model.compiled import GATE, Compiled
from orch.model.names import file_stem
from orch.model.retry import hands_over
from orch.model.state import RunState
from orch.model.status import Status
from orch.model.times import to_iso
from orch.run.budget import REASON, may_probe, spent
from orch.store.ledger import Failure
from orch.store.rundir import RunDir

FORMAT_VERSION = 1
TAIL_BYTES = 4096
_LONGEST_SLUG = 60


def error_name(number: int, address: str) -> str:
    """The file of the failure with this number, relative to the run: `errors/03-build-test.json`."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", file_stem(address)).strip("-")[:_LONGEST_SLUG]
    return f"errors/{number:02d}-{slug}.json"


def error_bytes(run: RunDir, plan: Compiled, failure: Failure) -> bytes:
    """The artifact. Raises OSError where a log that the journal names cannot be read."""
    details: dict[str, Any] = {}
    if failure.exit_code is not None:
        details["exit_code"] = failure.exit_code
    if "signal" in failure.error:
        details["signal"] = failure.error["signal"]
    for name in ("stdout", "stderr"):
        if name in failure.logs:
            details[f"{name}_tail"] = shown(log_end(f"{run.path}/{failure.logs[name]['path']}"))
    for name in ("findings", "found", "changes", "others"):
        if name in failure.error:
            details[name] = failure.error[name]
    allowed = failure.reason != REASON and plan.may_fail(failure.step)
    hint = failure.error.get("hint") or (None if allowed else _suggestion(run, plan, failure))
    if hint:
        details["suggestion"] = hint
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "run_id": run.run_id,
        "task_id": run.task,
        "address": plan.addresses[failure.step],
        "attempt": failure.attempt,
        "command_index": failure.step + 1,
    }
    command = failure.command or command_of(plan, failure.step)
    if command is not None:
        document["command"] = command
    document["created_at"] = to_iso(failure.at)
    document["reason"] = failure.reason
    if allowed:
        document["allowed"] = True
    document["summary"] = failure.error.get("summary", failure.reason)
    document["details"] = details
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def apply_command(plan: Compiled, path: str, **changed: Any) -> str:
    """The command that starts a new run of what this one was planned from; `path` is the pipeline's, `changed` are
    inputs of other values."""
    words = ["orch", "apply", path]
    for name, value in {**plan.inputs, **changed}.items():
        words += ["--input", f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"]
    if plan.task != "-":
        words += ["--task", plan.task]
    return shlex.join(words)


def settle_commands(run_id: str, plan: Compiled, state: RunState) -> dict[int, str]:
    """What a person types for each step in doubt, with both ways where there are two. What has a probe that will be
    asked is no business of a person."""
    commands = {}
    over = spent(plan, state, state.latest_ms)
    for step, (status, reason) in enumerate(zip(state.status, state.reason, strict=True)):
        if status is not Status.WAITING or reason != "in-doubt":
            continue
        if step not in state.to_probe or not may_probe(plan, state, step, over):
            ways = "--not-done" if hands_over(plan.action(step).step) else "--done (or --not-done)"
            commands[step] = f"orch settle {run_id} {shlex.quote(plan.addresses[step])} {ways}"
    return commands


def approve_command(plan: Compiled, state: RunState) -> str | None:
    """What a person types for the first gate that lacks an approval: a gate's sentence ends in it."""
    for step, status in enumerate(state.status):
        if status is Status.WAITING and plan.kinds[step] == GATE:
            command = approval_in(state.sentence.get(step, ""))
            if command is not None:
                return command
    return None


def approval_in(sentence: str) -> str | None:
    """The approval that a gate's sentence ends in."""
    command = sentence.partition(" — ")[2]
    return command if command.startswith("orch approve ") else None


def retry_command(run_id: str) -> str:
    """What decides again what failed."""
    return f"orch retry {run_id} --failed"


def _suggestion(run: RunDir, plan: Compiled, failure: Failure) -> str:
    """Of an iteration the loop is asked. A gate is decided again by a retry, but from the same outputs: only a new run
    has others. What may fail has none: a retry leaves it as it is."""
    if failure.step in plan.loop_of:
        return f"orch explain {run.run_id} {shlex.quote(plan.addresses[plan.loop_of[failure.step][0]])}"
    if plan.kinds[failure.step] != GATE:
        return retry_command(run.run_id)
    return f"mend what the gate reads, then start a new run: {apply_command(plan, plan.head['pipeline']['path'])}"


def command_of(plan: Compiled, step: int) -> str | list[str] | None:
    """A step's command as the plan has it: a script, or an argv. None for a gate, and where it is computed."""
    action = plan.action(step)
    run = action.step.get("run")
    if isinstance(run, list) and not all(isinstance(item, str) for item in action.argv):
        return None
    return run


def shown(data: bytes) -> str:
    """Raw bytes for people: what is not printable text is written with a backslash."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def log_end(path: str) -> bytes:
    """The end of a log; of one that is gone nothing: logs are not synced."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(fd, TAIL_BYTES, max(0, os.fstat(fd).st_size - TAIL_BYTES))
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(fd)

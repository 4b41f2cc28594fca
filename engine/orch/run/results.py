"""What does the end of an attempt mean? Pure: result, outputs and artifacts come in as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from orch.model.attempt import Result
from orch.model.compiled import Compiled
from orch.model.decisions import Conclude
from orch.model.derive import ending
from orch.model.events import Finished, Settled
from orch.model.retry import hands_over, is_once, retries
from orch.model.state import RunState
from orch.ports import Fault, Reading, Recollection
from orch.run.budget import stopped_because

if TYPE_CHECKING:  # loaded only where a run is rehearsed
    from orch.model.stubs import Stub

NOTHING_READ = Reading()


class Left(NamedTuple):
    """What an attempt left in its tree, where its run has a branch: what speaks against it (a failed reason, a
    sentence, findings, the others that it can be of as well), and its patch with the commit that holds it; or the id of
    all that is there."""

    reason: str | None = None
    sentence: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    patch: dict[str, Any] | None = None
    commit: str | None = None
    tree: str | None = None
    others: tuple[str, ...] = ()

    @property
    def against(self) -> dict[str, Any]:
        """What an error says of it."""
        found = {"findings": list(self.findings), "found": len(self.findings)} if self.findings else {}
        return found | ({"others": list(self.others)} if self.others else {})


NOTHING_LEFT = Left()


def finished(
    plan: Compiled,
    state: RunState,
    step: int,
    result: Result,
    *,
    at: int,
    outputs: dict[str, Any] | None = None,
    artifacts: tuple[dict[str, Any], ...] = (),
    missing: Fault | None = None,
    adapter: Mapping[str, Any] | None = None,
    reading: Reading = NOTHING_READ,
    left: Left = NOTHING_LEFT,
) -> Finished:
    """The record of an ended attempt. `missing` says which declared output or artifact is not as declared; `adapter` is
    what the plan says of the command, `reading` what its reports and logs say, `left` what is in its tree."""
    trouble = Fault(reading.trouble) if reading.trouble else None
    status, reason, summary = _meaning(plan, state, result, missing or trouble, adapter, reading)
    if left.reason is not None and result.stopped != "cancel":
        status, reason, summary = "failed", left.reason, left.sentence
    patch = left.commit if status == "succeeded" else None
    if patch is not None:
        status, reason = "waiting", "unmerged"
    error: dict[str, Any] | None = None
    if status not in ("succeeded", "waiting"):
        error = {"summary": summary}
        error |= left.against
        if result.signal is not None:
            error["signal"] = result.signal
        if reading.findings and status != "skipped":
            error |= {"findings": list(reading.findings), "found": reading.found}
    doubtful = result.stopped is not None and is_once(plan.action(step).step)
    if doubtful and error is not None:
        error["reason"] = reason if status == "failed" else "cancelled"
        status, reason = "waiting", "in-doubt"
    return Finished(
        at=at,
        address=plan.addresses[step],
        attempt=state.attempt[step],
        final=patch is None and not doubtful and _is_final(plan, state, step, status, reason),
        status=status,
        reason=reason,
        exit_code=result.exit_code,
        outputs=outputs,
        artifacts=artifacts if left.patch is None else (*(() if left.reason else artifacts), left.patch),
        logs=_logs(result),
        error=error,
        tests=dict(reading.tests) if reading.tests is not None else None,
        patch=patch,
        tree=left.tree,
    )


def not_started(plan: Compiled, state: RunState, step: int, message: str, hint: str, *, at: int) -> Finished:
    """The record of an attempt that was announced and could not start."""
    final = _is_final(plan, state, step, "failed", "start-failed")
    error = {"summary": message, "hint": hint}
    return Finished(at, plan.addresses[step], state.attempt[step], final, "failed", "start-failed", error=error)


def ended_as(
    plan: Compiled, state: RunState, step: int, stub: Stub, outputs: dict[str, Any] | None, *, at: int
) -> Finished:
    """The record of an attempt that nobody made: of a simulated run, where it ends as a stub says."""
    status, reason, error = stub.status, stub.reason, None
    if status != "succeeded":
        error = {"summary": reason}
    doubtful = reason == "timed-out" and is_once(plan.action(step).step)
    if doubtful:
        error = {"summary": reason, "reason": reason}
        status, reason = "waiting", "in-doubt"
    final = not doubtful and _is_final(plan, state, step, status, reason)
    address, attempt = plan.addresses[step], state.attempt[step]
    artifacts = _declared(plan, step) if status == "succeeded" else ()
    return Finished(at, address, attempt, final, status, reason, stub.exit_code, outputs, artifacts, error=error)


def _declared(plan: Compiled, step: int) -> tuple[dict[str, Any], ...]:
    """The artifacts that a step would leave, without their bytes."""
    paths = plan.action(step).step.get("artifacts", {})
    return tuple({"name": name, "path": path, "sha256": "0" * 64, "bytes": 0} for name, path in paths.items())


def concluded(plan: Compiled, decision: Conclude, *, at: int, left: Left = NOTHING_LEFT) -> Finished:
    """The record of a step that ends without an attempt; of one that has opened others, with what they have `left` in
    its tree."""
    error: dict[str, Any] | None = {"summary": decision.sentence} if decision.sentence else None
    if error is not None and decision.changes:
        error["changes"] = list(decision.changes)
    ended = Finished(at, plan.addresses[decision.step], 0, True, decision.status, decision.reason, error=error)
    ended = ended._replace(outputs=decision.outputs, artifacts=() if left.patch is None else (left.patch,))
    if left.reason is not None:
        error = {"summary": left.sentence, **left.against}
        return ended._replace(status="failed", reason=left.reason, outputs=None, error=error)
    if left.commit is not None:
        return ended._replace(final=False, status="waiting", reason="unmerged", patch=left.commit)
    return ended


def recalled(plan: Compiled, step: int, found: Recollection, *, at: int) -> Finished:
    """The record of a step whose result is that of a run before."""
    return Finished(
        at=at,
        address=plan.addresses[step],
        attempt=0,
        final=True,
        status="succeeded",
        reason="cached",
        exit_code=0,
        outputs=found.outputs,
        artifacts=found.artifacts,
        tests=found.tests,
        cache=found.cache,
    )


def probed(plan: Compiled, step: int, result: Result, *, at: int) -> Settled:
    """What the end of a probe says. That it was done is no answer where the step declares outputs or artifacts: its
    dependants would go on without them."""
    how, sentence = "in-doubt", f"its probe ended with exit code {result.exit_code}, neither 0 (done) nor 1 (not done)"
    if result.stopped is not None:
        sentence = "its probe was stopped at its time limit"
    elif result.signal is not None:
        sentence = f"its probe was ended by signal {result.signal}"
    elif result.exit_code in _UNUSABLE:
        sentence = f"its probe cannot be used: {_UNUSABLE[result.exit_code]} (exit code {result.exit_code})"
    elif result.exit_code == 1:
        how, sentence = "not-done", ""
    elif result.exit_code == 0 and hands_over(plan.action(step).step):
        sentence = "its probe says that it was done, and nobody has what it declares to give"
    elif result.exit_code == 0:
        how, sentence = "done", ""
    return Settled(at, plan.addresses[step], "probe", how, sentence, _logs(result))


def unprobed(plan: Compiled, step: int, why: str, *, at: int) -> Settled:
    """The record of a probe that could not be started."""
    return Settled(at, plan.addresses[step], "probe", "in-doubt", f"its probe cannot be used: {why}")


_UNUSABLE = {126: "a program in it cannot be executed", 127: "a program in it was not found"}
"""What the shell's own exit codes mean."""


def _logs(result: Result) -> dict[str, dict[str, Any]] | None:
    streams = (("stdout", result.stdout), ("stderr", result.stderr))
    return {name: log._asdict() for name, log in streams if log is not None} or None


def _meaning(
    plan: Compiled,
    state: RunState,
    result: Result,
    missing: Fault | None,
    adapter: Mapping[str, Any] | None,
    reading: Reading,
) -> tuple[str, str, str]:
    if result.stopped == "timeout":
        return "failed", "timed-out", "stopped at its time limit"
    if result.stopped == "cancel":
        return stopped_because(plan, state)
    if result.signal is not None:
        return "failed", "command-failed", f"ended by signal {result.signal}"
    none = (adapter or {}).get("none")
    if none is not None and _were_none(none, result, reading):
        return "skipped", "no-tests", none["means"]
    if result.exit_code:
        return "failed", "command-failed", f"exit code {result.exit_code}{_because(reading)}"
    if missing is not None:
        return "failed", missing.reason, missing.sentence
    if _broken(reading):
        return "failed", "command-failed", f"exit code 0, and yet{_because(reading)[1:]}"
    return "succeeded", "ok", ""


def _were_none(none: Mapping[str, Any], result: Result, reading: Reading) -> bool:
    """Was there nothing to do? The exit code says it, or, with exit code 0, a report without any test."""
    if reading.tests is None:
        return none.get("exit") == result.exit_code
    return not _counted(reading) and result.exit_code in (0, none.get("exit"))


def _counted(reading: Reading) -> int:
    """How many tests there were; none where no report counts them."""
    return sum(reading.tests.values()) if reading.tests is not None else 0


def _broken(reading: Reading) -> int:
    return reading.tests["failed"] + reading.tests["errors"] if reading.tests is not None else 0


def _because(reading: Reading) -> str:
    """What is known of a failure, as the rest of a sentence."""
    tests = reading.tests
    if tests is not None and tests["failed"]:
        return f": {_broken(reading)} of {_counted(reading)} tests failed"
    if tests is not None and tests["errors"]:
        return f": {tests['errors']} error{'s' * (tests['errors'] > 1)} outside of an assertion"
    if reading.cause is not None:
        return f": {reading.cause}"
    if reading.found:
        return f": {reading.found} finding{'s' * (reading.found > 1)}"
    return f"; {reading.trouble}" if reading.trouble is not None else ""


def _is_final(plan: Compiled, state: RunState, step: int, status: str, reason: str) -> bool:
    if status != "failed":
        return True
    return ending(plan, state, step) or not retries(plan.action(step).step, reason, state.failures[step] + 1)

"""Start runs and go on with them: every verb here is an ownership with different work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from orch.app.answers import Answers, Listener, await_answer
from orch.app.context import Context
from orch.app.owner import ENDED, Ownership, Work, vault_of
from orch.app.planning import Planned
from orch.app.reporting import Reporter
from orch.app.root import RUNS, find_root
from orch.app.runplan import plan_of
from orch.app.signals import Interruption
from orch.local.contain import Containment, contain
from orch.model.compiled import Compiled
from orch.model.events import Opened, Requested
from orch.model.fold import apply as apply_event
from orch.model.fold import fold
from orch.model.state import RunState
from orch.ports import Request
from orch.problems.problem import Exit, OrchError, Problem
from orch.run.requests import refusal_of
from orch.store.glance import glance
from orch.store.journal import read
from orch.store.lock import is_held, taken
from orch.store.requests import ask
from orch.store.rundir import RunDir, create, find, is_token

if TYPE_CHECKING:
    from orch.run.again import Again

Guard = Callable[[Interruption, Callable[[], int]], int]
"""Runs the work of the contained process and turns what it raises into an exit code; heeds signals to its end."""


def apply(context: Context, planned: Planned, reporter: Reporter, guard: Guard) -> int:
    """A new run of this plan: its exit code."""

    def main(containment: Containment) -> int:
        interrupted = Interruption(containment.heard)

        def work() -> int:
            vault = vault_of(planned.compiled, context, planned.root)
            if vault is not None:
                from orch.app.secrets import refuse_kept

                vault.refuse_missing()
                refuse_kept(planned, vault)
            run = create(
                os.path.join(planned.root, RUNS),
                planned.compiled.task,
                planned.plan,
                durability=planned.compiled.head["durability"],
                now_ms=context.clock.now_ms(),
                random=context.random,
                blobs=planned.blobs,
            )
            owner = Ownership(context, planned.root, run, containment, reporter, interrupted)
            return owner.work(Work(compiled=planned.compiled, vault=vault))

        return guard(interrupted, work)

    return contain(main)


def resume(context: Context, ref: str, reporter: Reporter, guard: Guard, token: str | None = None) -> int:
    """Go on with a run that waits or was interrupted; of an ended run only the derived files are looked after. A live
    owner journals that it was asked, and this or the next one that a token was wrong."""
    root, run = _find(context, ref)
    if token is not None and not is_token(run, token):
        _ask(context, run, "resume", {"token": "wrong"})
        hint = f"the token is in {run.artifact_root}/resume-token"
        raise OrchError(Problem("O626", f"this is not the token of run {run.run_id}", hint=hint), Exit.REFUSED)
    if is_held(run):
        _ask(context, run, "resume", {})
        raise taken(run)
    return _own(context, root, run, reporter, guard, Work())


def retry(context: Context, ref: str, again: Again, reporter: Reporter, guard: Guard) -> int:
    """A new epoch of a run in which what is asked for is decided again."""
    root, run = _find(context, ref)
    if is_held(run):
        raise taken(run)

    from orch.plan.named import meant
    from orch.run.again import chosen

    def choose(plan: Compiled, state: RunState) -> tuple[str, ...]:
        steps = chosen(plan, state, again)
        if not steps:
            hint = f"orch resume {run.run_id}" if state.closed not in ENDED else f"orch runs show {run.run_id}"
            raise OrchError(Problem("O621", f"nothing has failed in {run.run_id}", hint=hint), Exit.CONFLICT)
        return tuple(plan.addresses[step] for step in steps)

    def decided(at: int, plan: Compiled) -> Requested:
        steps = (plan.addresses[step] for name in again.once_more for step in meant(plan, name, run.run_id))
        detail = f"once more: {' '.join(steps)}"
        return Requested(at, context.random(8).hex(), "retry", _actor(), "accepted", detail)

    work = Work(choose=choose, decided=decided if again.once_more else None)
    return _own(context, root, run, reporter, guard, work)


def cancel(context: Context, ref: str, reporter: Reporter, guard: Guard, listener: Listener) -> int:
    """Ask the owner to end the run, and wait for its answer; without an owner, end it here: `finally` runs and the run
    closes. Where nothing but `finally` is left, that is ended."""
    root, run = _find(context, ref)
    if not is_held(run):
        _refuse_ended(run, "cancel")
    own = partial(_own, context, root, run, reporter, guard, Work(lenient=True))
    code = _request(context, run, "cancel", {}, listener, own)
    return Exit.OK if code == Exit.FAILED else code


def settle(
    context: Context, ref: str, address: str, how: str, reporter: Reporter, guard: Guard, listener: Listener
) -> int:
    """Say whether a step in doubt was done (`done` or `not-done`)."""
    root, run = _find(context, ref)
    if not is_held(run):
        _refuse_ended(run, "settle")
    plan = plan_of(run)
    state = fold(plan, read(run.journal, plan.digest).events)
    plan = state.plan
    if not is_held(run):  # what a dead owner left running is in doubt once somebody owns the run
        apply_event(plan, state, Opened(state.latest_ms, state.epoch + 1, {}, plan.digest, "none", {}))
    from orch.plan.named import one

    detail = {"address": plan.addresses[one(plan, address, run.run_id)], "how": how}
    refusal = refusal_of(plan, state, Request("", "settle", "", detail))
    if refusal:
        raise OrchError(Problem("O623", refusal, hint=f"orch poll {run.run_id}"), Exit.CONFLICT)
    own = partial(_own, context, root, run, reporter, guard, Work(settle_only=True))
    code = _request(context, run, "settle", detail, listener, own)
    return Exit.OK if code == Exit.WAITING else code


def _request(
    context: Context, run: RunDir, verb: str, detail: dict[str, str], listener: Listener, own: Callable[[], int]
) -> int:
    """Ask, and wait for the answer of the owner; become the owner where there is none, or it dies before it answers."""
    answers = Answers(run, _ask(context, run, verb, detail))
    code: int = Exit.OK
    answer = await_answer(run, answers, listener, steady=context.clock.steady, pause=time.sleep)
    if answer is not None:
        listener.answered(run.run_id, answer)
    else:
        _refuse_ended(run, verb)
        code = own()
        answer = answers.look()
    if answer is not None and answer.outcome == "refused":
        problem = Problem("O624", f"{verb} refused: {answer.detail}", hint=f"orch poll {run.run_id}")
        raise OrchError(problem, Exit.CONFLICT)
    return code


def _find(context: Context, ref: str) -> tuple[str, RunDir]:
    root = find_root(context.cwd)
    return root, find(os.path.join(root, RUNS), ref)


def _own(context: Context, root: str, run: RunDir, reporter: Reporter, guard: Guard, work: Work) -> int:
    def main(containment: Containment) -> int:
        interrupted = Interruption(containment.heard)
        owner = Ownership(context, root, run, containment, reporter, interrupted)
        return guard(interrupted, lambda: owner.work(work))

    return contain(main)


def _ask(context: Context, run: RunDir, verb: str, detail: dict[str, str]) -> str:
    return ask(run, verb, _actor(), detail, now_ms=context.clock.now_ms(), random=context.random)


def _actor() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _refuse_ended(run: RunDir, verb: str) -> None:
    status = glance(run.journal).status
    if status in ENDED:
        hint = f"orch runs show {run.run_id}"
        ended = "was cancelled" if status == "cancelled" else status
        raise OrchError(
            Problem("O622", f"{run.run_id} is over: it {ended}; nothing to {verb}", hint=hint), Exit.CONFLICT
        )

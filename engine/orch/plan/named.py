"""The name of a step → the step: its address, or a shorter one of its own. One rule for all who name steps. Pure."""

from __future__ import annotations

from collections.abc import Container

from orch.model.compiled import Compiled
from orch.model.names import phase_name, step_name
from orch.problems.problem import Exit, OrchError, Problem

_LISTED = 6


def names_of(address: str) -> tuple[str, ...]:
    """What a step may be called: its address; what follows its phase; in a child pipeline, all but the first phase."""
    inner = (address.partition(".")[2],) if "/" in phase_name(address) else ()
    return (address, step_name(address), *inner)


def named(plan: Compiled, name: str, among: Container[int] | None = None) -> list[int]:
    """The steps and matrices (`among` these) that are called so: the one with this address, else the one that is the
    pipeline's own, else all in its child pipelines."""
    called = {
        address: index
        for address, index in plan.index_of.items()
        if (among is None or index in among) and name in names_of(address)
    }
    if name in called:
        return [called[name]]
    return [index for address, index in called.items() if "/" not in address] or list(called.values())


def one(plan: Compiled, name: str, run_id: str) -> int:
    """The one step (or matrix) of a run that is called so. Raises OrchError (2) where there is none, or several."""
    if name in plan.index_of:
        return plan.index_of[name]
    found = named(plan, name)
    if len(found) == 1:
        return found[0]
    raise OrchError(_unclear(plan, name, run_id, found), Exit.USAGE)


def meant(plan: Compiled, name: str, run_id: str) -> list[int]:
    """The step that is called so; of a matrix its children. Raises OrchError (2) where none is, or several."""
    step = one(plan, name, run_id)
    if plan.is_group(step):
        return plan.group_children[step]
    body = plan.body(step)
    return plan.inner(step) if body is not None and body["kind"] == "matrix" else [step]


def _unclear(plan: Compiled, name: str, run_id: str, found: list[int]) -> Problem:
    lists = f"orch runs show {run_id} lists the addresses"
    if found:
        shown = ", ".join(plan.addresses[step] for step in found[:_LISTED])
        hint = f"one of: {shown}" if len(found) <= _LISTED else f"{lists}, such as {shown}"
        return Problem("O609", f"{len(found)} steps of {run_id} are called `{name}`", hint=hint)
    from difflib import get_close_matches

    meant = {each: address for address in plan.index_of for each in reversed(names_of(address))}
    near = get_close_matches(name, meant, 1, 0.6)
    hint = f"did you mean `{meant[near[0]]}`?" if near else lists
    return Problem("O609", f"{run_id} has no step `{name}`", hint=hint)

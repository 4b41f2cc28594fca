"""Which steps does a selection keep? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from orch.model.plan import PlanDoc, StepDoc
from orch.plan.compile import step_reads
from orch.problems.problem import Exit, OrchError, Problem

_LATER = ("tag", "kind", "status", "state", "phase")


def select(doc: PlanDoc, tokens: Sequence[str]) -> None:
    """Mark what is not selected in a plan that is being built. A token is an address, the address of a matrix, or an
    id. Gates of the selected nodes' phases, and of all phases that these need, are kept; `finally` is always kept."""
    wanted: set[str] = set()
    for token in [word for given in tokens for word in given.split()]:
        wanted |= _meant(doc, token)
    phases = _with_needed(doc, {address.partition(".")[0] for address in wanted})
    for step in doc["steps"]:
        phase = step["address"].partition(".")[0]
        keep = step["address"] in wanted or phase == "finally" or ("gate" in step and phase in phases)
        if not keep:
            step["selected"] = False
    _refuse_blind_reads(doc)


def _meant(doc: PlanDoc, token: str) -> set[str]:
    kind = token.partition(":")[0]
    if (":" in token and kind in _LATER) or "+" in token or "," in token:
        message = f"`{token}`: this version selects by address and id, not yet by {kind if ':' in token else 'sets'}"
        raise OrchError(Problem("O280", message, hint="orch graph PIPELINE lists the addresses"), Exit.USAGE)
    found = {
        step["address"]
        for step in doc["steps"]
        if "gate" not in step
        and token in (step["address"], step["address"].partition(".")[2], step.get("group"), _id_of_group(step))
    }
    if not found:
        from difflib import get_close_matches

        names = [name for step in doc["steps"] for name in (step["address"], step["address"].partition(".")[2])]
        close = get_close_matches(token, names, n=1)
        hint = f"did you mean `{close[0]}`?" if close else "orch graph PIPELINE lists the addresses"
        raise OrchError(Problem("O280", f"the selection `{token}` matches no node", hint=hint), Exit.USAGE)
    return found


def _id_of_group(step: StepDoc) -> str | None:
    return step["group"].partition(".")[2] if "group" in step else None


def _with_needed(doc: PlanDoc, phases: set[str]) -> set[str]:
    needs = {phase["name"]: phase["needs"] for phase in doc["phases"]}
    agenda, found = list(phases), set(phases)
    while agenda:
        for need in needs.get(agenda.pop(), ()):
            if need not in found:
                found.add(need)
                agenda.append(need)
    return found


def _refuse_blind_reads(doc: PlanDoc) -> None:
    out = {
        step["address"].partition(".")[2].partition("[")[0] for step in doc["steps"] if not step.get("selected", True)
    }
    problems = [
        Problem(
            "O281",
            f"`{step['address']}` is selected and reads `nodes.{node}`, which is not",
            hint=f"select `{node}` too",
        )
        for step in doc["steps"]
        if step.get("selected", True) and not step["address"].startswith("finally.")
        for node in step_reads(step)
        if node in out
    ]
    if problems:
        raise OrchError(problems, Exit.INVALID)

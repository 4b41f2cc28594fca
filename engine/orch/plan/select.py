"""Which steps of a plan does a selection keep? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from orch.model.compiled import FINALLY, GATE, GROUP, Compiled
from orch.model.names import phase_name
from orch.model.plan import Plan, seal
from orch.plan.named import names_of
from orch.plan.selectable import field_of, found_in, with_inner
from orch.problems.problem import Exit, OrchError, Problem
from orch.selection.meaning import Field
from orch.selection.parse import refusal
from orch.selection.tree import Selection

_LISTS = "orch graph PIPELINE lists the addresses"


class Earlier(NamedTuple):
    """The last run of the pipeline: its id, the state of each step by its address; and the steps that are other than
    when they last succeeded."""

    run_id: str
    status: Mapping[str, str]
    modified: AbstractSet[str]


def asks_for_earlier(selection: Selection | None) -> bool:
    """Does it compare with the last run?"""
    return selection is not None and selection.asks("status", "state")


def select(
    plan: Plan, compiled: Compiled, wanted: Selection | None, excluded: Selection | None, earlier: Earlier | None
) -> tuple[Plan, Compiled]:
    """The plan in which all else is marked as not selected. Gates of the selected steps' phases, and of all phases
    that these need, are kept, and so is `finally`. Raises OrchError (2) where nothing is selected, (3) where a selected
    step reads one that is not."""
    field = field_of(compiled, earlier.status, earlier.modified) if earlier else field_of(compiled, {})
    found = with_inner(compiled, found_in(field, wanted, None, hint=_LISTS))
    if not found and wanted is not None:
        raise OrchError(_nothing(wanted, field, earlier, compiled), Exit.USAGE)
    if excluded is not None:
        found -= _excluded(excluded, compiled, field)
    if not found:
        raise OrchError(refusal("all that is selected is excluded, too", _LISTS), Exit.USAGE)
    keep = _with_gates(compiled, found)
    _refuse_blind_reads(compiled, keep)
    doc = plan.doc
    for step in doc["steps"]:
        if not keep[compiled.index_of[step["address"]]]:
            step["selected"] = False
    marked = seal(doc)
    return marked, compiled._replace(digest=marked.digest, selected=None if all(keep) else keep)


def _nothing(selection: Selection, field: Field, earlier: Earlier | None, plan: Compiled) -> Problem:
    named = {atom.value for term in selection.terms for atom in term if atom.method in ("", "phase")}
    for group in plan.empty_matrices():
        if not named.isdisjoint({*names_of(plan.addresses[group]), phase_name(plan.addresses[group])}):
            said = f"`{selection.text}` means no step: {plan.addresses[group]} is a matrix without values"
            return refusal(said, "give the list that it is made from a value, or select what is behind it")
    message = f"`{selection.text}` means no step"
    if earlier is not None and selection.asks("status", "state"):
        counts = [f"{len(items)} {word}" for word, items in sorted(field.values["status"].items())]
        if selection.asks("state"):
            counts.append(f"{len(field.values['state']['modified'])} modified since they last succeeded")
        return refusal(f"{message}: compared with run {earlier.run_id}", f"of its steps {', '.join(counts)}")
    return refusal(f"{message}: each part means some, and none all of them", "a space between two parts is `or`")


def _excluded(selection: Selection, plan: Compiled, field: Field) -> set[int]:
    found = found_in(field, selection, None, hint=_LISTS)
    if found and all(plan.kinds[step] in (GATE, FINALLY) for step in found):
        names = ", ".join(plan.addresses[step] for step in sorted(found)[:5])
        message = f"`{selection.text}` excludes nothing but what always stays: {names}"
        hint = "a gate stays as long as a step behind it is selected, and `finally` runs at the end of every run"
        raise OrchError(refusal(message, hint), Exit.USAGE)
    found = with_inner(plan, found)
    for gates, nodes in zip(plan.phase_gates, plan.phase_nodes, strict=True):
        if found.issuperset(nodes):  # a gate that nothing is behind
            found.update(gates)
    for owner in sorted(plan.bodies, reverse=True):  # one that opens nothing; what is inside has higher numbers
        if all(found.issuperset(plan.phase_nodes[p]) for p in plan.bodies[owner] if not plan.phase_final[p]):
            found |= with_inner(plan, {owner})
    return found


def _with_gates(plan: Compiled, found: set[int]) -> list[bool]:
    """For each step: is it kept? What opens a step is kept with it, and so is the `finally` of a child pipeline."""
    found = found.union(*(plan.owners(step) for step in found)) if plan.bodies else found
    before: list[list[int]] = [[] for _ in plan.phase_names]
    for phase, dependants in enumerate(plan.phase_dependants):
        for then in dependants:
            before[then].append(phase)
    agenda = list({plan.phase_of[step] for step in found if plan.phase_of[step] >= 0})
    phases = set(agenda)
    while agenda:
        new = set(before[agenda.pop()]) - phases
        phases |= new
        agenda += new
    kept = found | {gate for phase in phases for gate in plan.phase_gates[phase]}
    for phase, owner in enumerate(plan.phase_owner):
        if owner in kept and plan.phase_final[phase]:
            kept |= with_inner(plan, set(plan.phase_nodes[phase]))
    always = (FINALLY, GROUP)
    return [kind in always or step in kept for step, kind in enumerate(plan.kinds)]


def _refuse_blind_reads(plan: Compiled, keep: list[bool]) -> None:
    name_of = {index: address for address, index in plan.index_of.items()}
    problems = [
        Problem(
            "O281",
            f"`{plan.addresses[step]}` is selected and reads `{name}`, which is not",
            hint=f"select `{name_of[index]}` too",
        )
        for step, kept in enumerate(keep)
        if kept and plan.kinds[step] not in (FINALLY, GROUP) and not plan.phase_final[plan.phase_of[step]]
        for name, index in _reads(plan, step)
        if not _is_kept(plan, keep, index)
    ]
    if problems:
        raise OrchError(problems, Exit.INVALID)


def _reads(plan: Compiled, step: int) -> Iterator[tuple[str, int]]:
    """What a step reads: as the plan says it, and its index."""
    action = plan.action(step)
    ids = plan.spaces[plan.space_of(step)].ids
    for node in plan.reads(step):
        if node in ids:
            yield f"nodes.{node}", ids[node]
    gate = action.step.get("gate", {})
    for address in gate.get("evidence", ()):
        yield address, plan.index_of[address]
    for subject in gate.get("subject", ()):
        kind, colon, rest = subject.partition(":")
        if colon and kind in ("artifact", "output"):
            address = rest if rest in plan.index_of else rest.rpartition(".")[0]
            yield subject, plan.index_of[address]


def _is_kept(plan: Compiled, keep: list[bool], index: int) -> bool:
    return all(keep[child] for child in plan.group_children[index]) if plan.is_group(index) else keep[index]

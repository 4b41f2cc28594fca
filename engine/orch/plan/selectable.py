"""A compiled plan as a selection sees it: names, phases, kinds, tags, states, and who needs whom. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from orch.model.compiled import Compiled
from orch.model.names import phase_name
from orch.model.plan import StepDoc, kind_of
from orch.model.status import STATUS_BY_WORD
from orch.plan.named import names_of
from orch.selection.meaning import Field, check_known, meaning
from orch.selection.parse import Methods
from orch.selection.tree import Selection

KINDS = ("run", "adapter", "loop", "matrix", "pipeline", "gate", "approval", "freshness", "check")
STATES = ("modified",)
IN_A_RUN: Methods = {"phase": None, "tag": None, "kind": KINDS, "status": tuple(STATUS_BY_WORD)}
"""What can be asked of the steps of a run; a plan can be compared with the last run, too."""
IN_A_PLAN: Methods = {**IN_A_RUN, "state": STATES}


def found_in(field: Field, wanted: Selection | None, excluded: Selection | None, *, hint: str) -> set[int]:
    """The steps that are wanted, all where nothing is said, and not excluded. Raises OrchError (2) for a name that is
    not there."""
    for selection in (wanted, excluded):
        if selection is not None:
            check_known(selection, field, IN_A_PLAN, hint=hint)
    found = field.items if wanted is None else meaning(wanted, field)
    return found if excluded is None else found - meaning(excluded, field)


def field_of(plan: Compiled, status: Mapping[str, str], modified: Iterable[str] = ()) -> Field:
    """The steps of a plan. `status` maps addresses to states, `modified` names those that are other than in the last
    run; an address of neither says nothing about any step."""
    index = plan.index_of
    states: dict[str, list[int]] = defaultdict(list)
    for address, word in status.items():
        if address in index and not plan.is_group(index[address]):
            states[word].append(index[address])
    changed = [index[address] for address in modified]
    kinds_of = [_kinds(action.step) for action in plan.action_table]
    names: dict[str, list[int]] = defaultdict(list)
    phases: dict[str, list[int]] = defaultdict(list)
    kinds: dict[str, list[int]] = defaultdict(list)
    tags: dict[str, list[int]] = defaultdict(list)
    for step in plan.steps:
        address = plan.addresses[step]
        group = plan.group_of[step]
        for name in (*names_of(address), *(names_of(plan.addresses[group]) if group >= 0 else ())):
            names[name].append(step)
        phases[phase_name(address)].append(step)
        action = plan.actions[step]
        for kind in kinds_of[action]:
            kinds[kind].append(step)
        for tag in plan.action_table[action].step.get("tags", ()):
            tags[tag].append(step)
    for group in plan.empty_matrices():  # a name that is there, and means no step
        for name in names_of(plan.addresses[group]):
            names[name].append(group)
        phases[phase_name(plan.addresses[group])].append(group)
    values = {"": names, "phase": phases, "tag": tags, "kind": kinds, "status": states, "state": {"modified": changed}}
    return Field(plan.size, values, _after(plan), frozenset(plan.group_children))


def _kinds(step: StepDoc) -> tuple[str, ...]:
    return ("gate", step["gate"]["kind"]) if "gate" in step else (kind_of(step),)


def with_inner(plan: Compiled, steps: set[int], *, loops: bool = True) -> set[int]:
    """These steps with all that is inside of them; of a loop only where that is asked for."""
    found, agenda = set(steps), list(steps)
    while agenda:
        step = agenda.pop()
        for phase in plan.bodies.get(step, ()) if loops or not plan.is_loop(step) else ():
            new = {*plan.phase_gates[phase], *plan.phase_nodes[phase]} - found
            found |= new
            agenda += new
    return found


def _after(plan: Compiled) -> list[list[int]]:
    """Who comes after whom: steps and groups as the plan numbers them, then three joints for each phase: before its
    gates, before its nodes, behind its nodes; so the steps of two phases do not multiply. Then one for each step that
    opens phases: behind all of them."""
    after = [list(targets) for targets in plan.dependants]
    first = len(after)
    after += [[] for _ in range(3 * len(plan.phase_names) + len(plan.bodies))]
    done = {owner: first + 3 * len(plan.phase_names) + n for n, owner in enumerate(plan.bodies)}
    for phase, (gates, nodes) in enumerate(zip(plan.phase_gates, plan.phase_nodes, strict=True)):
        door, entry, end = range(first + 3 * phase, first + 3 * phase + 3)
        after[door] = [*gates, entry]
        after[entry] = [*nodes, end]
        after[end] = [first + 3 * then for then in plan.phase_dependants[phase]]
        for gate in gates:
            after[gate].append(entry)
        for node in nodes:
            after[node].append(end)
    for owner, phases in plan.bodies.items():
        last = [first + 3 * phase for phase in phases if plan.phase_final[phase]]
        after[done[owner]], after[owner] = after[owner], [done[owner]]
        if not plan.is_loop(owner):  # its next iteration is not one of those that there are
            after[owner] += [first + 3 * phase for phase in phases]
        for phase in phases:
            after[first + 3 * phase + 2] += [done[owner], *(() if plan.phase_final[phase] else last)]
    return after

"""Selection → the items that it means, over a value that describes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from orch.problems.problem import Exit, OrchError, Problem
from orch.selection.parse import Methods, nearest, refusal
from orch.selection.tree import Atom, Selection


class Field(NamedTuple):
    """What can be selected: items 0 … size-1. `values` maps each method (names have the empty one) to its values, each
    with its items. `after` lists for each vertex those that follow it: items, then joints, which only pass on, as those
    of the items do that are `joints`, too."""

    size: int
    values: Mapping[str, Mapping[str, Sequence[int]]]
    after: Sequence[Sequence[int]] = ()
    joints: frozenset[int] = frozenset()

    @property
    def items(self) -> set[int]:
        """All that can be selected."""
        return set(range(self.size)) - self.joints


def meaning(selection: Selection, field: Field) -> set[int]:
    """The items that it means; maybe none."""
    found: set[int] = set()
    for term in selection.terms:
        found |= set.intersection(*(_of_atom(atom, field) for atom in term))
    return found


def check_known(selection: Selection, field: Field, methods: Methods, *, hint: str) -> None:
    """Raises OrchError (2) with every name and value, of those that anybody may choose freely, that is not there."""
    problems: list[Problem] = []
    for atom in {atom for term in selection.terms for atom in term}:
        if (not atom.method or methods[atom.method] is None) and not _having(atom, field):
            words = [f"{atom.method}:{value}" if atom.method else value for value in field.values[atom.method]]
            base = Atom(atom.method, atom.value).text
            whole = base.rpartition("[")[0]
            later = f"if its keys are known only in the run, select the whole: `{whole}`" if whole in words else ""
            problems.append(refusal(f"`{base}` matches nothing", later or nearest(base, words, hint)))
    if problems:
        raise OrchError(problems, Exit.USAGE)


def reach(after: Sequence[Sequence[int]], start: Iterable[int]) -> set[int]:
    """The vertices that can be reached from these, with these."""
    agenda = list(start)
    seen = set(agenda)
    while agenda:
        for then in after[agenda.pop()]:
            if then not in seen:
                seen.add(then)
                agenda.append(then)
    return seen


def _of_atom(atom: Atom, field: Field) -> set[int]:
    having = _having(atom, field)
    found = set(having)
    if atom.after:
        found |= reach(field.after, having)
    if atom.before:
        found |= reach(_turned(field.after), having)
    return {item for item in found if item < field.size} - field.joints


def _having(atom: Atom, field: Field) -> set[int]:
    values = field.values.get(atom.method, {})
    if "*" not in atom.value:
        return set(values.get(atom.value, ()))
    shape = re.compile(".*".join(map(re.escape, atom.value.split("*"))), re.DOTALL)
    return {item for value, items in values.items() if shape.fullmatch(value) for item in items}


def _turned(after: Sequence[Sequence[int]]) -> list[list[int]]:
    before: list[list[int]] = [[] for _ in after]
    for vertex, targets in enumerate(after):
        for then in targets:
            before[then].append(vertex)
    return before

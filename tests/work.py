"""What steps do to files in a run with a branch: who has a tree of its own, what each attempt writes, what fails."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from shape import Shape

from orch.gates.facts import DIFFERENCE

GUARDED, BESIDE = "keep/", "stray/"
TROUBLES = ("make", "commit", "merge", "changes")


class Work:
    """What a seed says of each address. `single`: one job at a time, so that it is known whose a change is. Who is
    `mended` does nothing wrong any more."""

    def __init__(self, seed: int, *, single: bool) -> None:
        self.seed, self.single = seed, single
        self.mended: set[str] = set()

    def files(self, shape: Shape, address: str) -> dict[str, str]:
        """What an attempt leaves: siblings may write one file, others each their own."""
        owner = shape.tree_of(address)
        place = address if owner is None else shape.group_of.get(owner, owner) + address[len(owner) :]
        path = re.sub(r"#\d+", "", place)
        dice = self._dice(path, "text")
        keyed, turning = dice.random() < 0.6, dice.random() < 0.5
        text = [shape.key(owner)] if keyed and owner is not None and "matrix" in shape.steps[owner] else []
        text += re.findall(r"#\d+", address) if turning else []
        found = {} if _reads(shape, address) or dice.random() < 0.2 else {f"ok/{path}": " ".join(["text", *text])}
        if self.is_foul(shape, address):
            found[f"{BESIDE if 'writes' in shape.steps[address] and dice.random() < 0.5 else GUARDED}{address}"] = "x"
        return found

    def is_foul(self, shape: Shape, address: str) -> bool:
        """Does it change what it may not?"""
        if shape.is_final(address) or not self._errs(shape, address) or shape.opens(address):
            return False
        tree = shape.tree_of(address)
        return (self.single if tree is None else True) and self._dice(address, "foul").random() < 0.1

    def trouble(self, shape: Shape, address: str) -> str:
        """What cannot be done with the step's own tree."""
        dice = self._dice(address, "trouble")
        if dice.random() > 0.1 or shape.tree_of(address) != address or not self._errs(shape, address):
            return ""
        return dice.choice(TROUBLES[:3] if shape.opens(address) else TROUBLES)

    def _errs(self, shape: Shape, address: str) -> bool:
        return self.mended.isdisjoint((address, *shape.owners(address)))

    def _dice(self, *words: str) -> Random:
        return Random("/".join((str(self.seed), *words)))


def is_wrong(path: str) -> bool:
    """May nobody change it, who changes it?"""
    return path.startswith((GUARDED, BESIDE))


def _reads(shape: Shape, address: str) -> bool:
    return shape.steps[address].get("workspace") == "readonly" or "cache" in shape.steps[address]


def place(phases: dict[str, Any], dice: Random, *, apart: bool = False) -> None:
    """Give nodes of these phases trees of their own, files that they may write, and gates the whole difference."""
    for phase in phases.values():
        phase["protected"] = [f"{GUARDED}**"]
        for gate in phase["gates"].values():
            if gate.get("kind") == "approval" and not apart and dice.random() < 0.6:
                gate["subject"] = [DIFFERENCE]
        for spec in phase["nodes"].values():
            _place(spec, dice, apart=apart)


def _place(spec: dict[str, Any], dice: Random, *, apart: bool) -> None:
    often = 0.8 if {"matrix", "expand"} & spec.keys() else 0.4
    own = not apart and dice.random() < often and all(map(_may_be_apart, _leaves(spec)))
    where = spec["expand"]["child"] if "expand" in spec else spec
    if own:
        where["workspace"] = "worktree"
    if "pipeline" in spec:
        place(spec["pipeline"]["phases"], dice, apart=apart or own)
        return
    for leaf in _leaves(spec):
        if "cache" not in leaf and dice.random() < 0.3:
            leaf["writes"] = ["ok/**"]
        elif leaf is where and not own and not apart and dice.random() < 0.2:
            leaf["workspace"] = "readonly"


def _leaves(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps with a process, of what a node opens."""
    if "expand" in spec:
        return _leaves(spec["expand"]["child"])
    if "loop" in spec:
        return list(spec["loop"]["nodes"].values())
    if "pipeline" not in spec:
        return [spec]
    nodes = [node for phase in spec["pipeline"]["phases"].values() for node in phase["nodes"].values()]
    return [leaf for node in (*nodes, *spec["pipeline"]["final"].values()) for leaf in _leaves(node)]


def _may_be_apart(leaf: dict[str, Any]) -> bool:
    return not isinstance(leaf.get("effect"), dict) and "cache" not in leaf

"""The parts of a run over goals: what would be run for each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from orch.model.compiled import GATE, Compiled
from orch.run.forecast import Prospect


class Part(NamedTuple):
    """What is run for one goal: `opens` is a pipeline's path or an adapter's command, `values` what it is given; `word`
    and `why` are what the plan says of it."""

    address: str
    goal: str
    opens: str
    values: dict[str, Any]
    nodes: int
    gates: int
    word: str
    why: str


def parts(plan: Compiled, foreseen: Sequence[Prospect]) -> list[Part]:
    """Every part, in the order of the plan. `foreseen` has the prospect of each step."""
    found = []
    for step in plan.phase_nodes[0]:
        doc = plan.action(step).step
        inner = [one for one in plan.steps if step in plan.owners(one)]
        gates = sum(plan.kinds[one] == GATE for one in inner)
        opened = doc.get("pipeline")
        adapter = doc.get("adapter")
        name = opened["path"] if opened else f"{adapter['name']} {adapter['command']}" if adapter else ""
        values = opened["inputs"] if opened else plan.matrix[step]["goal"]
        said = foreseen[step]
        goal = str(plan.matrix[step]["goal"]["id"])
        nodes = sum(plan.kinds[one] != GATE and one not in plan.bodies for one in inner) if opened else 1
        found.append(Part(plan.addresses[step], goal, name, values, nodes, gates, said.word, said.why))
    return found

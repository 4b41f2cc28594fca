"""Where each step of a run with a branch works, and what becomes of what it leaves there. Git is behind the port."""

from __future__ import annotations

from collections.abc import Collection

from orch.model.compiled import Compiled
from orch.ports import Trees, TreeTrouble
from orch.run.results import NOTHING_LEFT, Left


class Spaces:
    """The trees of one run, for its loop. `loose` are the steps that have worked in the run's own tree since it was
    last looked at."""

    def __init__(self, plan: Compiled, trees: Trees) -> None:
        self._plan, self._trees = plan, trees
        self._loose: dict[int, None] = {}

    def root(self, step: int) -> str:
        """The project's root for a step."""
        return self._trees.root("")

    def begin(self, step: int) -> None:
        """The step is about to start."""
        self._loose[step] = None

    def end(self, step: int, running: Collection[int], at: int) -> Left:
        """The step has ended, and these run, itself included. What is in the tree is committed once nobody else works
        there, in the name of all who have."""
        if any(other != step for other in running):
            return NOTHING_LEFT
        try:
            change = self._trees.changes("")
            if change.files:
                self._trees.commit("", change, self._names(), at)
        except TreeTrouble as error:
            return Left("internal-error", str(error))
        self._loose.clear()
        return NOTHING_LEFT

    def _names(self) -> str:
        return ", ".join(self._plan.addresses[step] for step in self._loose)

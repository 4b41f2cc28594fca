"""Who waits for whom, asked backwards: the plan keeps what follows a step, not what comes before it. Pure."""

from __future__ import annotations

from orch.model.compiled import Compiled


class Before:
    """What each step, group and phase of a plan waits for, by index."""

    def __init__(self, plan: Compiled) -> None:
        self._needs: dict[int, list[int]] = {}
        for before, following in enumerate(plan.dependants):
            for after in following:
                self._needs.setdefault(after, []).append(before)
        self._phases: dict[int, list[int]] = {}
        for before, following in enumerate(plan.phase_dependants):
            for after in following:
                self._phases.setdefault(after, []).append(before)

    def needs(self, index: int) -> list[int]:
        """The steps and groups that it waits for; of a group its children, too."""
        return self._needs.get(index, [])

    def phases(self, phase: int) -> list[int]:
        """The phases that must have passed before."""
        return self._phases.get(phase, [])


def group_names(plan: Compiled) -> dict[int, str]:
    """The addresses of the matrix parents, which have no step."""
    return {index: address for address, index in plan.index_of.items() if plan.is_group(index)}

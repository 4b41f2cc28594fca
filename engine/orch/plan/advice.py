"""What a plan lacks although it can be run: commands that others need and that no node runs before them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from orch.model.plan import PlanDoc, StepDoc
from orch.problems.problem import Problem


def unmet_needs(doc: PlanDoc) -> list[Problem]:
    """A warning for each command of an adapter that needs another which has not run by then: once for each node."""
    found: dict[tuple[str, str], Problem] = {}
    before = _Before(doc)
    for step in doc["steps"]:
        adapter = step.get("adapter")
        if adapter is None:
            continue
        for need in adapter.get("needs", ()):
            wanted = (adapter["name"], need, step.get("cwd", "."))
            if any(_runs(one) == wanted for one in before.of(step)):
                continue
            node = step.get("group", step["address"])
            message = f"{node}: `{adapter['command']}` of {adapter['name']} needs `{need}`, and no node before runs it"
            cwd = f", cwd: {step['cwd']}" if "cwd" in step else ""
            hint = f"add {need}: {{ adapter: {adapter['name']}, command: {need}{cwd} }}, and `needs: [{need}]` here"
            found.setdefault((node, need), Problem("O408", message, hint=hint, severity="warning"))
    return list(found.values())


def _runs(step: StepDoc) -> tuple[str, str, str] | None:
    adapter = step.get("adapter")
    return None if adapter is None else (adapter["name"], adapter["command"], step.get("cwd", "."))


class _Before:
    """Which steps are over when another starts."""

    def __init__(self, doc: PlanDoc) -> None:
        self._by_name: dict[str, list[StepDoc]] = {}
        self._by_phase: dict[str, list[StepDoc]] = {}
        self._phase_needs = {phase["name"]: phase["needs"] for phase in doc["phases"]}
        for step in doc["steps"]:
            self._by_name.setdefault(step.get("group", step["address"]), []).append(step)
            self._by_phase.setdefault(_phase(step), []).append(step)

    def of(self, step: StepDoc) -> Iterable[StepDoc]:
        """The steps of its needs and of the phases before its own, transitively."""
        names = list(step.get("needs", ()))
        for name in names:
            for one in self._by_name.get(name, ()):
                yield one
                names += [need for need in one.get("needs", ()) if need not in names]
        phase = _phase(step)
        phases = list(self._phase_needs) if phase == "finally" else list(self._phase_needs.get(phase, ()))
        for name in phases:
            yield from self._by_phase.get(name, ())
            phases += [need for need in self._phase_needs[name] if need not in phases]


def _phase(step: StepDoc) -> str:
    return step["address"].partition(".")[0]

"""Does an adapter make of a repository that is written down what its case says? Pure, and nothing is run."""

from __future__ import annotations

from typing import Any

from orch.plan.adapter_view import step_of
from orch.plan.adapters import Unread, choices_of, sign_of
from orch.plan.conditions import Conditions
from orch.plan.difference import Difference
from orch.spec.adapter import Adapter, Case, CaseCommand
from orch.spec.repository import WrittenDown


def differences(adapter: Adapter, case: Case) -> list[Difference]:
    """All that differs: score, variables, commands. What the case does not state is not compared."""
    repository = WrittenDown(case.tree)
    compared: list[Difference] = []
    if case.score is not None:
        compared.append(Difference("score", case.score, sign_of(adapter, repository, case.cwd).score))
    values = choices_of(adapter, Conditions(repository, case.cwd))
    for name, value in case.variables.items():
        compared.append(Difference(f"variable {name}", value, values[name][0] if name in values else None))
    for name, expected in case.commands.items():
        try:
            compared += _of_command(name, expected, step_of(adapter, name, repository, case.cwd, case.args) or {})
        except Unread as why:
            compared.append(Difference(name, expected.skip or list(expected.argv or ()), str(why)))
    return [one for one in compared if one.expected != one.got]


def _of_command(name: str, expected: CaseCommand, step: dict[str, Any]) -> list[Difference]:
    compared = []
    argv, skip = step.get("run"), step.get("adapter", {}).get("skip")
    if expected.argv is not None:
        compared.append(Difference(f"{name}.argv", list(expected.argv), argv if argv is not None else _skips(skip)))
    if expected.skip is not None:
        compared.append(Difference(f"{name}.skip", expected.skip, skip if skip is not None else argv))
    if "env" in expected.model_fields_set:
        compared.append(Difference(f"{name}.env", expected.env, step.get("env", {})))
    return compared


def _skips(sentence: str | None) -> dict[str, str] | None:
    return None if sentence is None else {"skip": sentence}

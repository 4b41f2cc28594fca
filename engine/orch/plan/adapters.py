"""Adapter + repository → what a command of it is here: found signs, variables, argv. Pure but for the repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orch.plan.conditions import Conditions, words_of
from orch.spec.adapter import Adapter, Choice, Variant, When
from orch.spec.repository import Repository

NEAR = 0.6
"""A sign at least this strong, as a part of the strongest, leaves the choice to people."""
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_AT_RUN_TIME = {name: f"${{{{ adapter.{name} }}}}" for name in ("env", "files", "reports")}


class Unread(Exception):
    """A command has nothing to do as far as is known, and a file that would say more cannot be read."""


class Sign(NamedTuple):
    """The strongest sign of a stack: its score (0: none) and the sign in words."""

    adapter: str
    score: int
    words: str


class Detection(NamedTuple):
    """What `auto` found. `chosen` is None where nothing was found, or where `rivals` are too near to choose."""

    chosen: str | None
    because: str
    rivals: tuple[Sign, ...] = ()


def sign_of(adapter: Adapter, repository: Repository, cwd: str) -> Sign:
    """The strongest sign of an adapter's stack."""
    conditions = Conditions(repository, cwd)
    best = Sign(adapter.name, 0, "")
    for detect in adapter.detect:
        if detect.score > best.score and conditions.holds(detect, {}):
            best = Sign(adapter.name, detect.score, words_of(detect))
    return best


def detect(adapters: Iterable[Adapter], repository: Repository, cwd: str) -> Detection:
    """The stack of a repository, or why it is not certain."""
    signs = sorted((sign_of(one, repository, cwd) for one in adapters), key=lambda sign: (-sign.score, sign.adapter))
    found = [sign for sign in signs if sign.score]
    if not found:
        return Detection(None, "no sign of any stack")
    rivals = tuple(sign for sign in found if sign.score >= NEAR * found[0].score)
    words = " and ".join(f"{sign.adapter} ({sign.words}, {sign.score})" for sign in rivals)
    if len(rivals) > 1:
        return Detection(None, words, rivals)
    return Detection(found[0].adapter, f"{found[0].words}, {found[0].score}")


def choices_of(adapter: Adapter, conditions: Conditions) -> dict[str, tuple[str, Choice | None]]:
    """The values of all variables, in the order declared, each with the choice that gave it; empty where none fits."""
    values: dict[str, str] = {}
    found: dict[str, tuple[str, Choice | None]] = {}
    for name, choices in adapter.variables.items():
        choice = next((choice for choice in choices if conditions.holds(choice.when, values)), None)
        values[name] = filled(choice.value, values) if choice else ""
        found[name] = values[name], choice
    return found


def command_of(
    adapter: Adapter, name: str, repository: Repository, cwd: str, args: Sequence[str]
) -> dict[str, Any] | None:
    """The keys `run`, `env` and `adapter` of a step: an argv, or under `adapter` the reason to `skip` it. None where
    the adapter has no such command, or no variant of it fits here. Raises Unread: a broken file is no reason."""
    conditions = Conditions(repository, cwd)
    values = {known: value for known, (value, _) in choices_of(adapter, conditions).items()}
    variants = next((variants for known, variants in adapter.commands.items() if known == name), ())
    variant = next((one for one in variants if conditions.holds(one.when, values)), None)
    if variant is None:
        return None
    about: dict[str, Any] = {"name": adapter.name, "command": name}
    used = set().union(*(names_in(one.when) for one in variants if one.when), _holes(variant))
    shown = {name: value for name, value in values.items() if value and name in used}
    if shown:
        about["variables"] = shown
    if variant.skip is not None:
        for path, kind in conditions.broken.items():
            raise Unread(f"`{path}` cannot be read as {kind}")
        about["skip"] = filled(variant.skip, values)
        return {"adapter": about}
    about.update(_about(adapter, variant, values))
    doc: dict[str, Any] = {"run": _argv(variant.argv or (), values, args)}
    env = {key: filled(value, values) for key, value in {**adapter.env, **variant.env}.items()}
    if env:
        doc["env"] = env
    doc["adapter"] = about
    return doc


def _about(adapter: Adapter, variant: Variant, values: Mapping[str, str]) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if adapter.environment is not None:
        about["environment"] = adapter.environment.model_dump()
    tools = [filled(tool, values) for tool in variant.tools]
    if tools:
        about["tools"] = {tool: adapter.tools[tool].install for tool in tools if tool in adapter.tools}
    if variant.needs:
        about["needs"] = list(variant.needs)
    if variant.reports:
        about["reports"] = [
            {**report.model_dump(exclude_defaults=True), "path": _with_variables(report.path, values)}
            for report in variant.reports
        ]
    if variant.none is not None:
        about["none"] = variant.none.model_dump(exclude_none=True)
    if adapter.causes:
        about["causes"] = [cause.model_dump() for cause in adapter.causes]
    return about


def _argv(argv: Sequence[str], values: Mapping[str, str], args: Sequence[str]) -> list[str]:
    made: list[str] = []
    placed = False
    for item in argv:
        if item == "{args}":
            made += args
            placed = True
        elif text := filled(item, values):
            made.append(text)
    return made if placed else [*made, *args]


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of an adapter with its variables; places that only a run knows become expressions."""
    return PLACE.sub(lambda hole: values.get(hole[1], _AT_RUN_TIME.get(hole[1], hole[0])), text)


def _with_variables(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables, and the places as they are written."""
    return PLACE.sub(lambda hole: values.get(hole[1], hole[0]), text)


def _holes(variant: Variant) -> set[str]:
    """The variables that stand in the texts of a variant."""
    texts = [*(variant.argv or ()), *variant.tools, *variant.env.values(), variant.skip or ""]
    texts += [report.path for report in variant.reports]
    return {hole[1] for text in texts for hole in PLACE.finditer(text)}


def as_written(text: str) -> str:
    """A text of a step with `{env}` where `filled` has put an expression: as people wrote it."""
    for name, expression in _AT_RUN_TIME.items():
        text = text.replace(expression, f"{{{name}}}")
    return text


def names_in(when: When) -> set[str]:
    """The variables that a condition asks for."""
    inner = [*(when.any or ()), *(when.none or ())]
    own = {when.variable} if when.variable is not None else set()
    return own.union(*(names_in(one) for one in inner))

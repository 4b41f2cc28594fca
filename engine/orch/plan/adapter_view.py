"""All that an adapter makes of a repository, for people who look: signs, variables, commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orch.plan.adapters import Unread, as_written, choices_of, command_of
from orch.plan.conditions import Conditions, words_of
from orch.spec.adapter import Adapter
from orch.spec.repository import Repository


class SeenSign(NamedTuple):
    """A sign of the stack, in words, and whether it is there."""

    score: int
    words: str
    found: bool


class SeenVariable(NamedTuple):
    """A variable's value, and the condition that gave it: empty for a choice without one, None where no choice fits."""

    name: str
    value: str
    because: str | None


class SeenCommand(NamedTuple):
    """What a command becomes: `step` holds `run`, `env` and `adapter` of its step; None where `why` says why not."""

    name: str
    step: Mapping[str, Any] | None
    why: str = ""


class View(NamedTuple):
    """An adapter in a repository, with places as the adapter writes them: `{env}`."""

    adapter: Adapter
    cwd: str
    signs: tuple[SeenSign, ...]
    variables: tuple[SeenVariable, ...]
    commands: tuple[SeenCommand, ...]


def view_of(adapter: Adapter, repository: Repository, cwd: str) -> View:
    """Everything at once: what planning would ask for one by one."""
    conditions = Conditions(repository, cwd)
    signs = [SeenSign(one.score, words_of(one), conditions.holds(one, {})) for one in adapter.detect]
    variables = [
        SeenVariable(name, value, None if choice is None else words_of(choice.when) if choice.when else "")
        for name, (value, choice) in choices_of(adapter, conditions).items()
    ]
    commands = [_seen(adapter, name, repository, cwd) for name in adapter.commands]
    return View(adapter, cwd, tuple(signs), tuple(variables), tuple(commands))


def _seen(adapter: Adapter, name: str, repository: Repository, cwd: str) -> SeenCommand:
    try:
        step = step_of(adapter, name, repository, cwd)
    except Unread as why:
        return SeenCommand(name, None, str(why))
    return SeenCommand(name, step, "" if step else "no variant fits here")


def step_of(
    adapter: Adapter, command: str, repository: Repository, cwd: str, args: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """What `command_of` makes, with places as the adapter writes them. Raises Unread."""
    made = command_of(adapter, command, repository, cwd, args)
    return None if made is None else {key: _written(value) for key, value in made.items()}


def _written(value: Any) -> Any:
    match value:
        case str():
            return as_written(value)
        case dict():
            return {key: _written(each) for key, each in value.items()}
        case list():
            return [_written(each) for each in value]
    return value

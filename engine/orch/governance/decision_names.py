"""Where a decision lies: one file for each gate, role and person, and the gate of a child for each of its inputs."""

from __future__ import annotations

import re
from typing import NamedTuple

TASKS = "tasks"
ID = re.compile(r"[a-z][a-z0-9_]{0,47}")
HANDLE = re.compile(r"[a-z0-9][a-z0-9_-]{0,38}")
TASK = re.compile(r"-|[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME = re.compile(rf"{ID.pattern}\.{ID.pattern}\.{ID.pattern}\.{HANDLE.pattern}(?:\.([0-9a-f]{{12}}))?\.yaml")


class About(NamedTuple):
    """Which gate is decided about. `inputs` is `sha256:…` of those that its child pipeline was opened with, and empty
    for any other: children of one name with other inputs are decided about apart."""

    task: str
    pipeline: str
    gate: str
    inputs: str = ""


def folder_of(task: str) -> str:
    """The folder of a task's decisions, relative to the project."""
    return f"{TASKS}/{task}/decisions"


def path_of(about: About, role: str, by: str) -> str:
    """Where this person's decision must lie, relative to the project. None of the parts can hold a `/` or a `.`."""
    inputs = f".{digits_of(about.inputs)}" if about.inputs else ""
    return f"{folder_of(about.task)}/{about.pipeline}.{about.gate}.{role}.{by}{inputs}.yaml"


def digits_of(inputs: str) -> str:
    """What a name has of the inputs' `sha256:…`."""
    return inputs.removeprefix("sha256:")[:12]


def is_decision_path(path: str) -> bool:
    """Whether a decision can have this path, whatever the file there says."""
    folder, _, name = path.rpartition("/")
    task = folder.removeprefix(f"{TASKS}/").removesuffix("/decisions")
    return bool(TASK.fullmatch(task) and folder == folder_of(task) and shape_of(name))


def shape_of(name: str) -> re.Match[str] | None:
    """Whether a decision's file can have this name; its one group holds the digits of inputs, or None."""
    return _NAME.fullmatch(name)

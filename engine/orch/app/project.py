"""The project's file as it is today."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from orch.app.root import PROJECT_FILE

if TYPE_CHECKING:
    from orch.spec.project import Project


class ProjectFile(NamedTuple):
    """orch.yaml: its bytes (empty where there is none) and what it says."""

    data: bytes
    project: Project


def read_bytes(root: str) -> bytes:
    """The bytes of orch.yaml; empty where there is none."""
    try:
        with open(os.path.join(root, PROJECT_FILE), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def load(root: str) -> ProjectFile:
    """Read orch.yaml. Raises OrchError with its problems."""
    from orch.source.read import parse
    from orch.spec.load import load_project
    from orch.spec.project import Project

    data = read_bytes(root)
    return ProjectFile(data, load_project(parse(data, PROJECT_FILE)) if data else Project())

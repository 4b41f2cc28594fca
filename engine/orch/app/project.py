"""The project's file as it is today."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from orch.app.root import PROJECT_FILE

if TYPE_CHECKING:
    from orch.spec.project import Project


BEGIN = "begin with `apiVersion: orch/v1` and `kind: Project`, or remove the file"


class ProjectFile(NamedTuple):
    """orch.yaml: its bytes (none where it is not there) and what it says."""

    data: bytes
    project: Project


def read_bytes(root: str) -> bytes:
    """The bytes of orch.yaml; empty where there is none."""
    try:
        with open(os.path.join(root, PROJECT_FILE), "rb") as file:
            return file.read() or b"\n"  # one that holds nothing is not the same as none
    except FileNotFoundError:
        return b""


def load(root: str) -> ProjectFile:
    """Read orch.yaml. Raises OrchError with its problems."""
    from orch.source.read import parse
    from orch.spec.load import load_project
    from orch.spec.project import Project

    data = read_bytes(root)
    return ProjectFile(data, load_project(parse(data, PROJECT_FILE, begin=BEGIN)) if data else Project())

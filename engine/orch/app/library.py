"""The library of this project, and where the files of its resources lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orch.app.bundled import bundled
from orch.app.project import ProjectFile
from orch.app.root import PROJECT_FILE
from orch.model.plan import SHIPPED

if TYPE_CHECKING:
    from orch.plan.adapter_nodes import Stacks
    from orch.spec.library import Library
    from orch.spec.pipeline import Pipeline


def library_of(root: str, file: ProjectFile) -> Library:
    """The library. Raises OrchError where a folder replaces what ships with orch without being named."""
    from orch.source.read import parse
    from orch.spec.library import Library, Overrides

    overrides = Overrides(file.project.overrides, lambda route: parse(file.data, PROJECT_FILE).span(route))
    return Library(root, file.project.library, bundled(), overrides, SHIPPED)


def stacks_for(root: str, pipelines: Sequence[Pipeline], file: ProjectFile) -> Stacks | None:
    """What pipelines with adapters are planned with; None where none has any."""
    from orch.spec.node import setup_of

    works = [work for pipeline in pipelines for _, work in pipeline.works()]
    if not any(work.adapter or setup_of(work) for work in works):
        return None
    from orch.app.checkout import Checkout
    from orch.plan.adapter_nodes import Stacks

    return Stacks(library_of(root, file), Checkout(root))


def resource_file(root: str, path: str) -> str:
    """The file of a resource, by its path in a plan."""
    if path.startswith(SHIPPED):
        return bundled(path.removeprefix(SHIPPED))
    return os.path.join(root, path)

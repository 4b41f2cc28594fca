"""A pipeline with all the pipelines that it opens: their files are read, each once, and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from orch.source.document import Document
from orch.source.read import parse
from orch.spec.checks.caches import check_family
from orch.spec.children import Child, Family
from orch.spec.load import load_goals, load_pipeline
from orch.spec.pipeline import Pipeline

if TYPE_CHECKING:
    from orch.spec.goals_pipeline import GoalsDocument


class Loaded(NamedTuple):
    """A pipeline and its document; `children` by what its nodes say, `opened` every one below it by its path."""

    pipeline: Pipeline
    document: Document
    children: Mapping[str, Child]
    opened: Mapping[str, Child]

    @property
    def every(self) -> list[tuple[Pipeline, Document]]:
        """All of them, with their documents."""
        return [(self.pipeline, self.document), *((child.pipeline, child.document) for child in self.opened.values())]


def load_family(root: str, document: Document, max_bytes: int) -> Loaded:
    """Load the pipeline in a document, or the one that a document of goals is short for, and what it opens. Raises
    OrchError with the problems of the first stage that has some; those of a child have places in its own file."""
    family = Family(partial(_read, root), partial(parse, max_bytes=max_bytes))
    if document.data.get("kind") == "Goals":
        return _load_goals(load_goals(document), family)
    return _checked(Loaded(load_pipeline(document, family), document, family.children, family.known))


def _load_goals(document: GoalsDocument, family: Family) -> Loaded:
    from orch.plan.goals import check_inputs

    pipeline = load_pipeline(document, family)
    check_inputs(pipeline, family.children, document)
    return _checked(Loaded(pipeline, document, family.children, family.known))


def _checked(loaded: Loaded) -> Loaded:
    if loaded.opened:
        check_family(loaded.every)
    return loaded


def _read(root: str, path: str) -> bytes:
    with open(os.path.join(root, path), "rb") as file:
        return file.read()

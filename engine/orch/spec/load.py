"""A document → a pipeline, a project, an adapter that is right in itself, or the problems of its first bad stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from orch.problems.problem import OrchError, Problem
from orch.source.document import Document
from orch.source.events import collector_off
from orch.spec.expressions.wording import nearest
from orch.spec.not_yet import KINDS

if TYPE_CHECKING:
    from orch.spec.adapter import Adapter, Case
    from orch.spec.case import PipelineCase
    from orch.spec.children import Family
    from orch.spec.goals_pipeline import GoalsDocument
    from orch.spec.pipeline import Pipeline
    from orch.spec.project import Project
    from orch.spec.shapes import Shape
    from orch.spec.stubs import Stubs

S = TypeVar("S", bound="Shape")


def load_pipeline(document: Document, family: Family | None = None) -> Pipeline:
    """The pipeline in a document: its shape, then the pipelines that it opens, which `family` reads, then all its names
    and references. Raises OrchError."""
    header(document, "Pipeline", required=True)
    from orch.spec.pipeline import Pipeline

    data = {key: value for key, value in document.data.items() if not key.startswith("x-")}
    pipeline = _shaped(Pipeline, "PIPELINE", data, document)
    from orch.spec.check import check_pipeline

    children = family.of(pipeline, document) if family is not None else None
    with collector_off():
        check_pipeline(pipeline, document, children, family.workspace if family is not None else "")
    return pipeline


def load_goals(document: Document) -> GoalsDocument:
    """The pipeline that a document of goals is short for. Raises OrchError."""
    header(document, "Goals", required=True)
    from orch.spec.goals import Goals
    from orch.spec.goals_pipeline import check_goals, goals_document

    goals = _shaped(Goals, "GOALS", document.data, document)
    check_goals(goals, document)
    return goals_document(goals, document)


def load_project(document: Document) -> Project:
    """The project in a document: its shape, then its people and roles. Raises OrchError."""
    header(document, "Project", required=False)
    from orch.spec.checks.projects import check_project
    from orch.spec.project import Project

    project = _shaped(Project, "PROJECT", document.data, document)
    check_project(project, document)
    return project


def load_adapter(document: Document) -> Adapter:
    """The adapter in a document: its shape, then its texts and patterns. Raises OrchError."""
    header(document, "Adapter", required=True)
    from orch.spec.adapter import Adapter
    from orch.spec.checks.adapters import check_adapter

    adapter = _shaped(Adapter, "ADAPTER", document.data, document)
    check_adapter(adapter, document)
    return adapter


def load_case(document: Document) -> Case:
    """A case of an adapter: its shape, then its paths. Raises OrchError."""
    from orch.spec.adapter import Case
    from orch.spec.checks.adapters import check_case

    case = _shaped(Case, "CASE", document.data, document)
    check_case(case, document)
    return case


def load_stubs(document: Document) -> Stubs:
    """What a file says that steps give: its shape. Raises OrchError."""
    from orch.spec.stubs import Stubs

    return _shaped(Stubs, "STUBS", document.data, document)


def load_test(document: Document) -> PipelineCase:
    """A case of a pipeline: its shape. Raises OrchError."""
    from orch.spec.case import PipelineCase

    return _shaped(PipelineCase, "TEST", document.data, document)


def _shaped(model: type[S], table: str, data: Any, document: Document) -> S:
    """The data as a model; `table` is the name in `places` of what its mappings are called. Raises OrchError."""
    from pydantic import ValidationError

    try:
        with collector_off():
            return model.model_validate(data)
    except ValidationError as error:
        from orch.spec import mistakes, places

        mistakes.report_mistakes(error, document, getattr(places, table))
        raise


def header(document: Document, kind: str, *, required: bool) -> None:
    """Is this a document of that kind at all? Nothing else is looked at where it is not: it would all seem wrong."""
    problems = []
    for key, wanted in (("apiVersion", "orch/v1"), ("kind", kind)):
        if key not in document.data:
            if required:
                problems.append(
                    Problem("O102", f"`{key}` is missing", document.span(()), f"begin with `{key}: {wanted}`")
                )
        elif document.data[key] != wanted:
            problems.append(_other(document, key, document.data[key], wanted))
    if problems:
        raise OrchError(problems)


def _other(document: Document, key: str, found: Any, wanted: str) -> Problem:
    at = document.span((key,))
    if key == "kind" and found in KINDS:
        return Problem("O110", f"documents of kind {found} are not part of this version yet", at)
    shown = found if isinstance(found, str) and len(found) < 48 else "this"
    if key == "kind" and found in ("Pipeline", "Project", "Adapter", "Goals"):
        hint = "a project is written in orch.yaml, a pipeline in a file of its own, an adapter in its adapter.yaml"
    else:
        near = nearest(shown, (wanted,))
        hint = f"did you mean `{wanted}`?" if near else f"write `{key}: {wanted}`"
    return Problem("O108", f"`{key}` is `{shown}`, and must be `{wanted}`", at, hint)

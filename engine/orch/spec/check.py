"""Is everything that a pipeline names there, and certainly known by then? All problems of that kind at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orch.source.document import Document
from orch.spec.checks.children import check_children
from orch.spec.checks.gates import check_gates
from orch.spec.checks.inputs import check_inputs
from orch.spec.checks.loops import check_loops
from orch.spec.checks.matrices import check_matrices
from orch.spec.checks.names import check_names
from orch.spec.checks.needs import check_node_needs, check_phase_needs
from orch.spec.checks.nodes import check_nodes
from orch.spec.checks.secrets import check_secrets
from orch.spec.checks.sites import check_pipeline_texts
from orch.spec.checks.writers import check_writers
from orch.spec.graph import Graph
from orch.spec.pipeline import Pipeline
from orch.spec.report import Report

if TYPE_CHECKING:
    from orch.spec.children import Child


def check_pipeline(
    pipeline: Pipeline, document: Document, children: Mapping[str, Child] | None = None, workspace: str = ""
) -> None:
    """Raise OrchError with every problem of a pipeline whose shape is right. `workspace` is that of the run, where the
    pipeline is a child."""
    report = Report(document)
    graph = Graph(pipeline, children, workspace)
    check_names(pipeline, report)
    check_phase_needs(graph, report)
    check_node_needs(graph, report)
    check_inputs(pipeline, report)
    check_secrets(pipeline, report)
    check_matrices(graph, report)
    check_nodes(graph, report)
    check_loops(graph, report)
    check_children(graph, report)
    check_gates(graph, report)
    check_writers(graph, report)
    check_pipeline_texts(graph, report)
    report.close()

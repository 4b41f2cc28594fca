"""The texts of the pipeline itself: its task, its defaults, its outputs."""

from __future__ import annotations

import re

from orch.spec.checks import shapes, views
from orch.spec.checks.nodes import check_env
from orch.spec.checks.paths import check_path
from orch.spec.checks.texts import View, check_template
from orch.spec.graph import Graph
from orch.spec.report import Report

_TASK = re.compile(r"-|[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_pipeline_texts(graph: Graph, report: Report) -> None:
    """Report what is wrong with the texts that belong to no phase."""
    pipeline = graph.pipeline
    if "${{" in pipeline.task:
        inputs = View({"inputs": shapes.of_inputs(pipeline.inputs)})
        check_template(graph, report, inputs, ("task",), pipeline.task)
    elif not _TASK.fullmatch(pipeline.task):
        hint = "a task is `-`, or up to 64 letters, digits, `_` and `-`"
        report.add("O106", f"`{pipeline.task[:48]}` cannot be a task", ("task",), hint)
    if pipeline.budget is not None and not pipeline.budget.model_fields_set:
        report.add("O104", "`budget` is empty", ("budget",), "write `budget: { wall: 3h }`, or leave it out", key=True)
    if pipeline.budget is not None and pipeline.budget.wall == 0:
        report.add("O104", "`wall` is 0: nothing could run", ("budget", "wall"), "write `wall: 3h`")
    if pipeline.concurrency is not None:
        check_template(graph, report, views.planning(graph), ("concurrency", "group"), pipeline.concurrency.group)
    defaults = pipeline.defaults
    if defaults.env or defaults.cwd:
        view = View(
            {**views.planning(graph).roots, "run": shapes.RUN}, hint=lambda node: "`defaults` hold for all nodes"
        )
        check_env(graph, report, view, ("defaults", "env"), defaults.env)
        if defaults.cwd is not None:
            check_template(graph, report, view, ("defaults", "cwd"), defaults.cwd)
            check_path(report, ("defaults", "cwd"), defaults.cwd, "a working directory")
    if pipeline.outputs:
        closing = views.closing(graph)
        for name, text in pipeline.outputs.items():
            check_template(graph, report, closing, ("outputs", name), text)

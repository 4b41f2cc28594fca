"""Each name means one thing: nodes, gates and `finally` nodes share the names of a file."""

from __future__ import annotations

from orch.source.document import Route
from orch.spec.pipeline import Pipeline
from orch.spec.report import Report


def check_names(pipeline: Pipeline, report: Report) -> None:
    """Report each name that stands for a second node or gate."""
    phases = pipeline.phases
    if "finally" in phases:
        hint = "`finally` is where the nodes that run last are addressed: give the phase another name"
        report.add("O206", "a phase cannot be called `finally`", ("phases", "finally"), hint, key=True)
    total = sum(len(phase.nodes) + len(phase.gates) for phase in phases.values()) + len(pipeline.finally_)
    names = {name for phase in phases.values() for name in (*phase.nodes, *phase.gates)} | pipeline.finally_.keys()
    if len(names) < total:
        _report(pipeline, report)


def _report(pipeline: Pipeline, report: Report) -> None:
    places: list[tuple[str, Route]] = []
    for phase_name, phase in pipeline.phases.items():
        places += [(name, ("phases", phase_name, "gates", name)) for name in phase.gates]
        places += [(name, ("phases", phase_name, "nodes", name)) for name in phase.nodes]
    places += [(name, ("finally", name)) for name in pipeline.finally_]
    spans = sorted(
        ((report.document.span(route, key=True), name, route) for name, route in places),
        key=lambda item: (item[0].line, item[0].column),
    )
    first: dict[str, int] = {}
    for span, name, route in spans:
        if name in first:
            hint = "nodes, gates and `finally` nodes of a file share one set of names: rename one"
            label = f"first on line {first[name]}"
            report.add("O206", f"a second `{name}`", route, hint, key=True, label=label)
        first.setdefault(name, span.line)

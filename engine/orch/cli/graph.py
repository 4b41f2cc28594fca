"""orch graph"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import format_options, planning, verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("graph")
@click.argument("pipeline", required=False, shell_complete=files)
@planning
@format_options("tree", "mermaid", "dot", "svg", "json")
def command(
    session: Session,
    pipeline: str | None,
    inputs: tuple[str, ...],
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    task: str | None,
    fail_fast: bool,
    form: str,
) -> int:
    """Draw what depends on what, and name the longest chain."""
    from orch.app.planning import PlanRequest, make_plan
    from orch.graph import graph_of
    from orch.render.graph_text import dot, graph_json, mermaid, tree
    from orch.render.svg import svg

    plan = make_plan(session.context, PlanRequest(pipeline, inputs, select, jobs, task, fail_fast, exclude)).compiled
    graph = graph_of(plan)
    if form == "svg":
        put(svg(graph, f"Pipeline {plan.head['pipeline']['name']}"))
    elif form == "json":
        put(graph_json(plan, graph))
    elif form == "tree":
        put(tree(plan, graph, session.out))
    else:
        put((mermaid if form == "mermaid" else dot)(plan, graph))
    return Exit.OK

"""The plan of a file of goals."""

from __future__ import annotations

import os

from orch.app.context import Context
from orch.app.planning import Planned, PlanRequest, make_plan
from orch.app.root import find_root, shown
from orch.problems.problem import Exit, OrchError, Problem


def plan_goals(context: Context, request: PlanRequest) -> Planned:
    """The plan of a file of goals. Raises OrchError, also for a file that is something else."""
    from orch.source.read import parse

    path = os.path.join(context.cwd, str(request.pipeline))
    try:
        with open(path, "rb") as file:
            document = parse(file.read(), shown(find_root(context.cwd), context.cwd, path))
    except OSError as error:
        named = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        hint = "name a file with `kind: Goals`: orch goals FILE"
        problem = Problem("O287", f"{request.pipeline} cannot be read: {error.strerror}", hint=hint)
        raise OrchError(problem, Exit.USAGE if named else Exit.IO) from error
    kind = document.data.get("kind")
    if kind in ("Pipeline", None):
        hint = f"run it: orch apply {request.pipeline}; or write `kind: Goals`"
        message = f"{request.pipeline} holds no goals" + (": it is a pipeline" if kind else "")
        raise OrchError(Problem("O108", message, document.span(("kind",)), hint), Exit.INVALID)
    return make_plan(context, request)

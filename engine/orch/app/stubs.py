"""Files of stubs: read and held against a plan, or written anew for one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orch.app.context import Context
from orch.app.planning import Planned
from orch.app.root import shown
from orch.problems.problem import Exit, OrchError, Problem

if TYPE_CHECKING:
    from orch.model.stubs import Stubs


def read_stubs(context: Context, planned: Planned, path: str) -> Stubs:
    """The stubs of a file. Raises OrchError with all that is not as the plan could see it."""
    from orch.plan.stubs import held_against
    from orch.source.read import parse
    from orch.spec.load import load_stubs
    from orch.spec.report import Report

    display = shown(planned.root, context.cwd, path)
    try:
        with open(os.path.join(context.cwd, path), "rb") as file:
            data = file.read()
    except OSError as error:
        hint = f"write one: orch plan {planned.compiled.head['pipeline']['path']} --dry-run --stubs-init {path}"
        raise OrchError(
            Problem("O287", f"{display} cannot be read: {error.strerror}", hint=hint), Exit.USAGE
        ) from error
    document = parse(data, display, begin="begin with `nodes:` or `gates:`, or write one with `--stubs-init`")
    stubs = load_stubs(document)
    report = Report(document)
    found = held_against(planned.compiled, stubs, report)
    report.close()
    return found


def write_stubs(context: Context, planned: Planned, path: str) -> int:
    """Write a file with a stub for each node that others read, and for each gate; how many there are. Raises OrchError
    where the file is there already."""
    from orch.plan.placeholders import placeholders
    from orch.render.stubs_yaml import stubs_yaml

    found = placeholders(planned.compiled)
    try:
        with open(os.path.join(context.cwd, path), "x", encoding="utf-8") as file:
            file.write(stubs_yaml(found, planned.compiled.head["pipeline"]["path"]))
    except FileExistsError as error:
        hint = "name another file; or use it: --stubs instead of --stubs-init"
        raise OrchError(Problem("O293", f"{path} is there already", hint=hint), Exit.USAGE) from error
    return len(found.nodes) + len(found.gates)

"""Every error code with its page: what it means, why it is refused, what to write instead."""

from __future__ import annotations

from orch.problems import (
    codes_adapters,
    codes_expressions,
    codes_gates,
    codes_graph,
    codes_planning,
    codes_policy,
    codes_runs,
    codes_shape,
    codes_stubs,
    codes_workspaces,
    codes_yaml,
)
from orch.problems.code import Code

CODES: dict[str, Code] = {
    **codes_yaml.CODES,
    **codes_shape.CODES,
    **codes_graph.CODES,
    **codes_expressions.CODES,
    **codes_planning.CODES,
    **codes_stubs.CODES,
    **codes_gates.CODES,
    **codes_adapters.CODES,
    **codes_policy.CODES,
    **codes_runs.CODES,
    **codes_workspaces.CODES,
}

"""What a step does, with the values that are known when the plan is made in the places where its text reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from orch.model.compiled import Action, Compiled
from orch.model.plan import StepDoc
from orch.render.plan_text import reads_values
from orch.run.attempts import text_of
from orch.spec.expressions.evaluate import EvaluationError
from orch.spec.expressions.tree import Tree, references
from orch.spec.expressions.unparse import unparse


class _Scope(NamedTuple):
    values: Mapping[str, Any]

    def get(self) -> dict[str, Any]:
        return dict(self.values)


def known(plan: Compiled, step: int) -> StepDoc:
    """The step as the plan has it, its command as it will be started as far as that is known: what only the run knows
    stands as it was written."""
    action = plan.action(step)
    if action.body is None:
        return _filled(action, plan, step)
    if action.body["kind"] != "matrix":
        return action.step
    child = _filled(plan.action_table[action.body["child"]], plan, step)
    return cast(StepDoc, {**action.step, "expand": {**action.step["expand"], "child": child}})


def known_body(plan: Compiled, step: int) -> list[tuple[str, StepDoc]] | None:
    """The nodes of a loop, by their ids; of a matrix that goes round, those of each child. None for others."""
    body = plan.body(step)
    if body is not None and body["kind"] == "matrix":
        body = plan.action_table[body["child"]].body
    if body is None or body["kind"] != "loop":
        return None
    actions = (plan.action_table[number] for number in body["actions"])
    return [(name, _filled(action, plan, step)) for name, action in zip(body["ids"], actions, strict=True)]


def _filled(action: Action, plan: Compiled, step: int) -> StepDoc:
    run = action.step.get("run")
    if not isinstance(run, list) or not reads_values(action):
        return action.step
    values: dict[str, Any] = {"inputs": plan.spaces[plan.space_of(step)].inputs, "task": plan.task}
    if step in plan.matrix:
        values["matrix"] = plan.matrix[step]
    words = [_word(item, str(word), _Scope(values)) for item, word in zip(action.argv, run, strict=True)]
    return cast(StepDoc, {**action.step, "run": words})


def _word(item: Any, written: str, scope: _Scope) -> str:
    if not isinstance(item, list):
        return written
    pieces = item[1] if item[0] == "text" else [item]
    if not any(_is_known(piece, scope) for piece in pieces if isinstance(piece, list)):
        return written
    return "".join(_piece(piece, scope) if isinstance(piece, list) else piece for piece in pieces)


def _piece(tree: Tree, scope: _Scope) -> str:
    try:
        return text_of(tree, scope) if _is_known(tree, scope) else f"${{{{ {unparse(tree)} }}}}"
    except EvaluationError:  # the step will fail with that, and says so then
        return f"${{{{ {unparse(tree)} }}}}"


def _is_known(tree: Tree, scope: _Scope) -> bool:
    return all(read.root in scope.values for read in references(tree))

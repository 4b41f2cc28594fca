"""Which mapping of a document is which: its model, its name in messages, by its route."""

from __future__ import annotations

from typing import NamedTuple

from orch.spec.adapter import (
    Adapter,
    Case,
    CaseCommand,
    Cause,
    Choice,
    Detect,
    Environment,
    NoTests,
    ReportFile,
    Tool,
    Variant,
    When,
)
from orch.spec.case import Decided, Ending, Expected, PipelineCase
from orch.spec.gate import Approval, Check, Freshness, Gate
from orch.spec.goals import Each, Goals, Limits
from orch.spec.node import BodyNode, Cache, FinallyNode, Loop, Node, Once, OwnTree, Retry
from orch.spec.pipeline import Budget, Concurrency, Defaults, Input, Phase, Pipeline
from orch.spec.project import Env, Person, Policy, Project
from orch.spec.shapes import Shape
from orch.spec.stubs import NodeStub, Stubs


class Place(NamedTuple):
    """A kind of mapping. `table` is its name in the tables of `not_yet`."""

    table: str
    words: str
    model: type[Shape]


_NODE = {
    ("retry",): Place("retry", "`retry`", Retry),
    ("effect",): Place("once", "`effect`", Once),
    ("workspace",): Place("own_tree", "`workspace`", OwnTree),
}
_LOOP = ("phases", "*", "nodes", "*", "loop")
_GATE = {
    ("approval",): Place("approval", "`approval`", Approval),
    ("freshness",): Place("freshness", "`freshness`", Freshness),
    ("check",): Place("check", "`check`", Check),
}
PIPELINE: dict[tuple[str, ...], Place] = {
    (): Place("pipeline", "a pipeline", Pipeline),
    ("inputs", "*"): Place("input", "an input", Input),
    ("budget",): Place("budget", "`budget`", Budget),
    ("concurrency",): Place("concurrency", "`concurrency`", Concurrency),
    ("defaults",): Place("defaults", "`defaults`", Defaults),
    ("defaults", "retry"): _NODE[("retry",)],
    ("phases", "*"): Place("phase", "a phase", Phase),
    ("phases", "*", "gates", "*"): Place("gate", "a gate", Gate),
    **{("phases", "*", "gates", "*", *tail): place for tail, place in _GATE.items()},
    ("phases", "*", "nodes", "*"): Place("node", "a node", Node),
    **{("phases", "*", "nodes", "*", *tail): place for tail, place in _NODE.items()},
    ("phases", "*", "nodes", "*", "cache"): Place("cache", "`cache`", Cache),
    (*_LOOP,): Place("loop", "`loop`", Loop),
    (*_LOOP, "nodes", "*"): Place("body", "a node of a loop", BodyNode),
    (*_LOOP, "nodes", "*", "cache"): Place("cache", "`cache`", Cache),
    **{(*_LOOP, "nodes", "*", *tail): place for tail, place in _NODE.items()},
    ("finally", "*"): Place("finally", "a `finally` node", FinallyNode),
    **{("finally", "*", *tail): place for tail, place in _NODE.items()},
}
PROJECT: dict[tuple[str, ...], Place] = {
    (): Place("project", "a project", Project),
    ("people", "*"): Place("person", "a person", Person),
    ("policy",): Place("policy", "`policy`", Policy),
    ("env",): Place("env", "`env`", Env),
}


def _conditions(route: tuple[str, ...], depth: int = 3) -> dict[tuple[str, ...], Place]:
    """The conditions within one. Deeper ones than these are refused as well, in fewer words."""
    if depth == 0:
        return {}
    inner = [(*route, key, "#") for key in ("any", "none")]
    when = Place("when", "a condition", When)
    return dict.fromkeys(inner, when) | _conditions(inner[0], depth - 1) | _conditions(inner[1], depth - 1)


_WHEN = {("when",): Place("when", "a condition", When), **_conditions(("when",))}
_VARIANT = {
    (): Place("command", "a command", Variant),
    ("none",): Place("none", "`none`", NoTests),
    ("reports", "#"): Place("report", "a report", ReportFile),
    **_WHEN,
}
ADAPTER: dict[tuple[str, ...], Place] = {
    (): Place("adapter", "an adapter", Adapter),
    ("detect", "#"): Place("detect", "a sign", Detect),
    **_conditions(("detect", "#")),
    ("variables", "*", "#"): Place("choice", "a choice", Choice),
    **{("variables", "*", "#", *tail): place for tail, place in _WHEN.items()},
    ("tools", "*"): Place("tool", "a tool", Tool),
    ("environment",): Place("environment", "`environment`", Environment),
    ("causes", "#"): Place("cause", "a cause", Cause),
    **{("commands", "*", *tail): place for tail, place in _VARIANT.items()},
    **{("commands", "*", "#", *tail): place for tail, place in _VARIANT.items()},
}
CASE: dict[tuple[str, ...], Place] = {
    (): Place("case", "a case", Case),
    ("commands", "*"): Place("case_command", "a command of a case", CaseCommand),
}
GOALS: dict[tuple[str, ...], Place] = {
    (): Place("goals", "a file of goals", Goals),
    ("run",): Place("each", "`run`", Each),
    ("limits",): Place("limits", "`limits`", Limits),
    ("limits", "budget"): Place("budget", "`budget`", Budget),
}
_STUB = Place("stub", "a stub", NodeStub)
STUBS: dict[tuple[str, ...], Place] = {
    (): Place("stubs", "a file of stubs", Stubs),
    ("nodes", "*"): _STUB,
    ("nodes", "*", "#"): _STUB,
}
TEST: dict[tuple[str, ...], Place] = {
    (): Place("test", "a case", PipelineCase),
    **{("stubs", *tail): place for tail, place in STUBS.items()},
    ("stubs",): Place("stubs", "`stubs`", Stubs),
    ("decisions", "#"): Place("decided", "a decision", Decided),
    ("expect",): Place("expected", "`expect`", Expected),
    ("expect", "nodes", "*"): Place("ending", "the end of a node", Ending),
}


def keys(place: Place) -> list[str]:
    """The keys that this mapping has, in the order in which they are documented."""
    return [field.alias or name for name, field in place.model.model_fields.items()]


def place_of(route: tuple[str | int, ...], places: dict[tuple[str, ...], Place]) -> Place | None:
    """The kind of the mapping at a route; None where it is a mapping from names, or none at all."""
    for pattern, place in places.items():
        if len(pattern) == len(route) and all(map(_is_meant, pattern, route)):
            return place
    return None


def _is_meant(step: str, part: str | int) -> bool:
    return step == ("#" if isinstance(part, int) else "*") or step == part

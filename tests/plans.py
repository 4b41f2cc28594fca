"""Plans for tests from a terse description: phases, gates and nodes as dicts, compiled by the code that users run."""

from __future__ import annotations

from typing import Any

from orch.model.compiled import Compiled
from orch.model.plan import PlanDoc, seal
from orch.plan.compile import compile_plan

RETRY = {
    "limit": 1,
    "delay_seconds": 0.0,
    "backoff": 2.0,
    "max_delay_seconds": 300.0,
    "jitter": 0.0,
    "on": ["command-failed", "timed-out"],
}


def plan_doc(phases: dict[str, Any], final: dict[str, Any] | None = None, **head: Any) -> PlanDoc:
    """`phases` is `{name: {needs, gates: {id: kind | {...}}, nodes: {id: {...}}}}`. A node takes the keys of a step,
    with needs by id, `matrix` as a list of keys, `retry` as what differs from RETRY; a gate is its kind, or
    `{"check": expression}`, or `{"kind": …, "if": …, "selected": …}`. `final` holds the `finally` nodes.
    A node may have `loop` (with its nodes as a mapping), `expand` (likewise its child), or `pipeline`: `{phases, final,
    inputs, outputs}`, of a child pipeline, for each key where it has a `matrix`."""
    made = _Maker()
    made.phases(phases, "")
    steps, groups, rows = made.steps, made.groups, made.rows
    for node, spec in (final or {}).items():
        retry = {"retry": {**RETRY, **spec["retry"]}} if "retry" in spec else {}
        steps.append({"address": f"finally.{node}", "run": "true", **spec, **retry})
    return {
        "format_version": 1,
        "orch": "0",
        "pipeline": {"name": "p", "path": "pipelines/p.yaml"},
        "project": {},
        "task": "-",
        "inputs": {"yes": True, "no": False},
        "max_in_flight": 8,
        "durability": "none",
        "fail_fast": False,
        "env_pass": [],
        "people": {},
        "roles": {},
        "resources": [],
        "outputs": {},
        **head,
        "phases": rows,
        "groups": groups,
        "steps": steps,
    }


class _Maker:
    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.groups: list[Any] = []
        self.rows: list[Any] = []

    def phases(self, phases: dict[str, Any], prefix: str, **more: Any) -> None:
        before: list[str] = []
        for name, phase in phases.items():
            full = prefix + name
            needs = [prefix + need for need in phase["needs"]] if "needs" in phase else before
            kept = {"protected": phase["protected"]} if "protected" in phase else {}
            self.rows.append({"name": full, "needs": needs, **kept, **more})
            before = [full]
            for gate, spec in phase.get("gates", {}).items():
                self.steps.append({"address": f"{full}.{gate}", **_gate(spec)})
            for node, spec in phase.get("nodes", {}).items():
                self.node(full, node, spec)

    def node(self, phase: str, node: str, spec: dict[str, Any]) -> None:
        address, step = f"{phase}.{node}", _step(spec)
        if "needs" in step:
            step["needs"] = [f"{phase}.{need}" for need in step["needs"]]
        limit = step.pop("max_parallel", None)
        keys = step.pop("matrix", None)
        if keys is None:
            self.step(address, step)
            return
        self.groups.append({"address": address, **({} if limit is None else {"max_parallel": limit})})
        for key in keys:
            self.step(f"{address}[{key}]", {**step, "matrix": {"key": key}, "group": address})

    def step(self, address: str, step: dict[str, Any]) -> None:
        """A step, and of a child pipeline all that it opens."""
        child = step.get("pipeline")
        if child is None:
            self.steps.append({"address": address, **step})
            return
        made = {"name": "c", "path": "c.yaml", "digest": "", "inputs": {}, "outputs": {}, **child}
        phases, final = (made.pop(key, {}) for key in ("phases", "final"))
        self.steps.append({"address": address, **step, "pipeline": made})
        self.phases(phases, f"{address}/", owner=address)
        if final:
            self.rows.append({"name": f"{address}/finally", "needs": [], "owner": address, "final": True})
            self.steps += [{"address": f"{address}/finally.{name}", **_step(one)} for name, one in final.items()]


def _step(spec: dict[str, Any]) -> dict[str, Any]:
    """The step that these keys describe, without its address."""
    step = dict(spec) if {"loop", "expand", "pipeline"} & spec.keys() else {"run": "true", **spec}
    if "retry" in step:
        step["retry"] = {**RETRY, **step["retry"]}
    if "loop" in step:
        nodes = [{"id": name, **_step(inner)} for name, inner in step["loop"]["nodes"].items()]
        step["loop"] = {"max_iterations": 3, **step["loop"], "nodes": nodes}
    if "expand" in step:
        step["expand"] = {**step["expand"], "child": _step(step["expand"].get("child", {}))}
    return step


def compiled(phases: dict[str, Any], final: dict[str, Any] | None = None, **head: Any) -> Compiled:
    """What `plan_doc` describes, ready to run."""
    return compile_plan(seal(plan_doc(phases, final, **head)))


def one_phase(**nodes: Any) -> dict[str, Any]:
    """The phase `build` with these nodes."""
    return {"build": {"nodes": nodes}}


def _gate(spec: Any) -> dict[str, Any]:
    if isinstance(spec, str):
        return {"gate": {"kind": spec}}
    rest = {key: value for key, value in spec.items() if key not in ("check", "kind")}
    gate = {"kind": "check", "expr": spec["check"]} if "check" in spec else {"kind": spec["kind"]}
    subject = {"subject": rest.pop("subject")} if "subject" in rest else {}
    return {"gate": {**gate, **subject}, **rest}

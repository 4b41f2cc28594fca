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
    "on": ["command-failed", "timed-out", "worker-lost"],
}


def plan_doc(phases: dict[str, Any], final: dict[str, Any] | None = None, **head: Any) -> PlanDoc:
    """`phases` is `{name: {needs, gates: {id: kind | {...}}, nodes: {id: {...}}}}`. A node takes the keys of a step,
    with needs by id, `matrix` as a list of keys, `retry` as what differs from RETRY; a gate is its kind, or
    `{"check": expression}`, or `{"kind": …, "if": …, "selected": …}`. `final` holds the `finally` nodes."""
    steps: list[Any] = []
    groups: list[Any] = []
    rows: list[Any] = []
    before: list[str] = []
    for name, phase in phases.items():
        rows.append({"name": name, "needs": phase.get("needs", before)})
        before = [name]
        for gate, spec in phase.get("gates", {}).items():
            steps.append({"address": f"{name}.{gate}", **_gate(spec)})
        for node, spec in phase.get("nodes", {}).items():
            address = f"{name}.{node}"
            step = {"run": "true", **spec}
            if "needs" in step:
                step["needs"] = [f"{name}.{need}" for need in step["needs"]]
            if "retry" in step:
                step["retry"] = {**RETRY, **step["retry"]}
            limit = step.pop("max_parallel", None)
            keys = step.pop("matrix", None)
            if keys is None:
                steps.append({"address": address, **step})
                continue
            groups.append({"address": address, **({} if limit is None else {"max_parallel": limit})})
            steps += [{"address": f"{address}[{k}]", **step, "matrix": {"key": k}, "group": address} for k in keys]
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
    return {"gate": gate, **rest}

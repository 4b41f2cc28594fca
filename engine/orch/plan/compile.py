"""Plan → what runs: names become indexes, texts become expression trees, equal steps share one action. Pure."""

from __future__ import annotations

import json
from typing import Any

from orch.model.compiled import FINALLY, GATE, NODE, Action, Compiled, member_ids
from orch.model.plan import Plan, StepDoc
from orch.spec.expressions.parse import parse_expression, parse_template
from orch.spec.expressions.tree import references

_OWN = frozenset(("address", "needs", "group", "matrix", "selected"))
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def compile_plan(plan: Plan) -> Compiled:
    """Compile a plan that `build` made; it is trusted to be well-formed."""
    doc = plan.doc
    steps = doc["steps"]
    size = len(steps)
    addresses = [step["address"] for step in steps]
    groups = [group["address"] for group in doc["groups"]]
    index = {address: i for i, address in enumerate(addresses)}
    index.update({address: size + i for i, address in enumerate(groups)})
    phase_names = [phase["name"] for phase in doc["phases"]]
    phase_index = {name: i for i, name in enumerate(phase_names)}
    phase_needs = [[phase_index[name] for name in phase["needs"]] for phase in doc["phases"]]
    phase_gates: list[list[int]] = [[] for _ in phase_names]
    phase_nodes: list[list[int]] = [[] for _ in phase_names]
    finally_steps: list[int] = []
    kinds, phase_of, group_of, needs_count = [NODE] * size, [-1] * size, [-1] * size, [0] * (size + len(groups))
    dependants: list[list[int]] = [[] for _ in range(size + len(groups))]
    matrix: dict[int, dict[str, Any]] = {}
    actions = _Actions()
    for i, step in enumerate(steps):
        phase = phase_index.get(step["address"].partition(".")[0], -1)
        phase_of[i] = phase
        if phase < 0:
            kinds[i] = FINALLY
            finally_steps.append(i)
        elif "gate" in step:
            kinds[i] = GATE
            phase_gates[phase].append(i)
        else:
            phase_nodes[phase].append(i)
        needs = step.get("needs")
        if needs:
            needs_count[i] = len(needs)
            for need in needs:
                dependants[index[need]].append(i)
        if "group" in step:
            group = index[step["group"]]
            group_of[i] = group
            matrix[i] = step["matrix"]
            needs_count[group] += 1
            dependants[i].append(group)
        actions.add(step)
    children: dict[int, list[int]] = {size + i: [] for i in range(len(groups))}
    for i, group in enumerate(group_of):
        if group >= 0:
            children[group].append(i)
    for i, doc_group in enumerate(doc["groups"]):
        for need in doc_group.get("needs", ()):
            needs_count[size + i] += 1
            dependants[index[need]].append(size + i)
    selected = [step.get("selected", True) for step in steps]
    outputs = {name: template(value) for name, value in doc["outputs"].items()}
    return Compiled(
        digest=plan.digest,
        head={key: value for key, value in doc.items() if key != "steps"},
        size=size,
        addresses=addresses,
        kinds=kinds,
        actions=actions.of_step,
        action_table=actions.table,
        matrix=matrix,
        selected=None if all(selected) else selected,
        needs_count=needs_count,
        dependants=dependants,
        phase_of=phase_of,
        group_of=group_of,
        group_limit={index[g["address"]]: g["max_parallel"] for g in doc["groups"] if "max_parallel" in g},
        group_children=children,
        phase_names=phase_names,
        phase_needs_count=[len(needs) for needs in phase_needs],
        phase_dependants=[[q for q, needs in enumerate(phase_needs) if p in needs] for p in range(len(phase_names))],
        phase_gates=phase_gates,
        phase_nodes=phase_nodes,
        finally_steps=finally_steps,
        index_of=index,
        ids={node: index[address] for node, address in member_ids(doc).items()},
        max_in_flight=doc["max_in_flight"],
        fail_fast=doc["fail_fast"],
        inputs=doc["inputs"],
        outputs=outputs,
        output_reads=reads(list(outputs.values())),
        task=doc["task"],
    )


def template(value: Any) -> Any:
    """A text with `${{ }}` as its tree (a list), any other value as it is."""
    if isinstance(value, str) and "${{" in value:
        return parse_template(value)
    return value


def reads(trees: list[Any]) -> tuple[str, ...]:
    """The node ids that these trees read, sorted."""
    found = {
        str(ref.parts[0]) for tree in trees if isinstance(tree, list) for ref in references(tree) if ref.root == "nodes"
    }
    return tuple(sorted(found))


class _Actions:
    """The actions of a plan, each kept once."""

    def __init__(self) -> None:
        self.table: list[Action] = []
        self.of_step: list[int] = []
        self._known: dict[str, int] = {}

    def add(self, step: StepDoc) -> None:
        rest = {key: value for key, value in step.items() if key not in _OWN}
        run = rest.get("run")
        key = run if len(rest) == 1 and isinstance(run, str) else "\0" + _encode(rest)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._put(rest)
        self.of_step.append(known)

    def _put(self, step: Any) -> int:
        action = _action(step)
        if "one_of" in step:
            shared = {key: value for key, value in step.items() if key != "one_of"}
            variants = {name: self._put({**shared, **variant}) for name, variant in step["one_of"].items()}
            read = {node for number in variants.values() for node in self.table[number].reads}
            choice = template(step["adapter"]["name"])
            every = tuple(sorted({*action.reads, *read, *reads([choice])}))
            action = action._replace(choice=choice, variants=variants, reads=every)
        self.table.append(action)
        return len(self.table) - 1


def _action(step: Any) -> Action:
    condition = parse_expression(step["if"]) if "if" in step else None
    argv: tuple[Any, ...]
    if "gate" in step:
        gate = step["gate"]
        argv = (parse_expression(gate["expr"]),) if gate["kind"] == "check" else ()
    else:
        argv = _command(step.get("run", []))
    env = tuple((name, template(value)) for name, value in step.get("env", {}).items())
    paths = tuple((name, template(path)) for name, path in step.get("artifacts", {}).items())
    cwd = template(step.get("cwd"))
    effect = step.get("effect")
    once_key, probe = (
        (template(effect["once"]), _command(effect.get("probe", []))) if isinstance(effect, dict) else (None, ())
    )
    globs = tuple(map(template, step["cache"]["paths"])) if "cache" in step else None
    values = [*(value for _, value in (*env, *paths)), *(globs or ())]
    return Action(
        step,
        condition,
        argv,
        env,
        cwd,
        paths,
        once_key,
        probe,
        reads([condition, *argv, *values, cwd, once_key, *probe]),
        globs=globs,
    )


def _command(run: Any) -> tuple[Any, ...]:
    return ("/bin/sh", "-e", "-c", run) if isinstance(run, str) else tuple(template(item) for item in run)

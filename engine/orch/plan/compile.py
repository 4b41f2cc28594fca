"""Plan → what runs: names become indexes, texts become expression trees, equal steps share one action. Pure."""

from __future__ import annotations

import json
from typing import Any

from orch.model.compiled import FINALLY, GATE, GROUP, NODE, Action, Body, Compiled, Space
from orch.model.names import phase_name
from orch.model.plan import Plan, PlanDoc, StepDoc
from orch.spec.expressions.parse import parse_expression, parse_template
from orch.spec.expressions.tree import references

_OWN = frozenset(("address", "needs", "group", "matrix", "selected"))
_SCRIPT = _OWN | {"run"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def compile_plan(plan: Plan) -> Compiled:
    """Compile a plan that `build` made; it is trusted to be well-formed."""
    doc = plan.doc
    steps = doc["steps"]
    count, size = len(steps), len(steps) + len(doc["groups"])
    addresses = [step["address"] for step in steps] + [group["address"] for group in doc["groups"]]
    index = {address: i for i, address in enumerate(addresses)}
    phase_names = [phase["name"] for phase in doc["phases"]]
    phase_index = {name: i for i, name in enumerate(phase_names)}
    phase_needs = [[phase_index[name] for name in phase["needs"]] for phase in doc["phases"]]
    phase_gates: list[list[int]] = [[] for _ in phase_names]
    phase_nodes: list[list[int]] = [[] for _ in phase_names]
    finally_steps: list[int] = []
    kinds, phase_of, group_of, needs_count = [NODE] * size, [-1] * size, [-1] * size, [0] * size
    dependants: list[list[int]] = [[] for _ in range(size)]
    matrix: dict[int, dict[str, Any]] = {}
    actions = _Actions()
    for i, step in enumerate(steps):
        address = step["address"]
        phase = phase_index.get(phase_name(address) if "/" in address else address.partition(".")[0], -1)
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
    children: dict[int, list[int]] = {i: [] for i in range(count, size)}
    for i, group in enumerate(group_of):
        if group >= 0:
            children[group].append(i)
    for i, doc_group in enumerate(doc["groups"], count):
        kinds[i] = GROUP
        for need in doc_group.get("needs", ()):
            needs_count[i] += 1
            dependants[index[need]].append(i)
    selected = [step.get("selected", True) for step in steps]
    outputs = {name: template(value) for name, value in doc["outputs"].items()}
    owners = [index[phase["owner"]] if "owner" in phase else -1 for phase in doc["phases"]]
    spaces, space_of = _spaces(doc, addresses)
    return Compiled(
        digest=plan.digest,
        head={key: value for key, value in doc.items() if key != "steps"},
        addresses=addresses,
        kinds=kinds,
        actions=actions.of_step + [-1] * len(doc["groups"]),
        action_table=actions.table,
        matrix=matrix,
        selected=None if all(selected) else selected + [True] * len(doc["groups"]),
        needs_count=needs_count,
        dependants=dependants,
        phase_of=phase_of,
        group_of=group_of,
        group_limit={index[g["address"]]: g["max_parallel"] for g in doc["groups"] if "max_parallel" in g},
        group_children=children,
        phase_names=phase_names,
        phase_needs_count=[len(needs) + (owner >= 0) for needs, owner in zip(phase_needs, owners, strict=True)],
        phase_dependants=_reversed(phase_needs),
        phase_gates=phase_gates,
        phase_nodes=phase_nodes,
        phase_owner=owners,
        phase_final=["final" in phase for phase in doc["phases"]],
        phase_forgiven=_forgiven(steps, owners, phase_of),
        phase_space=[space_of[name.rpartition("/")[0]] for name in phase_names],
        bodies=_bodies(owners),
        spaces=spaces,
        loop_of={},
        finally_steps=finally_steps,
        index_of=index,
        max_in_flight=doc["max_in_flight"],
        fail_fast=doc["fail_fast"],
        outputs=outputs,
        output_reads=reads(list(outputs.values())),
        task=doc["task"],
    )


def _reversed(phase_needs: list[list[int]]) -> list[list[int]]:
    dependants: list[list[int]] = [[] for _ in phase_needs]
    for phase, needs in enumerate(phase_needs):
        for need in needs:
            dependants[need].append(phase)
    return dependants


def _bodies(owners: list[int]) -> dict[int, list[int]]:
    bodies: dict[int, list[int]] = {}
    for phase, owner in enumerate(owners):
        if owner >= 0:
            bodies.setdefault(owner, []).append(phase)
    return bodies


def _forgiven(steps: list[StepDoc], owners: list[int], phase_of: list[int]) -> list[bool]:
    """A failure inside of what may fail is none of the run."""

    def forgiven(phase: int) -> bool:
        owner = owners[phase]
        while owner >= 0:
            if steps[owner].get("allow_failure"):
                return True
            owner = owners[phase_of[owner]]
        return False

    return [forgiven(phase) for phase in range(len(owners))]


def _spaces(doc: PlanDoc, addresses: list[str]) -> tuple[list[Space], dict[str, int]]:
    """The names of the pipeline and of each child pipeline, and the number of the space by the child's address. Names
    (unique in a pipeline) are those of nodes and gates; that of a matrix means its group."""
    spaces, number = [Space({}, -1, doc["inputs"])], {"": 0}
    for step in doc["steps"]:
        if "pipeline" in step:
            number[step["address"]] = len(spaces)
            spaces.append(Space({}, -1, step["pipeline"]["inputs"]))
    own = spaces[0].ids
    grouped = {i for i, step in enumerate(doc["steps"]) if "group" in step} if doc["groups"] else ()
    for i, address in enumerate(addresses):
        if i in grouped:
            continue
        if "/" not in address:
            own[address.partition(".")[2]] = i
        else:
            child, _, name = address.rpartition("/")
            spaces[number[child]].ids[name.partition(".")[2]] = i
    return spaces, number


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
        run = step.get("run")
        if isinstance(run, str) and step.keys() <= _SCRIPT:
            key = run
        else:
            key = "\0" + _encode({key: value for key, value in step.items() if key not in _OWN})
        known = self._known.get(key)
        if known is None:
            known = self._put({key: value for key, value in step.items() if key not in _OWN})
            self._known[key] = known
        self.of_step.append(known)

    def _put(self, step: Any) -> int:
        action = _action(step)
        body = self._body(step)
        if body is not None:
            action = action._replace(body=body)
        if "setup" in step:
            action = action._replace(setup=self._put({**{k: step[k] for k in ("cwd",) if k in step}, **step["setup"]}))
        if "one_of" in step:
            shared = {key: value for key, value in step.items() if key != "one_of"}
            variants = {name: self._put({**shared, **variant}) for name, variant in step["one_of"].items()}
            read = {node for number in variants.values() for node in self.table[number].reads}
            choice = template(step["adapter"]["name"])
            every = tuple(sorted({*action.reads, *read, *reads([choice])}))
            action = action._replace(choice=choice, variants=variants, reads=every)
        self.table.append(action)
        return len(self.table) - 1

    def _body(self, step: Any) -> Body | None:
        """What a step opens, if it opens something."""
        if "loop" in step:
            loop = step["loop"]
            nodes = [
                {key: value for key, value in node.items() if key not in ("id", "needs")} for node in loop["nodes"]
            ]
            ids = [node["id"] for node in loop["nodes"]]
            until = parse_expression(loop["until"])
            body = Body(
                kind="loop",
                ids=ids,
                actions=[self._put(node) for node in nodes],
                needs=[[ids.index(need) for need in node.get("needs", ())] for node in loop["nodes"]],
                until=until,
                most=loop["max_iterations"],
                reads=reads([until]),
            )
            if "stop_if_unchanged" in loop:
                body["unchanged"] = loop["stop_if_unchanged"]
            return body
        if "expand" in step:
            expand = step["expand"]
            trees = {text: parse_template(text) for text in _texts(expand["matrix"], expand.get("key"))}
            read = reads(list(trees.values()))
            body = Body(
                kind="matrix", matrix=expand["matrix"], trees=trees, child=self._put(expand["child"]), reads=read
            )
            if "key" in expand:
                body["key"] = expand["key"]
            if "max_parallel" in expand:
                body["limit"] = expand["max_parallel"]
            return body
        if "pipeline" in step:
            outputs = {name: template(text) for name, text in step["pipeline"]["outputs"].items()}
            return Body(kind="pipeline", outputs=outputs, reads=reads(list(outputs.values())))
        return None


def _texts(matrix: dict[str, Any], key: str | None) -> list[str]:
    return [value for value in (*matrix.values(), key) if isinstance(value, str)]


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

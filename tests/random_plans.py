"""Random plans and the world that they meet, from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from oracle import Condition, End, Facts
from plans import plan_doc
from shape import Shape, pattern
from work import Work, place

OK: End = ("succeeded", "ok")
ENDS: dict[str, End] = {
    "ok": OK,
    "fail": ("failed", "command-failed"),
    "timeout": ("failed", "timed-out"),
    "timeout-done": ("succeeded", "settled"),
    "start-failed": ("failed", "start-failed"),
    "unrenderable": ("failed", "expression-error"),
    "flaky": OK,
    "no-tests": ("skipped", "no-tests"),
    "not-configured": ("skipped", "not-configured"),
    "cached": ("succeeded", "cached"),
}
RULES = ("all_success", "none_failed", "one_success", "none_failed_min_one_success", "all_done")
LISTS: tuple[Any, ...] = ([], ["a"], ["b", "a"], ["c", "a", "b"], ["a", "b", "c", "d"], ["a", "a"], "a")
SHUT = ("needs-decision", "rejected", "stale", "expired", "not-yet-valid")


class Behaviour(NamedTuple):
    """How a node's attempts end: `kind` is a word of ENDS; a flaky one ends as `reason` `failures` times before."""

    kind: str
    failures: int = 0
    reason: str = "command-failed"


class Behaviours(dict[str, Behaviour]):
    """By address; of a step that the run adds, what its address draws from those of its pattern."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.templates: dict[str, tuple[dict[str, Any], bool]] = {}

    def __missing__(self, address: str) -> Behaviour:
        spec, often = self.templates[pattern(address)]
        drawn = self[address] = behaviour(Random(f"{self.seed}/{address}"), spec, often=often)
        return drawn


class Ends(Mapping[str, End]):
    """How steps end that behave so."""

    def __init__(self, behaviours: Behaviours) -> None:
        self.behaviours = behaviours

    def __getitem__(self, address: str) -> End:
        return ENDS[self.behaviours[address].kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self.behaviours)

    def __len__(self) -> int:
        return len(self.behaviours)


class Printed(Mapping[str, str]):
    """What attempts leave on stdout: one of two texts."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __getitem__(self, address: str) -> str:
        return Random(f"{self.seed}/{address}/printed").choice("aaab")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Case(NamedTuple):
    """A plan, how its nodes behave, and what that leads to."""

    doc: Any
    behaviours: Behaviours
    facts: Facts


def behaviour(rng: Random, spec: dict[str, Any], *, often: bool = False) -> Behaviour:
    """How a node with these keys behaves; it fails more `often` in a loop."""
    if "adapter" in spec:
        return Behaviour("not-configured")
    if "cache" in spec and rng.random() < 0.5:
        return Behaviour("cached")
    effect = spec.get("effect")
    once, probe = isinstance(effect, dict), isinstance(effect, dict) and "probe" in effect
    kind = rng.choices(list(ENDS), (60, 60 if often else 12, 8, 0, 3, 2, 25, 5, 0, 0))[0]
    if once and kind == "timeout" and (not probe or rng.random() < 0.5):
        return Behaviour("timeout-done")
    if kind != "flaky":
        return Behaviour(kind)
    reasons = [r for r in spec.get("retry", {}).get("on", ("command-failed", "timed-out")) if r != "start-failed"]
    if "retry" not in spec or not reasons:
        return Behaviour("ok")
    return Behaviour("flaky", rng.randint(1, spec["retry"]["limit"]), rng.choice(reasons))


def random_case(rng: Random) -> Case:
    """A plan of up to four phases, with everything that the language has."""
    return _Maker(rng).case()


class _Maker:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.count = 0
        self.conditions: dict[str, Condition] = {}
        self.checks: dict[str, Condition] = {}
        self.gates: dict[str, End] = {}
        self.seed = rng.getrandbits(32)
        self.behaviours = Behaviours(self.seed)
        self.untils: dict[str, Condition] = {}
        self.lists: dict[str, Any] = {}
        self.sources: dict[str, tuple[str, bool]] = {}
        self.opening = rng.random() < 0.5
        self.steady = False

    def case(self) -> Case:
        rng = self.rng
        self.selecting = rng.random() < 0.15
        phases: dict[str, Any] = {}
        for number in range(rng.choice((1, 2, 2, 3, 4))):
            self.phase(f"p{number}", phases)
        final = self.final("")
        head = {"max_in_flight": rng.choice((1, 1, 2, 3, 8)), "fail_fast": rng.random() < 0.12}
        if rng.random() < 0.15:
            wall = rng.random() < 0.5
            head["budget"] = {"wall_seconds": rng.choice((1.0, 5.0, 20.0))} if wall else {"nodes": rng.randint(1, 6)}
        dice = Random(f"{self.seed}/branch")
        work = Work(self.seed, single=head["max_in_flight"] == 1) if dice.random() < 0.35 else None
        if work is not None:
            place(phases, dice)
            head |= {"workspace": "branch", "base": "c0"}
        doc = plan_doc(phases, final, **head)
        if self.selecting:
            self.select(doc)
        facts = Facts(
            *(Ends(self.behaviours), self.gates, self.conditions, self.checks, {}),
            *(self.untils, self.lists, self.sources, Printed(self.seed)),
            work=work,
        )
        return Case(doc, self.behaviours, facts)

    def final(self, prefix: str) -> dict[str, Any]:
        number = self.rng.choice((0, 0, 1, 2))
        return {self.name("f"): self.node(f"{prefix}finally", f"f{self.count}", [], None) for _ in range(number)}

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def phase(self, name: str, phases: dict[str, Any], prefix: str = "", depth: int = 0) -> None:
        rng = self.rng
        phase: dict[str, Any] = {"gates": {}, "nodes": {}}
        before = list(phases)[-1:]
        if rng.random() < 0.4:
            before = phase["needs"] = rng.sample(list(phases), rng.randint(0, len(phases)))
        known: list[str] = []
        agenda = list(before)
        for earlier in agenda:
            agenda += phases[earlier].get(
                "needs", [p for p, q in zip(phases, list(phases)[1:], strict=False) if q == earlier]
            )
            known += [node for node in phases[earlier]["nodes"] if node not in known]
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            gate = self.name("g")
            phase["gates"][gate] = self.gate(f"{prefix}{name}.{gate}", known)
        ancestors: dict[str, set[str]] = {}
        for _ in range(rng.choice((0, 1, 2, 3, 4, 5) if not depth else (1, 1, 2, 3))):
            node = self.name("n")
            needs = rng.sample(list(ancestors), rng.randint(0, min(3, len(ancestors)))) if rng.random() < 0.7 else []
            ancestors[node] = set(needs).union(*(ancestors[need] for need in needs))
            keys = rng.choice(([], ["a"], ["a", "b"], ["a", "b", "c", "d"])) if rng.random() < 0.25 else None
            if keys == []:
                ancestors[node] = set()  # nothing of it waits for its needs, so neither does who needs it
            near = () if self.selecting else sorted(ancestors[node])  # a selection may leave out what lies between
            phase["nodes"][node] = self.any_node(f"{prefix}{name}", node, [*known, *near], keys, depth)
            if needs:
                phase["nodes"][node]["needs"] = needs
            if rng.random() < (0.6 if needs else 0.1):
                phase["nodes"][node]["trigger_rule"] = rng.choice(RULES)
        phases[name] = phase

    def gate(self, address: str, known: list[str]) -> dict[str, Any]:
        rng = self.rng
        spec: dict[str, Any] = {}
        if rng.random() < 0.2:
            spec["if"] = self.condition(address, known, None)
        if rng.random() < 0.35:
            check = self.checks[address] = self.random_condition(known, None, no=0.2)
            return {"check": check.text(), **spec}
        shut = rng.random() < 0.15
        self.gates[address] = ("waiting", rng.choice(SHUT)) if shut else OK
        return {"kind": rng.choice(("approval", "freshness")), **spec}

    def any_node(self, phase: str, node: str, known: list[str], keys: list[str] | None, depth: int) -> dict[str, Any]:
        """A node with a process, or with a body."""
        rng = self.rng
        if not self.opening or rng.random() < 0.6:
            return self.node(phase, node, known, keys)
        address = f"{phase}.{node}"
        kind = rng.choice(("loop", "loop", "expand", "expand", "pipeline"))
        spec: dict[str, Any] = {"allow_failure": True} if rng.random() < 0.2 else {}
        if kind == "loop":
            spec |= self.keyed(keys)
            self.maybe_if(spec, address if keys is None else f"{address}[]", known, keys)
            return {**spec, "loop": self.loop(address if keys is None else f"{address}[]", known, keys)}
        if kind == "expand":
            sources = [one for one in known if one in self.lists]
            if sources and not self.selecting:
                return {**spec, "expand": self.expand(address, known, rng.choice(sources), spec)}
        if kind == "pipeline" and depth < 2:
            spec |= self.keyed(keys)
            inner = address if keys is None else f"{address}[]"
            self.maybe_if(spec, inner, known, keys)
            return {**spec, "pipeline": self.pipeline(inner, depth + 1)}
        return self.node(phase, node, known, keys)

    def keyed(self, keys: list[str] | None) -> dict[str, Any]:
        if keys is None:
            return {}
        limit = {"max_parallel": self.rng.randint(1, 2)} if self.rng.random() < 0.6 else {}
        return {"matrix": keys, **limit}

    def maybe_if(self, spec: dict[str, Any], address: str, known: list[str], keys: list[str] | None) -> None:
        if self.rng.random() < 0.2:
            spec["if"] = self.condition(address, known, keys)

    def loop(self, address: str, known: list[str], keys: list[str] | None) -> dict[str, Any]:
        rng = self.rng
        spec: dict[str, Any] = {"max_iterations": rng.choice((1, 2, 3, 3, 5)), "nodes": {}}
        if rng.random() < 0.4:
            spec["stop_if_unchanged"] = rng.choice((2, 2, 3))
        self.steady = "stop_if_unchanged" in spec
        ancestors: dict[str, list[str]] = {}
        for _ in range(rng.choice((1, 2, 2, 3))):
            name = self.name("n")
            needs = rng.sample(list(ancestors), rng.randint(0, len(ancestors)))
            ancestors[name] = sorted({*needs, *(one for need in needs for one in ancestors[need])})
            near = [*known, *ancestors[name]]
            inner = self.node(f"{address}#", name, near, keys, often=True)
            if rng.random() < 0.2:
                inner["if"] = self.inner_condition(f"{address}#.{name}", list(ancestors)).text()
            if needs:
                inner["needs"] = needs
                if rng.random() < 0.5:
                    inner["trigger_rule"] = rng.choice(RULES)
            spec["nodes"][name] = inner
        self.steady = False
        until = self.random_condition(known, keys, no=0.6)
        if rng.random() < 0.7:
            until = Condition("status", rng.choice(list(ancestors)), "succeeded")
        elif rng.random() < 0.4:
            until = Condition("index", value=str(rng.randint(1, 4)))
        self.untils[address] = until
        return {**spec, "until": until.text()}

    def inner_condition(self, address: str, names: list[str]) -> Condition:
        rng = self.rng
        word = rng.choice(("index", "previous"))
        value = str(rng.randint(1, 3)) if word == "index" else rng.choice(("succeeded", "failed", "none"))
        made = self.conditions[address] = Condition(word, rng.choice(names), value)
        return made

    def expand(self, address: str, known: list[str], source: str, outer: dict[str, Any]) -> dict[str, Any]:
        rng = self.rng
        default = rng.random() < 0.3
        self.sources[pattern(address)] = (source, default)
        row = f"nodes.{source}.outputs.keys{' | default([])' if default else ''}"
        keys = self.lists[source] if isinstance(self.lists[source], list) else []
        limit = {"max_parallel": rng.randint(1, 2)} if rng.random() < 0.6 else {}
        if rng.random() < 0.4:
            child = dict(outer)
            self.maybe_if(child, f"{address}[]", known, keys)
            child["loop"] = self.loop(f"{address}[]", known, keys)
        else:
            child = self.node(
                address.rpartition(".")[0], f"{address.rpartition('.')[2]}[]", known, keys, open_keys=True
            )
            child.pop("allow_failure", None)
            child |= outer
        return {"matrix": {"key": f"${{{{ {row} }}}}"}, "child": child, **limit}

    def pipeline(self, address: str, depth: int) -> dict[str, Any]:
        phases: dict[str, Any] = {}
        for number in range(self.rng.choice((1, 1, 2, 3))):
            self.phase(f"p{number}", phases, f"{address}/", depth)
        return {"phases": phases, "final": self.final(f"{address}/"), "inputs": {"yes": True, "no": False}}

    def node(
        self,
        phase: str,
        node: str,
        known: list[str],
        keys: list[str] | None,
        *,
        often: bool = False,
        open_keys: bool = False,
    ) -> dict[str, Any]:
        rng = self.rng
        spec: dict[str, Any] = {}
        if rng.random() < 0.2:
            spec["allow_failure"] = True
        if rng.random() < 0.1:
            spec["slots"] = rng.choice((2, 3, 20))
        probe = False
        lists = self.opening and keys is None and not often and rng.random() < 0.4
        final = phase.rpartition("/")[2] == "finally"
        if rng.random() < 0.25 and not self.steady and not lists:
            probe = rng.random() < 0.6
            spec["effect"] = {"once": "k", "probe": "true"} if probe else {"once": "k"}
        elif rng.random() < 0.3:
            spec["effect"] = "pure"
        once = "effect" in spec and spec["effect"] != "pure"
        if rng.random() < 0.35 and (probe or not once):
            spec["retry"] = {"limit": rng.randint(1, 3), "delay_seconds": rng.choice((0.0, 0.5, 30.0)), "jitter": 0.5}
            if rng.random() < 0.3:
                spec["retry"]["on"] = [rng.choice(("command-failed", "timed-out", "start-failed"))]
        single = keys is None or often or open_keys
        if not single:
            spec |= self.keyed(keys)
        addresses = [f"{phase}.{node}"] if single else [f"{phase}.{node}[{key}]" for key in keys or ()]
        if rng.random() < 0.3:
            condition = self.random_condition(known, keys, run=final)
            spec["if"] = condition.text()
            self.conditions.update((pattern(address), condition) for address in addresses)
        idle = rng.random() < 0.06
        if idle:
            spec["adapter"] = {"name": "x", "command": "lint", "skip": "nothing to do here"}
        if not once and not idle and not final and rng.random() < 0.25:
            spec["cache"], spec["effect"] = {"paths": []}, "pure"
        if lists and not idle and not final:
            self.lists[node] = rng.choice(LISTS)
        for address in addresses:
            self.behaviours.templates[pattern(address)] = (spec, often)
        return spec

    def condition(self, address: str, known: list[str], keys: list[str] | None) -> str:
        condition = self.conditions[address] = self.random_condition(known, keys)
        return condition.text()

    def random_condition(
        self, known: list[str], keys: list[str] | None, *, no: float = 0.3, run: bool = False
    ) -> Condition:
        rng = self.rng
        if run and rng.random() < 0.5:
            return Condition("run", value=rng.choice(("succeeded", "failed")))
        if keys and rng.random() < 0.5:
            return Condition("key", value=rng.choice(keys))
        if known and rng.random() < 0.6:
            return Condition("status", rng.choice(known), rng.choice(("succeeded", "succeeded", "failed", "skipped")))
        return Condition("error" if rng.random() < 0.1 else "no" if rng.random() < no else "yes")

    def select(self, doc: Any) -> None:
        """Leave out some nodes and what only they need, and the gates of phases that nobody needs then."""
        rng = self.rng
        shape = Shape(doc)
        nodes = [address for address in shape.steps if not shape.is_gate(address) and not shape.is_final(address)]
        chosen = {address for address in nodes if rng.random() < 0.5}
        chosen |= {owner for address in chosen for owner in shape.owners(address)}
        chosen -= {one for one in chosen if not all(owner in chosen for owner in shape.owners(one))}
        phases = [shape.phase[address] for address in chosen]
        for phase in phases:
            phases += [need for need in shape.needs[phase] if need not in phases]
        for address, step in shape.steps.items():
            if shape.is_final(address):
                continue
            if shape.phase[address] not in phases if shape.is_gate(address) else address not in chosen:
                step["selected"] = False

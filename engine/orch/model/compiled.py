"""What runs: the plan as integers and plain lists, compiled once; the shape that the cache keeps."""

from collections.abc import Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict

from orch.model.plan import StepDoc, has_own_tree

NODE, GATE, FINALLY, GROUP = 0, 1, 2, 3


class Body(TypedDict):
    """What a step of its own kind opens: `kind` is loop, matrix or pipeline. A plain dict, for the cache.

    A loop has `ids`, `actions` (in the table) and `needs` (places in `ids`) of its nodes, `until` (a tree), `most`
    iterations, and after how many of them without a change it ends (`unchanged`). A matrix has `matrix` and `key` as
    written, the tree of each text in them, and the action of a child. A pipeline has the trees of its `outputs`.
    `reads` names the nodes that these trees read, in the space of the body."""

    kind: str
    reads: tuple[str, ...]
    ids: NotRequired[list[str]]
    actions: NotRequired[list[int]]
    needs: NotRequired[list[list[int]]]
    until: NotRequired[list[Any]]
    most: NotRequired[int]
    unchanged: NotRequired[int]
    matrix: NotRequired[dict[str, Any]]
    key: NotRequired[str]
    trees: NotRequired[dict[str, Any]]
    child: NotRequired[int]
    limit: NotRequired[int]
    outputs: NotRequired[dict[str, Any]]


class Space(NamedTuple):
    """Where the names of expressions are looked up: the nodes of a file, or of one iteration of a loop, whose `outer`
    space (-1: none) is looked at next. `inputs` are the file's."""

    ids: dict[str, int]
    outer: int
    inputs: dict[str, Any]


class Action(NamedTuple):
    """What a step does, shared by all steps that do the same. A text with expressions is a tree, as
    `spec.expressions` makes them (a list); any other is a string. `argv` of a check gate is its expression; `paths` are
    the declared artifacts; `reads` names the nodes that all of these read. Where the adapter is computed, `choice` is
    that text, and `variants` has the action (an index in the table) of each name that it may give. `globs` are the
    files that a step with `cache` reads; None where its result is not kept. A step that opens further steps has a
    `body`, and no process of its own. `setup` is the action that sets its own tree up before."""

    step: StepDoc
    condition: list[Any] | None
    argv: tuple[Any, ...]
    env: tuple[tuple[str, Any], ...]
    cwd: Any
    paths: tuple[tuple[str, Any], ...]
    once_key: Any
    probe: tuple[Any, ...]
    reads: tuple[str, ...]
    choice: Any = None
    variants: dict[str, int] | None = None
    globs: tuple[Any, ...] | None = None
    body: Body | None = None
    setup: int | None = None


class Compiled(NamedTuple):
    """Steps are the indexes 0 … n-1 in the plan's order; the parents of matrices (groups) follow as n … n+g-1. What a
    run adds (children of a matrix that was not known before, iterations of a loop) comes behind them, in the order of
    the journal: a state has a copy of its own of a plan that can grow (`own`).

    `needs_count[i]` counts the steps and groups that i waits for, `dependants[i]` lists who waits for i.
    `phase_of[i]` is -1 for `finally` steps; `group_of[i]` is the index of the parent, or -1; an
    empty group waits for what its children would have waited for. Phases are indexes too; `phase_owner` is the step
    that opens a phase, or -1, and `bodies` the phases that a step opens; a final phase is the `finally` of a child
    pipeline; what fails in a forgiven one is no failure of the run. `loop_of` gives the loop and the iteration of a
    step in a loop. `head` is the plan's JSON without its steps.
    """

    digest: str
    head: dict[str, Any]
    addresses: list[str]
    kinds: list[int]
    actions: list[int]
    action_table: list[Action]
    matrix: dict[int, dict[str, Any]]
    selected: list[bool] | None
    needs_count: list[int]
    dependants: list[list[int]]
    phase_of: list[int]
    group_of: list[int]
    group_limit: dict[int, int]
    group_children: dict[int, list[int]]
    phase_names: list[str]
    phase_needs_count: list[int]
    phase_dependants: list[list[int]]
    phase_gates: list[list[int]]
    phase_nodes: list[list[int]]
    finally_steps: list[int]
    index_of: dict[str, int]
    phase_owner: list[int]
    phase_final: list[bool]
    phase_forgiven: list[bool]
    phase_space: list[int]
    bodies: dict[int, list[int]]
    spaces: list[Space]
    loop_of: dict[int, tuple[int, int]]
    max_in_flight: int
    fail_fast: bool
    outputs: dict[str, Any]
    output_reads: tuple[str, ...]
    task: str

    def action(self, step: int) -> Action:
        """The action of a step."""
        return self.action_table[self.actions[step]]

    def body(self, step: int) -> Body | None:
        """What a step opens, where it opens something."""
        return self.action_table[self.actions[step]].body

    def reads(self, step: int) -> tuple[str, ...]:
        """The nodes that a step and all inside of it read, those of its own body among them."""
        found = list(self.action(step).reads)
        agenda = [self.body(step)]
        while agenda:
            body = agenda.pop()
            if body is None or body["kind"] == "pipeline":
                continue
            found += body["reads"]
            inner = [self.action_table[number] for number in (*body.get("actions", ()), *_of(body.get("child")))]
            found += [node for action in inner for node in action.reads]
            agenda += [action.body for action in inner]
        return tuple(sorted(set(found)))

    @property
    def size(self) -> int:
        """How many steps and groups there are."""
        return len(self.kinds)

    @property
    def steps(self) -> Sequence[int]:
        """The indexes of all steps."""
        if not self.group_children:
            return range(len(self.kinds))
        return [index for index, kind in enumerate(self.kinds) if kind != GROUP]

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs of the pipeline itself."""
        return self.spaces[0].inputs

    @property
    def ids(self) -> dict[str, int]:
        """The nodes and gates of the pipeline itself, by id."""
        return self.spaces[0].ids

    @property
    def counted(self) -> Sequence[int]:
        """The nodes that people count: of a matrix its children, of a child pipeline its nodes, a loop as one."""
        if not self.bodies and GATE not in self.kinds:
            return self.steps
        return [
            step
            for step in self.steps
            if self.kinds[step] != GATE and step not in self.loop_of and (step not in self.bodies or self.is_loop(step))
        ]

    def empty_matrices(self) -> list[int]:
        """The matrices whose list is empty: they have no step of their own, and no other."""
        return [group for group, children in self.group_children.items() if not children]

    def is_group(self, index: int) -> bool:
        """Is this the parent of a matrix, which has no step?"""
        return self.kinds[index] == GROUP

    def is_loop(self, step: int) -> bool:
        """Does the step go round?"""
        body = self.body(step)
        return body is not None and body["kind"] == "loop"

    def owners(self, step: int) -> list[int]:
        """The steps that this one is inside of, the nearest first."""
        found: list[int] = []
        phase = self.phase_of[step]
        while phase >= 0 and self.phase_owner[phase] >= 0:
            found.append(self.phase_owner[phase])
            phase = self.phase_of[found[-1]]
        return found

    def tree_of(self, step: int) -> int:
        """The step that has the tree of its own in which this one works: itself, or one that it is inside of; else -1,
        the run's tree."""
        if not self.has_trees:
            return -1
        around = (step, *self.owners(step))
        return next((one for one in around if has_own_tree(self.action(one).step)), -1)

    def may_fail(self, step: int) -> bool:
        """Has it, or what it is inside of, leave to fail?"""
        return any(self.action(one).step.get("allow_failure") for one in (step, *self.owners(step)))

    @property
    def has_trees(self) -> bool:
        """Has the run a branch of its own?"""
        return "workspace" in self.head

    def siblings(self, step: int) -> Sequence[int]:
        """All children of the matrix that the step is a child of; none where it is no child."""
        group = self.group_of[step]
        return self.inner(group) if group in self.bodies else self.group_children.get(group, ())

    def inner(self, step: int) -> list[int]:
        """The steps directly inside of what this one has opened; of a loop, those of its last iteration."""
        phases = self.bodies.get(step, [])
        if self.is_loop(step):
            phases = phases[-1:]
        return [one for phase in phases for one in (*self.phase_gates[phase], *self.phase_nodes[phase])]

    def space_of(self, step: int) -> int:
        """The space of a step's expressions."""
        phase = self.phase_of[step]
        return 0 if phase < 0 else self.phase_space[phase]

    def find(self, space: int, name: str) -> int:
        """The step or group that a name means in a space."""
        while name not in self.spaces[space].ids:
            space = self.spaces[space].outer
        return self.spaces[space].ids[name]

    def own(self) -> "Compiled":
        """A plan that a run may add to: this one, where nothing can be added."""
        if not any(action.body is not None and action.body["kind"] != "pipeline" for action in self.action_table):
            return self
        shared = ("head", "action_table", "dependants", "spaces")
        copies: dict[str, Any] = {
            name: value.copy()
            for name, value in zip(self._fields, self, strict=True)
            if name not in shared and isinstance(value, list | dict)
        }
        copies["dependants"] = [list(who) for who in self.dependants]
        copies["spaces"] = list(self.spaces)
        copies["bodies"] = {step: list(phases) for step, phases in self.bodies.items()}
        return self._replace(**copies)

    def slots(self, step: int) -> int:
        """How many of the jobs an attempt of this step takes: all of them where it asks for more."""
        asked: int = self.action_table[self.actions[step]].step.get("slots", 1)
        return asked if asked < self.max_in_flight else self.max_in_flight

    def is_final(self, step: int) -> bool:
        """Is it a `finally` node, of the run or of a child pipeline?"""
        return self.kinds[step] == FINALLY or self.phase_final[self.phase_of[step]]

    def is_behind_nodes(self, gate: int) -> bool:
        """May a node of the run be at work while this gate is shut?"""
        after = {self.phase_of[gate]}
        pending = list(after)
        while pending:
            more = set(self.phase_dependants[pending.pop()]) - after
            after |= more
            pending += more
        return any(nodes for phase, nodes in enumerate(self.phase_nodes) if phase not in after)


def _of(child: int | None) -> tuple[int, ...]:
    return () if child is None else (child,)

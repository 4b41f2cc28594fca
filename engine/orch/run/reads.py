"""What does a step with `cache` read? Its command, values and artifacts by digest, and what only the disk knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from orch.model.caching import ABSENT, digest_of
from orch.model.compiled import Action, Compiled
from orch.model.state import RunState
from orch.model.status import Status
from orch.run.attempts import folder_of, path_of, text_of
from orch.run.choice import action_of
from orch.run.scope import KnownAfter, step_scope
from orch.spec.expressions.evaluate import EvaluationError
from orch.spec.expressions.tree import references

_PLACES = {"env": "{env}", "files": "{files}", "reports": "{reports}"}
"""Of an adapter's texts: where they lie is another folder in every run, and says nothing."""


class Reads(NamedTuple):
    """`known` are digests by name. `globs` are files; `tools` are looked up in `path`, and relative to `cwd` where they
    hold a slash. `environment` is the folder that an adapter installs into, `makes` whether this step does it.
    `artifacts` are the paths, relative to `cwd`, where the declared ones are put back; `given` are the digests of those
    that others have made, by name."""

    known: dict[str, str]
    globs: tuple[str, ...]
    tools: tuple[str, ...]
    path: str
    cwd: str
    environment: str | None
    makes: bool
    artifacts: dict[str, str]
    given: dict[str, str] = {}


def globs_of(plan: Compiled, state: RunState, step: int) -> tuple[str, ...] | None:
    """The files that a step says it reads; None where it says nothing, or only the run knows."""
    globs = plan.action(step).globs
    try:
        scope = _Scope(plan, state, step)
        return None if globs is None else tuple(path_of(glob, scope, "cache.paths") for glob in globs)
    except EvaluationError:
        return None


class Reader:
    """Of one plan. `env` is what all nodes get, `environ` the whole environment of the caller."""

    def __init__(self, plan: Compiled, env: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._plan, self._env = plan, {**environ, **env}
        self._gives = any(action.paths for action in plan.action_table)
        self._fixed: dict[int, Reads] = {}
        self._needs: list[list[int]] = []
        self._before: dict[int, list[int]] = {}

    def of(self, state: RunState, step: int) -> Reads:
        """Raises EvaluationError where a value is missing, KnownAfter in a simulated run."""
        number = self._plan.actions[step]
        reads = self._fixed.get(number)
        if reads is None:
            action = action_of(self._plan, state, step)
            scope = _Scope(self._plan, state, step)
            reads = self._rendered(action, scope)
            if not scope.used and action is self._plan.action(step):
                self._fixed[number] = reads
        artifacts = dict(self._artifacts(state, step))
        return reads._replace(given=artifacts) if artifacts else reads

    def _rendered(self, action: Action, scope: _Scope) -> Reads:
        document = action.step
        adapter: Any = document.get("adapter", {})
        argv = [text_of(item, scope) for item in action.argv]
        cwd = folder_of(action, scope)
        known = {"command": digest_of(argv)}
        if cwd != ".":
            known["cwd"] = digest_of(cwd)
        paths = {name: path_of(value, scope, "artifact") for name, value in action.paths}
        if paths or "outputs" in document:
            known["outputs and artifacts"] = digest_of([document.get("outputs"), paths])
        env, cache = self._env, cast("dict[str, Any]", document["cache"])
        if action.env or "env" in cache:
            own = {name: text_of(value, scope) for name, value in action.env}
            env = {**env, **own}
            for name in dict.fromkeys((*own, *cache.get("env", ()))):
                known[f"env {name}"] = digest_of(env[name]) if name in env else ABSENT
        if adapter:
            files = {
                resource["path"]: resource["sha256"]
                for resource in self._plan.head["resources"]
                if resource["kind"] == "adapter" and resource.get("name") == adapter["name"]
            }
            about = {key: adapter[key] for key in ("environment", "reports", "none") if key in adapter}
            known[f"adapter {adapter['name']}"] = digest_of([files, about])
        script = isinstance(document.get("run"), str)
        programs = () if script or _is_of_adapter(action.argv[0]) else (argv[0],)
        return Reads(
            known,
            tuple(path_of(glob, scope, "cache.paths") for glob in action.globs or ()),
            tuple(dict.fromkeys((*programs, *adapter.get("tools", ()), *cache.get("tools", ())))),
            env.get("PATH", ""),
            cwd,
            adapter.get("environment", {}).get("path"),
            adapter.get("command") == "setup",
            paths,
        )

    def _artifacts(self, state: RunState, step: int) -> Iterator[tuple[str, str]]:
        """What the steps give that it, or a step that it is inside of, needs, and those that it reads; where it speaks
        of $ORCH_ARTIFACTS, all before it."""
        if not self._gives and not state.artifacts:
            return
        known, size = len(self._needs), self._plan.size
        self._needs += [[] for _ in range(size - known)]  # a run may have added steps
        for need in range(known, size):
            for dependant in self._plan.dependants[need]:
                self._needs[dependant].append(need)
        action = self._plan.action(step)
        givers = [self._plan.find(self._plan.space_of(step), node) for node in action.reads]
        around = (step, *self._plan.owners(step))
        for one in around:
            givers += self._needs[one]
        if _speaks_of_artifacts(action):
            for one in around:
                givers += [*self._ancestors(one), *self._phases_before(self._plan.phase_of[one])]
                if self._plan.is_loop(one):
                    earlier = self._plan.bodies.get(one, [])[:-1]
                    givers += [node for phase in earlier for node in self._plan.phase_nodes[phase]]
        for giver in self._steps(givers):
            given = state.artifacts.get(giver, ())
            unopened = not given and state.status[giver] is Status.SUCCEEDED and giver not in self._plan.bodies
            if unopened and _may_give(self._plan, self._plan.action(giver)):
                raise KnownAfter(self._plan.addresses[giver])
            for artifact in given:
                yield f"artifact {self._plan.addresses[giver]}.{artifact['name']}", artifact["sha256"]

    def _steps(self, indexes: Iterable[int]) -> Iterator[int]:
        for index in dict.fromkeys(indexes):
            if self._plan.is_group(index):
                yield from self._plan.group_children[index]
            else:
                yield index
                yield from self._steps(self._plan.inner(index))

    def _ancestors(self, step: int) -> list[int]:
        found = dict.fromkeys(self._needs[step])
        agenda = list(found)
        while agenda:
            more = [need for need in self._needs[agenda.pop()] if need not in found]
            found.update(dict.fromkeys(more))
            agenda += more
        return list(found)

    def _phases_before(self, phase: int) -> list[int]:
        if phase not in self._before:
            before: dict[int, None] = {}
            agenda = [phase]
            while agenda:
                after = agenda.pop()
                more = [p for p, following in enumerate(self._plan.phase_dependants) if after in following]
                agenda += [p for p in more if p not in before]
                before.update(dict.fromkeys(more))
            self._before[phase] = [node for p in sorted(before) for node in self._plan.phase_nodes[p]]
        return self._before[phase]


class _Scope:
    """The scope of a step, built when the first expression asks for it; `used` says that one did."""

    def __init__(self, plan: Compiled, state: RunState, step: int) -> None:
        self._of = (plan, state, step)
        self._scope: dict[str, Any] | None = None

    @property
    def used(self) -> bool:
        return self._scope is not None

    def get(self) -> dict[str, Any]:
        if self._scope is None:
            self._scope = step_scope(*self._of) | {"adapter": _PLACES}
        return self._scope


def _is_of_adapter(program: Any) -> bool:
    """Does it lie where the adapter has put it, in another folder in every run?"""
    return isinstance(program, list) and any(read.root == "adapter" for read in references(program))


def _may_give(plan: Compiled, action: Action) -> bool:
    """Does it declare artifacts, or perhaps one of those that it opens?"""
    body = action.body
    if body is None:
        return bool(action.paths)
    numbers = (*body.get("actions", ()), *((body["child"],) if "child" in body else ()))
    return body["kind"] == "pipeline" or any(_may_give(plan, plan.action_table[number]) for number in numbers)


def _speaks_of_artifacts(action: Action) -> bool:
    texts = (*action.argv, *(value for _, value in action.env))
    return any("ORCH_ARTIFACTS" in text for text in texts if isinstance(text, str))

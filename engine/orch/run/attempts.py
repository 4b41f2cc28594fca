"""What exactly is started for a step: its argv, environment and folder, rendered from what is known. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from orch.model.attempt import Attempt
from orch.model.compiled import Action, Compiled
from orch.model.names import child_of, file_stem
from orch.model.retry import is_once
from orch.model.state import RunState
from orch.run.choice import action_of
from orch.run.scope import step_scope
from orch.spec.expressions.evaluate import EvaluationError, evaluate

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Secrets

PROBE_SECONDS = 300.0
"""How long the probe of a step without `timeout` may take: it only looks, and the run waits for it."""


class Surroundings(NamedTuple):
    """Where attempts run: the project's root (absolute, without symlinks), the run's folder, and the environment that
    all share. `secrets` gives those that a step names."""

    root: str
    run_dir: str
    env: Mapping[str, str]
    secrets: Callable[[Sequence[str]], Secrets] | None = None


class Scope(Protocol):
    """Gives what expressions can see, made when it is asked for."""

    def get(self) -> dict[str, Any]: ...


class Prepared(NamedTuple):
    """An attempt ready to be started; `artifacts` are the declared paths, relative to the attempt's folder. `command`,
    `cwd` and `adapter` are set where they were computed, for the journal; `reports` is the folder for them. `setup`
    comes before it, in a tree of its own."""

    attempt: Attempt
    artifacts: Mapping[str, str]
    idempotency_key: str | None
    command: list[str] | None
    cwd: str | None
    action: Action
    reports: str | None
    adapter: str | None
    setup: Attempt | None = None


class Renderer:
    """Renders the actions of one run; environments that do not depend on the step are made once and shared. `root_of`
    tells where a step works, where not all do in the project's root."""

    def __init__(self, plan: Compiled, surroundings: Surroundings, root_of: Callable[[int], str] | None = None) -> None:
        self._root_of = root_of or (lambda step: surroundings.root)
        self._plan = plan
        self._around = surroundings
        self._shared_env: dict[int, Mapping[str, str]] = {}

    def prepare(
        self, state: RunState, step: int, number: int, output_path: str | None, reports: Callable[[], str]
    ) -> Prepared:
        """Render an attempt; `reports` makes a folder for them. Raises EvaluationError where a value is missing or a
        path leaves the project."""
        action = action_of(self._plan, state, step)
        scope = _Lazy(self._plan, state, step)
        folder = reports() if _writes_reports(action) else None
        root = self._root_of(step)
        if "adapter" in action.step:
            scope.adapter = self._adapter(action, _inside(root, folder_of(action, scope)), folder)
        address = self._plan.addresses[step]
        computed = any(isinstance(item, list) for item in action.argv)
        argv = tuple(text_of(item, scope) for item in action.argv) if computed else action.argv
        key = _key(action, scope, state.run_id, address)
        cwd = folder_of(action, scope)
        attempt = Attempt(
            address=address,
            number=number,
            argv=argv,
            env=self._env(step, action, scope, output_path, key),
            cwd=_inside(root, cwd),
            timeout_seconds=action.step.get("timeout_seconds"),
            stem=f"{file_stem(address)}.{number}",
            tools=_tools(action),
            root=root,
            secrets=self._secrets(action),
        )
        artifacts = {name: path_of(value, scope, "artifact") for name, value in action.paths}
        return Prepared(
            attempt,
            artifacts,
            key,
            list(argv) if computed else None,
            cwd if _is_tree(action.cwd) else None,
            action,
            folder,
            _adapter_words(action) if self._plan.action(step).variants is not None else None,
            None if action.setup is None else self._setup(step, action.setup, scope, attempt),
        )

    def _setup(self, step: int, number: int, scope: _Lazy, attempt: Attempt) -> Attempt:
        """What sets the tree of an attempt up."""
        action = self._plan.action_table[number]
        inner = _Lazy(*scope.of)
        inner.adapter = self._adapter(action, attempt.cwd, None)
        env = dict(self._around.env)
        env.update((name, text_of(value, inner)) for name, value in action.env)
        _enter_environment(env, action.step["adapter"].get("environment"), inner.adapter["env"])
        argv = tuple(text_of(item, inner) for item in action.argv)
        return attempt._replace(argv=argv, env=env, stem=f"{attempt.stem}.setup", tools=_tools(action), secrets=None)

    def probe(self, state: RunState, step: int) -> Attempt:
        """The probe of a `once` step, as an attempt of its own."""
        action = self._plan.action(step)
        scope = _Lazy(self._plan, state, step)
        root = self._root_of(step)
        if "adapter" in action.step:
            scope.adapter = self._adapter(action, _inside(root, folder_of(action, scope)), None)
        address = self._plan.addresses[step]
        key = _key(action, scope, state.run_id, address)
        return Attempt(
            address=address,
            number=state.attempt[step],
            argv=tuple(text_of(item, scope) for item in action.probe),
            env=self._env(step, action, scope, None, key),
            cwd=_inside(root, folder_of(action, scope)),
            timeout_seconds=action.step.get("timeout_seconds", PROBE_SECONDS),
            stem=f"{file_stem(address)}.{state.attempt[step]}.probe{state.probes.get(step, 0) + 1}",
            root=root,
            secrets=self._secrets(action),
        )

    def _secrets(self, action: Action) -> Secrets | None:
        names = action.step.get("secrets")
        if not names:
            return None
        assert self._around.secrets is not None, "a plan whose steps name secrets says where they come from"
        return self._around.secrets(names)

    def _env(
        self, step: int, action: Action, scope: _Lazy, output_path: str | None, key: str | None
    ) -> Mapping[str, str]:
        number = self._plan.actions[step]
        shared = self._shared_env.get(number)
        if shared is not None and scope.adapter is None:
            return shared
        env = dict(self._around.env)
        child = child_of(self._plan.addresses[step])
        if child and "ORCH_SUBJECT" in env:
            env["ORCH_SUBJECT"] += f"/{file_stem(child)}"
        for name, value in action.env:
            env[name] = text_of(value, scope)
        if scope.adapter is not None:
            _enter_environment(env, action.step["adapter"].get("environment"), scope.adapter["env"])
        if output_path is not None:
            env["ORCH_OUTPUT"] = output_path
        if key is not None:
            env["ORCH_IDEMPOTENCY_KEY"] = key
        fixed = not child and output_path is None and key is None and scope.adapter is None
        if fixed and not any(_is_tree(value) for _, value in action.env):
            self._shared_env[number] = env
        return env

    def _adapter(self, action: Action, cwd: str, reports: str | None) -> dict[str, str]:
        """The places of a run that an adapter's texts may name."""
        adapter = action.step["adapter"]
        places = {"files": f"{self._around.run_dir}/adapters/{adapter['name']}", "reports": reports or ""}
        environment = adapter.get("environment", {}).get("path", "")
        return {**places, "env": os.path.normpath(f"{cwd}/{environment}")}


class _Lazy:
    """The scope of a step, built when the first expression asks for it; `adapter` is a root of its own."""

    def __init__(self, plan: Compiled, state: RunState, step: int) -> None:
        self.of = (plan, state, step)
        self._scope: dict[str, Any] | None = None
        self.adapter: dict[str, str] | None = None

    def get(self) -> dict[str, Any]:
        if self._scope is None:
            self._scope = step_scope(*self.of) | ({} if self.adapter is None else {"adapter": self.adapter})
        return self._scope


def _tools(action: Action) -> tuple[tuple[str, str], ...]:
    """The programs that must be there: the adapter's with how to install them, then those that the node names."""
    tools = tuple(action.step["adapter"].get("tools", {}).items()) if "adapter" in action.step else ()
    return tools + tuple((name, "") for name in action.step["requires"]) if "requires" in action.step else tools


def _adapter_words(action: Action) -> str:
    return f"{action.step['adapter']['name']} {action.step['adapter']['command']}"


def _writes_reports(action: Action) -> bool:
    reports = action.step["adapter"].get("reports", ()) if "adapter" in action.step else ()
    return any(report["path"] != "stdout" for report in reports)


def _enter_environment(env: dict[str, str], environment: Mapping[str, str] | None, path: str) -> None:
    """The programs of the adapter's environment come first: tests start their own commands."""
    if environment is not None:
        env["PATH"] = f"{path}/{environment['bin']}{os.pathsep}{env['PATH']}"
        if environment["kind"] == "venv":
            env["VIRTUAL_ENV"] = path


def _is_tree(value: Any) -> bool:
    return isinstance(value, list)


def text_of(value: Any, scope: Scope) -> str:
    """A text of an action, rendered. Raises EvaluationError."""
    if not isinstance(value, list):
        return str(value)
    result = evaluate(value, scope.get())
    if isinstance(result, bool):
        return "true" if result else "false"
    if not isinstance(result, str | int | float):
        kind = "null" if result is None else "a list" if isinstance(result, list) else "an object"
        raise EvaluationError(f"{kind} where a text is needed: use `| tojson`", "O261")
    return str(result)


def _key(action: Action, scope: _Lazy, run_id: str, address: str) -> str | None:
    if not is_once(action.step):
        return None
    return text_of(action.once_key, scope) or f"{run_id}/{address}"


def folder_of(action: Action, scope: Scope) -> str:
    """The folder of an action, from the project's root on. Raises EvaluationError."""
    return path_of(action.cwd, scope, "cwd") if action.cwd is not None else "."


def path_of(value: Any, scope: Scope, what: str) -> str:
    """A path that stays inside. Raises EvaluationError."""
    path = text_of(value, scope)
    clean = os.path.normpath(path)
    if not path or clean == ".." or clean.startswith(("/", "../")) or "\0" in path:
        raise EvaluationError(f"{what} `{path}` leaves the project", "O263")
    return clean


def _inside(root: str, folder: str) -> str:
    return root if folder == "." else f"{root}/{folder}"

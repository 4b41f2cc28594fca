"""Goals → the pipeline that they are short for: one phase, with one matrix over the goals for each pipeline."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from orch.problems.problem import Span
from orch.source.document import Document, Route
from orch.spec.goals import Goals
from orch.spec.report import Report

PHASE = "goals"
_ID = "${{ matrix.goal.id }}"
_WHERE: dict[str, Route] = {
    "with": ("run", "with"),
    "key": ("goals",),
    "max_parallel": ("limits", "max_parallel"),
    "workspace": ("workspace",),
}


class GoalsDocument(Document):
    """The pipeline as a document whose places are those of the goals' own."""

    __slots__ = ("_goals", "_nodes")

    def __init__(self, goals: Document, data: dict[str, Any]) -> None:
        super().__init__(goals.path, goals.text, data)
        self._goals = goals
        self._nodes = list(data["phases"][PHASE]["nodes"])

    def span(self, route: Route, *, key: bool = False) -> Span:
        """The place of what a part of the pipeline was made from."""
        return self._goals.span(self._origin(route), key=key)

    @property
    def goals(self) -> list[dict[str, Any]]:
        """The goals, as they are written."""
        found: list[dict[str, Any]] = self._goals.data["goals"]
        return found

    def place(self, goal: int, key: str) -> Span:
        """The place of a key of a goal; of the goal itself where there is none."""
        return self._goals.span(("goals", goal, key) if key else ("goals", goal), key=bool(key))

    def _origin(self, route: Route) -> Route:
        match route:
            case ("phases", _, "nodes", _, "matrix", "adapter", *rest):
                return ("run", "adapters", *rest)
            case ("phases", _, "nodes", _, "matrix", _, *rest):
                return ("goals", *rest)
            case ("phases", _, "nodes", node, "pipeline"):
                return ("run", "pipelines", self._nodes.index(node))
            case ("phases", _, "nodes", _, "adapter" | "one_of", *_):
                return ("run", "adapters")
            case ("phases", _, "nodes", _, str() as name, *rest):
                return (*_WHERE.get(name, ("run", name)), *rest)
            case ("phases", *_):
                return ("run",)
            case ("budget", *rest):
                return ("limits", "budget", *rest)
        return route


def check_goals(goals: Goals, document: Document) -> None:
    """Raise OrchError with what is wrong beyond the shape of each key."""
    report = Report(document)
    seen: set[object] = set()
    for index, goal in enumerate(goals.goals):
        if not isinstance(goal.get("id"), str):
            report.add("O102", "a goal has no `id`, or one that is no text", ("goals", index), "write `id: login_form`")
        elif goal["id"] in seen:
            hint = "the key of a goal's part is its `id`: give it another"
            report.add("O223", f"two goals with the id `{goal['id']}`", ("goals", index, "id"), hint)
        seen.add(goal.get("id"))
    run = goals.run
    if run.pipelines:
        for key in ("command", "args", "cwd"):
            if getattr(run, key):
                hint = "the pipelines have commands of their own: write it there"
                report.add("O121", f"`{key}` beside `pipelines`", ("run", key), hint, key=True)
    elif not run.adapters:
        hint = "write `pipelines: [pipelines/goal.yaml]`, or `adapters: [python], command: test`"
        report.add("O105", "nothing is run for the goals", ("run",), hint, key=True)
    elif run.command is None:
        report.add(
            "O102", "`command` is missing beside `adapters`", ("run", "adapters"), "write `command: test`", key=True
        )
    if run.with_ and not run.pipelines:
        report.add(
            "O121", "`with` belongs to `pipelines`", ("run", "with"), "the goals are known as `matrix.goal`", key=True
        )
    for index, path in enumerate(run.pipelines):
        if path in run.pipelines[:index]:
            report.add("O213", f"`{path[:64]}` is named twice", ("run", "pipelines", index), "remove one of the two")
    report.close()


def goals_document(goals: Goals, document: Document) -> GoalsDocument:
    """The pipeline, as it would be written."""
    run = goals.run
    matrix: dict[str, Any] = {"goal": [_plain(goal) for goal in goals.goals]}
    key = _ID
    if run.adapters:
        matrix["adapter"] = list(run.adapters)
        key = f"{_ID}-${{{{ matrix.adapter }}}}"
    each: dict[str, Any] = {"matrix": matrix, "key": key}
    if goals.limits.max_parallel is not None:
        each["max_parallel"] = goals.limits.max_parallel
    if goals.workspace == "worktree":
        each["workspace"] = "worktree"
    nodes: dict[str, Any] = {}
    for path in run.pipelines:
        opens = {"pipeline": path, "with": _plain(run.with_)} if run.with_ else {"pipeline": path}
        nodes[_name(path, nodes)] = {**each, **opens}
    if not run.pipelines:
        command: dict[str, Any] = {
            "adapter": "${{ matrix.adapter }}",
            "one_of": list(run.adapters),
            "command": run.command,
        }
        command |= {"args": list(run.args)} if run.args else {}
        command |= {"cwd": run.cwd} if run.cwd is not None else {}
        nodes[str(run.command)] = {**each, **command}
    data: dict[str, Any] = {"apiVersion": goals.apiVersion, "kind": "Pipeline", "name": goals.name, "task": goals.task}
    if goals.description is not None:
        data["description"] = goals.description
    if goals.workspace != "project":
        data["workspace"] = "branch"
    if goals.limits.budget is not None:
        data["budget"] = document.data["limits"]["budget"]
    return GoalsDocument(document, {**data, "phases": {PHASE: {"nodes": nodes}}})


def _plain(values: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _name(path: str, taken: dict[str, Any]) -> str:
    """An id for what a file is about: its name, and a number where another file has the same one."""
    stem = re.sub(r"[^a-z0-9]+", "_", posixpath.basename(path).rpartition(".")[0].lower()).strip("_")[:40]
    name = stem if re.match("[a-z]", stem) else f"run_{stem}".rstrip("_")
    return name if name not in taken else f"{name}_{len(taken) + 1}"

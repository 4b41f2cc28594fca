"""What a node says it reads: `cache`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from orch.problems.problem import Problem
from orch.source.document import Document, Route
from orch.spec.checks.paths import check_path
from orch.spec.checks.texts import View, check_template
from orch.spec.expressions.parse import parse_template
from orch.spec.expressions.tree import references
from orch.spec.graph import Graph
from orch.spec.node import BodyNode, Work
from orch.spec.pipeline import Pipeline
from orch.spec.report import Report

NEVER = (".git", ".runs")
"""What git and orch keep changes with every run, and is never among the files that a node reads."""


def check_cache(graph: Graph, report: Report, view: View, route: Route, node: Work) -> None:
    """Report what stands in the way of keeping the result of a node, and globs that mean nothing."""
    if not isinstance(node, BodyNode) or node.cache is None:
        return
    here = (*route, "cache")
    if "effect" in node.model_fields_set and node.effect != "pure":
        word = node.effect if isinstance(node.effect, str) else "once"
        hint = (
            "write `effect: pure`, or nothing, if all that it does is give its outputs and artifacts; else no `cache`"
        )
        report.add("O120", f"the result of a step with `effect: {word}` cannot be kept", (*route, "effect"), hint)
    if node.secrets:
        hint = "take the part that needs the secret into a node of its own, or remove `cache`"
        report.add("O120", "the result of a step with secrets is not kept", (*route, "secrets"), hint, key=True)
    _check_env(report, route, node, graph.pipeline.secrets.values())
    for where, text in _texts(node):
        tree = parse_template(text) if "${{" in text else None
        if any(reference.root == "run" for reference in references(tree or ["const", 0])):
            hint = "remove it, or `cache`: $ORCH_RUN_ID tells a command the same"
            message = "a step that reads `run.id` is another in every run: its result would never be found again"
            report.add("O120", message, (*route, *where), hint)
    for place, glob in enumerate(node.cache.paths):
        at = (*here, "paths", place)
        check_template(graph, report, view, at, glob)
        check_path(report, at, glob, "it")
        if (never := next((part for part in glob.split("/") if part in NEVER), None)) is not None:
            report.add("O104", f"`{never}` is never among the files that a node reads", at, "remove it")
    for place, tool in enumerate(node.cache.tools):
        if "${{" in tool:
            report.add("O104", "the name of a tool is a constant", (*here, "tools", place), "write the name out")


def check_family(every: Sequence[tuple[Pipeline, Document]]) -> None:
    """Raise OrchError where a node of one pipeline of a run names what another one of them calls a secret."""
    secrets = {reference for one, _ in every for reference in one.secrets.values()}
    for pipeline, document in every if secrets else ():
        report = Report(document)
        for route, node in pipeline.works():
            _check_env(report, route, node, secrets)
        report.close()


def reads_env(pipeline: Pipeline) -> bool:
    """Does the result of a node depend on a variable of the caller's?"""
    return any(isinstance(node, BodyNode) and node.cache and node.cache.env for _, node in pipeline.works())


def unpassed(pipeline: Pipeline, document: Document, is_passed: Callable[[str], bool]) -> list[Problem]:
    """Warnings of variables in `cache.env` that no command gets: what they hold can change nothing."""
    report = Report(document)
    for route, node in pipeline.works():
        if not isinstance(node, BodyNode) or node.cache is None or node.run is None:
            continue
        for place, name in enumerate(node.cache.env):
            if name not in node.env and name not in pipeline.defaults.env and not is_passed(name):
                message = f"`{name}` makes the step run again, and its command does not get it"
                hint = f"add it to `env: {{ pass: [{name}] }}` in orch.yaml, or remove it here"
                report.add("O122", message, (*route, "cache", "env", place), hint)
    return [problem._replace(severity="warning") for problem in report.problems]


def _check_env(report: Report, route: Route, node: Work, secrets: Collection[str]) -> None:
    for place, name in enumerate(node.cache.env if isinstance(node, BodyNode) and node.cache is not None else ()):
        if f"env:{name}" in secrets:
            message = f"`{name}` holds a secret, and its digest would be written down"
            hint = "remove it: what depends on a secret is not kept"
            report.add("O120", message, (*route, "cache", "env", place), hint)


def _texts(node: BodyNode) -> Iterator[tuple[Route, str]]:
    """The texts of a node that are part of what it reads, with their places."""
    if node.run is not None and not isinstance(node.run, str):
        yield from ((("run", place), text) for place, text in enumerate(node.run))
    yield from ((("args", place), text) for place, text in enumerate(node.args))
    yield from ((("env", name), text) for name, text in node.env.items())
    yield from ((("artifacts", name), text) for name, text in node.artifacts.items())
    if node.cwd is not None:
        yield ("cwd",), node.cwd
    if node.cache is not None:
        yield from ((("cache", "paths", place), text) for place, text in enumerate(node.cache.paths))

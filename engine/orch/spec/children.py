"""Child pipelines: the files that a pipeline opens, read and checked, each once."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from orch.problems.problem import OrchError, Problem
from orch.source.document import Document, Route
from orch.spec.checks.paths import outside
from orch.spec.expressions.wording import names_text
from orch.spec.pipeline import Pipeline
from orch.spec.report import Report

MAX_DEPTH = 16
"""Pipelines inside of each other."""
OF_A_RUN = ("concurrency", "budget", "workspace")
"""Keys that concern the run as a whole, which is the parent's. A child may say that it needs its branch."""


class Child(NamedTuple):
    """A pipeline that another opens. `children` are its own, by what its nodes say."""

    pipeline: Pipeline
    document: Document
    data: bytes
    digest: str
    children: Mapping[str, Child]


class Family:
    """Reads the children of a pipeline, and theirs. `read(path)` gives a file's bytes by its path from the project's
    root; `parse(data, path)` the document in it."""

    def __init__(self, read: Callable[[str], bytes], parse: Callable[[bytes, str], Document]) -> None:
        self._read, self._parse = read, parse
        self._chain: list[str] = []
        self.workspace = ""
        """That of the run: of the first pipeline of the family."""
        self.known: dict[str, Child] = {}
        """Every child by its path."""
        self.children: Mapping[str, Child] = {}
        """Those of the pipeline that was asked for last, by what its nodes say."""

    def of(self, pipeline: Pipeline, document: Document) -> Mapping[str, Child]:
        """The children of a pipeline. Raises OrchError with what is wrong in any of them."""
        found: dict[str, Child] = {}
        problems: list[Problem] = []
        self.workspace = self.workspace or pipeline.workspace
        self._chain.append(document.path)
        for route, written in _opened(pipeline):
            if written in found or "${{" in written:
                continue
            try:
                found[written] = self._child(written, document, route)
            except OrchError as error:
                problems += [problem for problem in error.problems if problem not in problems]
        self._chain.pop()
        if problems:
            raise OrchError(problems)
        self.children = found
        return found

    def _child(self, written: str, parent: Document, route: Route) -> Child:
        path = from_root(written, parent.path)
        problem = None
        if why := outside(path):
            problem = Problem("O214", f"`{written[:64]}` {why}", hint="write it relative to the project's root")
        elif path in self._chain:
            chain = " → ".join((*self._chain[self._chain.index(path) :], path))
            problem = Problem(
                "O231", f"pipelines that open each other: {chain}", hint="take one of them out of this chain"
            )
        elif len(self._chain) >= MAX_DEPTH:
            hint = "let the pipelines in the middle hold the nodes themselves"
            problem = Problem("O231", f"more than {MAX_DEPTH} pipelines inside of each other", hint=hint)
        if problem is not None:
            raise OrchError(problem._replace(at=parent.span(route)))
        if path not in self.known:
            try:
                data = self._read(path)
            except OSError as error:
                hint = "it is a path from the project's root; `./x` is one from this file"
                at = parent.span(route)
                raise OrchError(Problem("O230", f"{path} cannot be read: {error.strerror}", at, hint)) from error
            self.known[path] = self._load(self._parse(data, path), data, parent.path)
        return self.known[path]

    def _load(self, document: Document, data: bytes, parent: str) -> Child:
        from orch.spec.load import load_pipeline

        pipeline = load_pipeline(document, self)
        children = self.children
        report = Report(document)
        for key in OF_A_RUN:
            if key in pipeline.model_fields_set and not (
                key == "workspace" and pipeline.workspace == self.workspace == "branch"
            ):
                hint = f"{parent} opens this pipeline, and one run has one of it: write it there, and not here"
                report.add("O232", f"`{key}` in a child pipeline", (key,), hint, key=True)
        report.close()
        return Child(pipeline, document, data, hashlib.sha256(data).hexdigest(), children)


def from_root(written: str, parent: str) -> str:
    """The path from the project's root of what a file names: `./x` and `../x` lie beside the file."""
    if written.startswith(("./", "../")):
        written = posixpath.join(posixpath.dirname(parent), written)
    return posixpath.normpath(written)


def inputs_text(pipeline: Pipeline) -> str:
    """What can be given to a child, in words."""
    return f"its inputs are {names_text(pipeline.inputs)}" if pipeline.inputs else "it has no inputs"


def _opened(pipeline: Pipeline) -> Iterator[tuple[Route, str]]:
    for phase, one in pipeline.phases.items():
        for name, node in one.nodes.items():
            if node.pipeline is not None:
                yield ("phases", phase, "nodes", name, "pipeline"), node.pipeline

"""One text of a pipeline: can it be read, does everything that it names exist, and is it known by then?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orch.source.document import Route
from orch.spec.checks import shapes
from orch.spec.expressions.check import ANY, Known, Shape, check, check_condition
from orch.spec.expressions.parse import ExpressionError, parse_expression, parse_template
from orch.spec.expressions.tree import Reference, Tree, references
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.graph import Graph
from orch.spec.report import Report

SECRET = re.compile(r"(?<![\w.])secrets\.(\w+)")
NO_VALUE = "a secret is no value of an expression"


def way_of(name: str) -> str:
    """How a command gets a secret."""
    return f'write `secrets: [{name[:48]}]` for the node: its command finds it in "${name[:48]}"'


@dataclass(frozen=True, slots=True)
class View:
    """What a text can see. `over` gives the nodes that have ended by then, None where the text is read before the run;
    `unsure` says whether a node may have left no outputs; `hint` what to do about a node that is not over."""

    roots: Mapping[str, Shape]
    over: Callable[[], AbstractSet[str]] | None = None
    unsure: Callable[[str], bool] = lambda node: True
    hint: Callable[[str], str] = lambda node: "this text is read when the plan is made: only inputs are known then"
    maybe_roots: AbstractSet[str] = frozenset()  # names below `matrix` that not every child has


def check_template(graph: Graph, report: Report, view: View, route: Route, text: str) -> Tree | None:
    """Check a text with `${{ }}`; its tree where it has any and can be read."""
    if "${{" not in text:
        return None
    return _check(graph, report, view, route, text, bare=False)


def check_bare(graph: Graph, report: Report, view: View, route: Route, text: str) -> None:
    """Check a condition."""
    _check(graph, report, view, route, text, bare=True)


def _check(graph: Graph, report: Report, view: View, route: Route, text: str, *, bare: bool) -> Tree | None:
    try:
        tree = parse_expression(text) if bare else parse_template(text)
    except ExpressionError as error:
        report.inside(error.code, error.message, route, (text, error.offset, error.length), error.hint)
        return None
    if tree is None:
        return None
    checking = _References(graph, report, view, route, text)
    for reference in references(tree):
        checking.look(reference)
    scope = {**view.roots, "nodes": Known(checking.nodes)}
    if view.over is None and not checking.nodes:
        del scope["nodes"]
    if checking.secrets:
        scope["secrets"] = ANY  # reported as what it is
    for message, hint in check_condition(tree, scope) if bare else check(tree, scope):
        report.inside("O256", message, route, _named_part(text, message), hint)
    return tree


def _named_part(text: str, message: str) -> tuple[str, int, int]:
    """The part of a text that a message names in backquotes; all of it where there is none."""
    for name in message.split("`")[1::2]:
        if (offset := text.find(name)) >= 0:
            return text, offset, len(name)
    return text, 0, len(text)


class _References:
    """The references of one text; `nodes` is what of the root `nodes` they use."""

    def __init__(self, graph: Graph, report: Report, view: View, route: Route, text: str) -> None:
        self.graph, self.report, self.view, self.route, self.text = graph, report, view, route, text
        self.nodes: dict[str, Shape] = {}
        self.secrets = False

    def look(self, reference: Reference) -> None:
        if reference.root == "matrix":
            self._matrix(reference)
        if reference.root == "secrets":
            self.secrets = True
            name = str(reference.parts[0]) if reference.parts and reference.parts[0] is not None else "NAME"
            self._add("O501", NO_VALUE, f"secrets.{name}" if name != "NAME" else "secrets", way_of(name))
        if reference.root == "nodes":
            self._node(reference)

    def _matrix(self, reference: Reference) -> None:
        name = reference.parts[0] if reference.parts else None
        if name in self.view.maybe_roots and not reference.guarded:
            hint = f"write `matrix.{name} | default(…)`, or give it to every combination"
            self._add("O209", f"not every child has `matrix.{name}`", f"matrix.{name}", hint)

    def _node(self, reference: Reference) -> None:
        name = reference.parts[0] if reference.parts else None
        if not isinstance(name, str):
            self._add("O207", "`nodes` needs the name of a node", "nodes", "write `nodes.<id>.outputs.<name>`")
            return
        known = self.graph.nodes.get(name)
        self.nodes.setdefault(name, ANY)
        if known is None:
            self._unknown(name)
        elif self.view.over is None or name not in self.view.over():
            message = f"`{name}` is not certainly over when this is evaluated"
            self._add("O208", message, f"nodes.{name}", self.view.hint(name))
        else:
            self.nodes[name] = shapes.of_node(known, self.graph.child_of(known))
            self._missing(name, reference)

    def _unknown(self, name: str) -> None:
        near = nearest(name, self.graph.nodes)
        if name in self.graph.gates:
            hint = "it is a gate, and only nodes have outputs and a status"
        elif name in self.graph.pipeline.finally_:
            hint = "it is a `finally` node, which runs when all is over"
        else:
            hint = f"did you mean `{near}`?" if near else f"the nodes are {names_text(self.graph.nodes)}"
        self._add("O207", f"there is no node `{name[:48]}`", f"nodes.{name}", hint)

    def _missing(self, name: str, reference: Reference) -> None:
        parts = reference.parts
        matrix = self.graph.nodes[name].matrix is not None
        what = parts[1] if len(parts) > (2 if matrix else 1) else None
        if reference.guarded or what not in ("outputs", "artifacts", "exit_code") or not self.view.unsure(name):
            return
        path = ".".join(str(part) for part in ("nodes", *parts) if part is not None)
        without = f"`{name}` may have been skipped or have failed, and then it has no {what}"
        hint = f"write `{path} | default(…)`: say what holds then"
        if what == "exit_code":  # a command that failed has one, and it is the status that is nearly always meant
            without = f"`{name}` may have been skipped, or stopped before its command ended: then it has no exit_code"
            hint = f"its status is always there: `nodes.{name}.status == 'succeeded'`; or write `{path} | default(1)`"
        self._add("O209", without, f"nodes.{name}", hint)

    def _add(self, code: str, message: str, path: str, hint: str) -> None:
        offset = self.text.find(path)
        part = (self.text, offset, len(path)) if offset >= 0 else (self.text, 0, len(self.text))
        self.report.inside(code, message, self.route, part, hint)

"""Adapter node → step: the adapter is looked up, the repository looked at, and its command takes the place of `run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orch.plan.adapters import Unread, command_of, detect
from orch.plan.compile import template
from orch.plan.fill import fill
from orch.problems.problem import Exit, OrchError, Problem
from orch.spec.adapter import Adapter
from orch.spec.checks.adapter_nodes import AUTO
from orch.spec.expressions.tree import references
from orch.spec.library import Library, Resource
from orch.spec.node import Work
from orch.spec.repository import Repository


class Stacks:
    """Adapters and the repository that they are asked about. `used` holds the resources that a plan was made from,
    `tools` the programs that its commands need, by adapter."""

    def __init__(self, library: Library, repository: Repository) -> None:
        self.used: dict[str, Resource] = {}
        self.tools: dict[str, set[str]] = {}
        self._library = library
        self._repository = repository
        self._known: dict[str, Adapter] = {}

    def adapter(self, name: str) -> Adapter:
        """An adapter by its name, from now on among the used ones. Raises OrchError."""
        if name not in self._known:
            self._known[name], self.used[name] = self._library.adapter(name)
        return self._known[name]

    def step(self, doc: dict[str, Any], node: Work, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The step of an adapter node, from what `node_doc` made of its other keys. Raises OrchError."""
        assert node.adapter is not None, "only for adapter nodes"
        assert node.command is not None, "checked when the pipeline was loaded"
        doc = dict(doc)
        cwd = "."
        if "cwd" in doc:
            cwd = doc["cwd"] = str(fill(doc["cwd"], scope, "cwd"))
        if _reads_more(node.adapter, scope):
            doc["adapter"] = {"name": node.adapter, "command": node.command}
            doc["one_of"] = {name: self._command(name, node, cwd, doc) for name in node.one_of or ()}
            return doc
        name = str(fill(node.adapter, scope, "adapter"))
        if node.one_of is not None and name not in node.one_of:
            hint = f"add it: `one_of: [{', '.join((*node.one_of, name))}]`"
            raise OrchError(Problem("O409", f"`adapter` is `{name[:48]}`, which is not in `one_of`", hint=hint))
        if name != AUTO:
            return {**doc, **self._command(name, node, cwd, doc)}
        chosen, because = self.detected(cwd)
        made = {**doc, **self._command(chosen, node, cwd, doc)}
        made["adapter"]["because"] = because
        return made

    def setup(self, name: str, cwd: str) -> dict[str, Any] | None:
        """What sets a tree up, as the step of an adapter node; None where there is nothing to set up. Raises
        OrchError."""
        made = self._made(self.detected(cwd)[0] if name == AUTO else name, "setup", cwd, ())
        return None if "skip" in made["adapter"] else made

    def _command(self, name: str, node: Work, cwd: str, doc: Mapping[str, Any]) -> dict[str, Any]:
        made = self._made(name, str(node.command), cwd, node.args)
        if "env" in made or "env" in doc:
            made["env"] = {**made.get("env", {}), **doc.get("env", {})}
        return made

    def _made(self, name: str, command: str, cwd: str, args: Sequence[str]) -> dict[str, Any]:
        adapter = self.adapter(name)
        try:
            made = command_of(adapter, command, self._repository, cwd, args)
        except Unread as why:
            message = f"{why}: whether `{name}` has a `{command}` here is not known"
            raise OrchError(Problem("O411", message, hint="mend the file; a broken one is no reason to skip")) from None
        if made is None:
            has = ", ".join(adapter.commands)
            missing = command not in adapter.commands
            message = f"the adapter `{name}` has no `{command}`" + ("" if missing else f" for what is in `{cwd}`")
            hint = f"it has {has}" if missing else f"orch adapters show {name} --cwd {cwd}"
            raise OrchError(Problem("O402", message, hint=hint))
        self.tools.setdefault(name, set()).update(made["adapter"].get("tools", ()))
        return made

    def detected(self, cwd: str) -> tuple[str, str]:
        """The stack that `auto` stands for, and the signs of it. Raises OrchError."""
        names = list(self._library.names("adapters"))
        found = detect((self._library.adapter(name)[0] for name in names), self._repository, cwd)
        if found.chosen is not None:
            return found.chosen, found.because
        where = "the project" if cwd == "." else f"`{cwd}`"
        if found.rivals:
            hint = f"name one: `adapter: {found.rivals[0].adapter}`, or say which package is meant with `cwd`"
            raise OrchError(Problem("O403", f"in {where} `auto` finds {found.because}", hint=hint), Exit.INVALID)
        hint = f"there are adapters for {', '.join(names)}; use `run` for anything else, or write an adapter"
        raise OrchError(Problem("O403", f"in {where} `auto` finds no sign of any stack", hint=hint), Exit.INVALID)


def _reads_more(text: str, scope: Mapping[str, Any]) -> bool:
    """Does a text read what is not in the scope of planning?"""
    tree = template(text)
    return isinstance(tree, list) and any(read.root not in scope for read in references(tree))

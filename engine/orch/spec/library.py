"""What pipelines take by name: the project's own resources first, then those that ship, each with its origin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orch.problems.problem import OrchError, Problem
from orch.source.read import parse
from orch.spec.adapter import Adapter
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.load import load_adapter

MARKERS = {"adapters": "adapter.yaml"}
PROJECT, BUILT_IN = "project", "built-in"


class Resource(NamedTuple):
    """Something found by its name. `path` is that of its marker file, relative to the project's root, or with `orch:`
    before it for what ships; `files` are the bytes of all that belongs to it, by name, the marker file first."""

    name: str
    origin: str
    path: str
    files: Mapping[str, bytes]


class Library:
    """The library of one project. `folder` is where it lies below `root`, `shipped` what ships with orch, `overrides`
    what the project says that it replaces, `prefix` stands before the
    paths of what ships. Raises OrchError where a folder replaces what ships without being named."""

    def __init__(self, root: str, folder: str, shipped: str, overrides: Sequence[str], prefix: str) -> None:
        self._own = os.path.normpath(os.path.join(root, folder))
        self._shown = "" if folder in (".", "") else folder.rstrip("/") + "/"
        self._shipped = shipped
        self._prefix = prefix
        self._overrides = overrides
        if os.path.realpath(self._own) == os.path.realpath(shipped):
            self._own = ""  # the checkout of orch itself: what it has is what ships
        self._names = {kind: self._find(kind) for kind in MARKERS}
        self._check_overrides()

    def names(self, kind: str) -> Mapping[str, str]:
        """The resources of a kind (`adapters`), by name, with their origin."""
        return self._names[kind]

    def adapter(self, name: str) -> tuple[Adapter, Resource]:
        """An adapter by its name. Raises OrchError: there is none, or it has mistakes."""
        known = self._names["adapters"]
        if name not in known:
            near = nearest(name, [*known, "auto"])
            hint = f"did you mean `{near}`?" if near else f"there are {names_text(known)}; `orch adapters list`"
            raise OrchError(Problem("O401", f"no adapter `{name[:48]}`", hint=hint))
        folder, shown = self._place("adapters", name)
        marker = MARKERS["adapters"]
        data = self._read(os.path.join(folder, marker), f"{shown}/{marker}")
        document = parse(data, f"{shown}/{marker}")
        adapter = load_adapter(document)
        if adapter.name != name:
            hint = f"write `name: {name}`, or rename the folder"
            message = f"the adapter in the folder `{name}` is called `{adapter.name}`"
            raise OrchError(Problem("O405", message, document.span(("name",)), hint))
        files = {marker: data}
        for index, file in enumerate(adapter.files):
            try:
                files[file] = self._read(os.path.join(folder, file), f"{shown}/{file}")
            except OrchError as error:
                at = document.span(("files", index))
                raise OrchError([problem._replace(at=at) for problem in error.problems]) from error
        return adapter, Resource(name, known[name], f"{shown}/{marker}", files)

    def cases(self, name: str) -> list[tuple[str, bytes]]:
        """The cases of an adapter: path as shown, and bytes."""
        folder, shown = self._place("adapters", name)
        try:
            found = sorted(entry for entry in os.listdir(os.path.join(folder, "cases")) if entry.endswith(".yaml"))
        except OSError:
            return []
        return [(f"{shown}/cases/{file}", self._read(os.path.join(folder, "cases", file), file)) for file in found]

    def _place(self, kind: str, name: str) -> tuple[str, str]:
        own = self._names[kind][name] == PROJECT
        folder = os.path.join(self._own if own else self._shipped, kind, name)
        return folder, f"{self._shown if own else self._prefix}{kind}/{name}"

    def _find(self, kind: str) -> dict[str, str]:
        own = _marked(os.path.join(self._own, kind), MARKERS[kind]) if self._own else []
        shipped = _marked(os.path.join(self._shipped, kind), MARKERS[kind])
        undeclared = [name for name in own if name in shipped and f"{kind}/{name}" not in self._overrides]
        if undeclared:
            whole = f"{kind}/{undeclared[0]}"
            message = f"{self._shown}{whole} would replace what ships with orch"
            hint = f"rename it, or say that it is meant, in orch.yaml: overrides: [{whole}]"
            raise OrchError(Problem("O406", message, hint=hint))
        return {**dict.fromkeys(sorted(shipped), BUILT_IN), **dict.fromkeys(sorted(own), PROJECT)}

    def _check_overrides(self) -> None:
        for override in self._overrides:
            kind, _, name = override.partition("/")
            shipped = os.path.join(self._shipped, kind, name)
            if kind not in MARKERS or self._names[kind].get(name) != PROJECT or not os.path.isdir(shipped):
                message = f"`overrides` names `{override[:48]}`, which replaces nothing that ships with orch"
                raise OrchError(Problem("O406", message, hint="remove it from `overrides` in orch.yaml"))

    def _read(self, path: str, shown: str) -> bytes:
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise OrchError(Problem("O405", f"{shown} cannot be read: {error.strerror}")) from error


def _marked(folder: str, marker: str) -> list[str]:
    """The folders with a marker file: nothing else in there is ours."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [name for name in names if os.path.isfile(os.path.join(folder, name, marker))]

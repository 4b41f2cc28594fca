"""What pipelines take by name: the project's own resources first, then those that ship, each with its origin."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orch.problems.problem import OrchError, Problem, Span
from orch.source.document import Route
from orch.source.read import parse
from orch.spec.adapter import Adapter
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.load import load_adapter

MARKERS = {"adapters": "adapter.yaml"}
PROJECT, BUILT_IN = "project", "built-in"
_Names = Mapping[str, Sequence[str]]


class Resource(NamedTuple):
    """Something found by its name. `path` is that of its marker file, relative to the project's root, or with `orch:`
    before it for what ships; `files` are the bytes of all that belongs to it, by name, the marker file first."""

    name: str
    origin: str
    path: str
    files: Mapping[str, bytes]


class Overrides(NamedTuple):
    """What a project says that it replaces, and where its file says so."""

    names: Sequence[str]
    place: Callable[[Route], Span]


class Library:
    """The library of one project. `folder` is where it lies below `root`, `shipped` what ships with orch, `overrides`
    what the project says that it replaces, `prefix` stands before the paths of what ships. Raises OrchError where a
    folder replaces what ships without being named, or an override replaces nothing."""

    def __init__(self, root: str, folder: str, shipped: str, overrides: Overrides, prefix: str) -> None:
        self._own = os.path.normpath(os.path.join(root, folder))
        self._shown = "" if (inside := os.path.normpath(folder)) == "." else inside + "/"
        self._shipped = shipped
        self._prefix = prefix
        self._overrides = overrides
        if os.path.realpath(self._own) == os.path.realpath(shipped):
            self._own = ""  # the checkout of orch itself: what it has is what ships
        own = {kind: _marked(os.path.join(self._own, kind), MARKERS[kind]) if self._own else [] for kind in MARKERS}
        ships = {kind: _marked(os.path.join(shipped, kind), MARKERS[kind]) for kind in MARKERS}
        problems = [*self._undeclared(own, ships), *self._vain(own, ships)]
        if problems:
            raise OrchError(problems)
        self._names = {
            kind: {**dict.fromkeys(sorted(ships[kind]), BUILT_IN), **dict.fromkeys(sorted(own[kind]), PROJECT)}
            for kind in MARKERS
        }

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
        adapter, files = adapter_in(folder, shown)
        return adapter, Resource(name, known[name], f"{shown}/{MARKERS['adapters']}", files)

    def cases(self, name: str) -> list[tuple[str, bytes]]:
        """The cases of an adapter: path as shown, and bytes."""
        folder, shown = self._place("adapters", name)
        try:
            found = sorted(entry for entry in os.listdir(os.path.join(folder, "cases")) if entry.endswith(".yaml"))
        except OSError:
            return []
        paths = [f"cases/{file}" for file in found]
        return [(f"{shown}/{path}", _read(os.path.join(folder, path), f"{shown}/{path}")) for path in paths]

    def _place(self, kind: str, name: str) -> tuple[str, str]:
        own = self._names[kind][name] == PROJECT
        folder = os.path.join(self._own if own else self._shipped, kind, name)
        return folder, f"{self._shown if own else self._prefix}{kind}/{name}"

    def _undeclared(self, own: _Names, ships: _Names) -> Iterator[Problem]:
        taken = [(kind, name) for kind, names in own.items() for name in names if name in ships[kind]]
        for kind, name in taken:
            whole = f"{kind}/{name}"
            if whole not in self._overrides.names:
                path = f"{whole}/{MARKERS[kind]}"
                message = f"{self._shown}{whole} would replace what ships with orch"
                hint = f"rename it, or say that it is meant, in orch.yaml: `overrides: [{whole}]`"
                at = parse(_read(os.path.join(self._own, path), path), f"{self._shown}{path}").span(("name",))
                yield Problem("O406", message, at, hint)

    def _vain(self, own: _Names, ships: _Names) -> Iterator[Problem]:
        for index, override in enumerate(self._overrides.names):
            kind, _, name = override.partition("/")
            if name not in own.get(kind, ()) or name not in ships.get(kind, ()):
                message = f"`overrides` names `{override[:48]}`, which replaces nothing that ships with orch"
                at = self._overrides.place(("overrides", index))
                yield Problem("O406", message, at, "remove it from `overrides` in orch.yaml")


def adapter_in(folder: str, shown: str) -> tuple[Adapter, dict[str, bytes]]:
    """The adapter in a folder, and the bytes of its files by name, the marker file first; `shown` is the folder in
    messages. Raises OrchError with all that is wrong with it."""
    marker = MARKERS["adapters"]
    data = _read(os.path.join(folder, marker), f"{shown}/{marker}")
    document = parse(data, f"{shown}/{marker}")
    adapter = load_adapter(document)
    files, problems = {marker: data}, []
    if adapter.name != (name := os.path.basename(folder)):
        message = f"the adapter in the folder `{name[:48]}` is called `{adapter.name}`"
        hint = f"rename the folder to `{adapter.name}`, or write `name: {name[:48]}`"
        problems.append(Problem("O405", message, document.span(("name",)), hint))
    for index, file in enumerate(adapter.files):
        try:
            files[file] = _read(os.path.join(folder, file), f"{shown}/{file}")
        except OrchError as error:
            at = document.span(("files", index))
            hint = "put the file beside adapter.yaml, or remove it from `files`"
            problems += [problem._replace(at=at, hint=hint) for problem in error.problems]
    if problems:
        raise OrchError(problems)
    return adapter, files


def _read(path: str, shown: str) -> bytes:
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

"""The adapters of the library: which there are, what one makes of this repository, and whether their cases hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orch.app.checkout import Checkout
from orch.app.context import Context
from orch.app.library import library_of
from orch.app.project import load
from orch.app.root import find_root
from orch.app.tools import FoundTool, found_tool
from orch.plan.adapter_nodes import Stacks
from orch.plan.adapter_view import View, view_of
from orch.plan.adapters import Detection, Sign, detect, sign_of
from orch.plan.cases import differences
from orch.plan.difference import Difference
from orch.problems.problem import Exit, OrchError, Problem
from orch.source.read import parse
from orch.spec.checks.adapter_nodes import AUTO
from orch.spec.checks.paths import outside
from orch.spec.load import load_case

if TYPE_CHECKING:
    from orch.spec.adapter import Adapter
    from orch.spec.library import Library, Resource


class Listed(NamedTuple):
    """An adapter, and the strongest sign of its stack in the project's root."""

    adapter: Adapter
    resource: Resource
    sign: Sign


class Listing(NamedTuple):
    """All adapters by name, and what `auto` would choose in the project's root."""

    adapters: Sequence[Listed]
    auto: Detection


class Shown(NamedTuple):
    """An adapter in a folder of this project. `because` has the signs where it was found by `auto`."""

    view: View
    resource: Resource
    tools: Sequence[FoundTool]
    because: str | None


class Tested(NamedTuple):
    """A case of an adapter, and what is not as it says."""

    adapter: str
    path: str
    description: str
    differences: Sequence[Difference]


class Results(NamedTuple):
    """What the cases say, and the adapters that have none."""

    cases: Sequence[Tested]
    without: Sequence[str]


def list_adapters(context: Context) -> Listing:
    """All adapters. Raises OrchError with the mistakes of all that have some."""
    root = find_root(context.cwd)
    library = library_of(root, load(root))
    repository = Checkout(root)
    found = _adapters(library, library.names("adapters"))
    rows = [Listed(adapter, resource, sign_of(adapter, repository, ".")) for adapter, resource in found]
    return Listing(rows, detect((row.adapter for row in rows), repository, "."))


def show_adapter(context: Context, name: str, cwd: str) -> Shown:
    """One adapter, or the one that `auto` finds, in a folder of the project. Raises OrchError."""
    root = find_root(context.cwd)
    library = library_of(root, load(root))
    _check_folder(root, cwd)
    repository, because = Checkout(root), None
    if name == AUTO:
        name, because = Stacks(library, repository).detected(cwd)
    adapter, resource = library.adapter(name)
    tools = [found_tool(tool, about, context.env) for tool, about in adapter.tools.items()]
    return Shown(view_of(adapter, repository, cwd), resource, tools, because)


def check_cases(context: Context, names: Sequence[str]) -> Results:
    """Hold adapters, all unless some are named, to their cases. Raises OrchError with the mistakes in either."""
    root = find_root(context.cwd)
    library = library_of(root, load(root))
    adapters = {resource.name: adapter for adapter, resource in _adapters(library, names or library.names("adapters"))}
    tested: list[Tested] = []
    problems: list[Problem] = []
    without: list[str] = []
    for name, adapter in adapters.items():
        cases = library.cases(name)
        if not cases:
            without.append(name)
        for path, data in cases:
            try:
                case = load_case(parse(data, path))
            except OrchError as error:
                problems += error.problems
                continue
            tested.append(Tested(name, path, case.description, differences(adapter, case)))
    if problems:
        raise OrchError(problems)
    return Results(tested, without)


def _adapters(library: Library, names: Sequence[str] | Mapping[str, str]) -> list[tuple[Adapter, Resource]]:
    found: list[tuple[Adapter, Resource]] = []
    problems: list[Problem] = []
    for name in names:
        try:
            found.append(library.adapter(name))
        except OrchError as error:
            problems += error.problems
    if problems:
        raise OrchError(problems)
    return found


def _check_folder(root: str, cwd: str) -> None:
    why = outside(cwd)
    if why is None and not os.path.isdir(os.path.join(root, cwd)):
        why = "is no folder of the project"
    if why is not None:
        hint = "name a folder as `cwd` of a node does: from the project's root"
        raise OrchError(Problem("O287", f"--cwd {cwd} {why}", hint=hint), Exit.USAGE)

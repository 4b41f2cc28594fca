"""Is an adapter right in itself: its patterns, the names in its texts, the order of its choices?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from orch.source.document import Document, Route
from orch.spec.adapter import PLACES, Adapter, Case, Variant, When
from orch.spec.checks.adapter_nodes import AUTO
from orch.spec.checks.paths import check_path, outside
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.report import Report
from orch.spec.shapes import CommandName

CWD = "the node's `cwd`"
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def check_adapter(adapter: Adapter, document: Document) -> None:
    """Raise OrchError with every problem of an adapter whose shape is right."""
    report = Report(document)
    if adapter.name == AUTO:
        report.add("O404", "`auto` is what looks for a stack, and no adapter", ("name",), "use another name")
    for index, detect in enumerate(adapter.detect):
        _check_when(report, ("detect", index), detect, frozenset())
    known: set[str] = set()
    for name, choices in adapter.variables.items():
        route: Route = ("variables", name)
        if name in PLACES:
            report.add("O404", f"`{name}` has a meaning of its own in commands", route, "use another name", key=True)
        for index, choice in enumerate(choices):
            if choice.when is not None:
                _check_when(report, (*route, index, "when"), choice.when, known)
            elif index < len(choices) - 1:
                hint = "move it to the end: the first choice that fits is taken"
                report.add("O404", "nothing after a choice without `when` is ever taken", (*route, index), hint)
            _check_text(report, (*route, index, "value"), choice.value, known)
        known.add(name)
    if adapter.environment is not None:
        check_path(report, ("environment", "path"), adapter.environment.path, "it", CWD)
        check_path(report, ("environment", "bin"), adapter.environment.bin, "it", "`path`")
    for index, cause in enumerate(adapter.causes):
        _check_pattern(report, ("causes", index, "matches"), cause.matches)
    for key, value in adapter.env.items():
        _check_text(report, ("env", key), value, {*known, *_places(adapter)})
    for name, variants in adapter.commands.items():
        written = report.written(("commands", name))
        for index, variant in enumerate(variants):
            route = ("commands", name, index) if isinstance(written, list) else ("commands", name)
            _check_variant(report, route, (adapter, name), variant, known)
            if variant.when is None and index < len(variants) - 1:
                hint = "move it to the end: the first variant that fits is taken"
                report.add("O404", "nothing after a variant without `when` is ever taken", route, hint)
    report.close()


def check_case(case: Case, document: Document) -> None:
    """Raise OrchError with every problem of a case whose shape is right."""
    report = Report(document)
    check_path(report, ("cwd",), case.cwd, "a folder")
    for path in case.tree:
        if why := outside(path):
            report.add("O214", f"`{path[:64]}` {why}", ("tree", path), "write it as from the project's root", key=True)
    report.close()


def _places(adapter: Adapter) -> set[str]:
    places = {"reports"}
    if adapter.environment is not None:
        places.add("env")
    if adapter.files:
        places.add("files")
    return places


def _check_variant(
    report: Report, route: Route, of: tuple[Adapter, CommandName], variant: Variant, known: AbstractSet[str]
) -> None:
    adapter, name = of
    names = {*known, *_places(adapter)}
    if variant.when is not None:
        _check_when(report, (*route, "when"), variant.when, known)
    for index, item in enumerate(variant.argv or ()):
        _check_text(report, (*route, "argv", index), item, {*names, "args"} if item == "{args}" else names)
    if variant.skip is not None:
        _check_text(report, (*route, "skip"), variant.skip, known)
    for key, value in variant.env.items():
        _check_text(report, (*route, "env", key), value, names)
    for index, tool in enumerate(variant.tools):
        if tool not in adapter.tools and not _PLACE.search(tool):
            hint = f"add it below `tools:`, with the command that installs it; there {_are(adapter.tools)}"
            report.add("O404", f"`{tool[:48]}` is not among the tools", (*route, "tools", index), hint)
        _check_text(report, (*route, "tools", index), tool, known)
    for index, need in enumerate(variant.needs):
        if need not in adapter.commands or need == name:
            message = f"`{name}` needs itself" if need == name else f"this adapter has no `{need}`"
            hint = f"remove it, or add `{need}` below `commands:`" if need != name else "remove it"
            report.add("O404", message, (*route, "needs", index), hint)
    for index, file in enumerate(variant.reports):
        at = (*route, "reports", index, "path")
        _check_text(report, at, file.path, names)
        below = file.path.removeprefix("{reports}/")
        if file.path != "stdout" and (below == file.path or outside(below)):
            report.add("O404", "a report lies in `{reports}`, or is `stdout`", at, "write `{reports}/NAME`")


def _are(names: Iterable[str]) -> str:
    known = names_text(names)
    return f"is {known}" if known == "nothing" or "," not in known else f"are {known}"


def _check_text(report: Report, route: Route, text: str, names: AbstractSet[str]) -> None:
    if "${{" in text:
        report.add(
            "O404", "`${{ }}` in an adapter: it knows no pipeline", route, "declare a variable, and write `{name}`"
        )
    for hole in _PLACE.finditer(text):
        if hole[1] not in names:
            near = nearest(hole[1], names)
            if hole[1] == "args":
                hint = "it stands for all arguments: make it an item of `argv` of its own"
                report.inside("O404", "`{args}` inside of a text", route, (text, hole.start(), len(hole[0])), hint)
                continue
            hint = f"did you mean `{{{near}}}`?" if near else f"known here: {names_text(names)}"
            report.inside("O404", f"`{hole[0]}` stands for nothing", route, (text, hole.start(), len(hole[0])), hint)


def _check_when(report: Report, route: Route, when: When, known: AbstractSet[str]) -> None:
    if when.variable is not None and when.variable not in known:
        hint = f"a variable is declared before it is used; so far: {names_text(known)}"
        report.add("O404", f"no variable `{when.variable}` before this", (*route, "variable"), hint)
    if when.matches is not None:
        _check_pattern(report, (*route, "matches"), when.matches)
    for name in ("file", "glob", "toml", "ini"):
        if (path := getattr(when, name)) is not None:
            check_path(report, (*route, name), path, "it", CWD)
    if when.json_ is not None:
        check_path(report, (*route, "json"), when.json_, "it", CWD)
    for name, inner in (("any", when.any), ("none", when.none)):
        for index, one in enumerate(inner or ()):
            _check_when(report, (*route, name, index), one, known)


def _check_pattern(report: Report, route: Route, pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        report.add("O404", f"not a regular expression: {error}", route, "the syntax is that of Python's `re`")

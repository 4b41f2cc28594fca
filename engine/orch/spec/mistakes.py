"""What pydantic says about a document → problems that a person can act on: one cause, one problem, its exact place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orch.source.document import Document, Route
from orch.source.scalars import lookalike
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.gate import GATE_KINDS
from orch.spec.kinds import report_kinds
from orch.spec.node import NODE_KINDS
from orch.spec.not_yet import NODE_KINDS_NOT_YET, NOT_YET, SINGULAR, VALUES
from orch.spec.places import Place, keys, place_of
from orch.spec.report import Report
from orch.spec.shapes import CommandName

_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "literal_error": "",
}
_LEADING = ("adapter", "agent", "pipeline")
_EXAMPLES = {
    "run": "write `run: make test`",
    "name": "write `name: build`",
    "phases": "write `phases: { build: { nodes: { test: { run: make test } } } }`",
    "subject": "write `subject: [docs/plan.md]`",
    "limit": "write `limit: 2`",
    "on": "write `on: [timed-out]`",
    "until": "write `until: nodes.test.status == 'succeeded'`",
    "max_iterations": "write `max_iterations: 5`",
    "loop": "write `loop: { until: …, max_iterations: 5, nodes: { test: { run: make test } } }`",
    "pipeline": "write `pipeline: pipelines/deploy.yaml`",
    "with": "write `with: { site: staging }`",
    "nodes": "write `nodes: { test: { run: make test } }`",
    "retry": "write `retry: { limit: 3 }`",
    "needs": "write `needs: [name]`",
    "effect": "write `effect: { once: release }`",
    "exclude": "write `exclude: [author]`",
    "matrix": "write `matrix: { lang: [python, node] }`",
    "outputs": "write `outputs: { coverage: number }`",
    "inputs": "write `inputs: { lang: { type: string } }`",
    "secrets": 'write `secrets: { TOKEN: "env:TOKEN" }` for the pipeline, and `secrets: [TOKEN]` for a node',
    "require": "write `require: { engineering: 1 }`",
    "freshness": "write `freshness: { path: docs/plan.md, max_age: 30d }`",
    "command": "write `command: test`",
    "argv": "write `argv: [make, test]`",
    "install": "write `install: apt-get install make`",
    "detect": "write `detect: [{ file: Makefile, score: 10 }]`",
    "any": "write `any: [{ file: a.txt }, { file: b.txt }]`",
    "budget": "write `budget: { wall: 3h, nodes: 100 }`",
    "notify": "write `notify: [./tell.sh]`",
    "slots": "write `slots: 2`",
    "writes": "write `writes: [src/**]`",
    "protected": "write `protected: [tests/**]`",
    "paths": "write `paths: [src/**]`",
    "requires": "write `requires: [docker]`",
    "group": "write `group: release`",
    "concurrency": "write `concurrency: { group: release }`",
    "check": "write `check: { expr: nodes.test.outputs.coverage >= 0.8 }`",
}
_FINALLY = "`finally` nodes start together when the run has ended: they have no {key}"


_NOT_LAST = (
    "needs",
    "trigger_rule",
    "matrix",
    "key",
    "max_parallel",
    "workspace",
    "writes",
    "gates",
    "loop",
    "pipeline",
    "with",
)


class _Mistake(NamedTuple):
    detail: ErrorDetails
    route: Route
    union: Route | None
    on_key: bool


def report_mistakes(error: ValidationError, document: Document, places: dict[tuple[str, ...], Place]) -> None:
    """Raise OrchError with the problems that a ValidationError stands for. `places` is a table of `places`."""
    report = Report(document)
    translation = _Translation(report, places)
    for group in _grouped([_mistake(detail, document.data) for detail in error.errors(include_url=False)]):
        translation.translate(group)
    report.close()
    raise AssertionError("a document was refused without a reason") from error


def _mistake(detail: ErrorDetails, data: Any) -> _Mistake:
    """Pydantic's `loc` names the branches of unions too; the route is what of it leads through the document."""
    route: list[str | int] = []
    union: Route | None = None
    here, last = data, len(detail["loc"]) - 1
    adds_key = detail["type"] in ("missing", "extra_forbidden")
    for index, step in enumerate(detail["loc"]):
        if step == "[key]" and index == last:
            return _Mistake(detail, tuple(route), union, True)
        if isinstance(here, Mapping) and (step in here or (adds_key and index == last)):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            union = union if union is not None else tuple(route)
            continue
        route.append(step)
    return _Mistake(detail, tuple(route), union, False)


def _grouped(mistakes: list[_Mistake]) -> list[list[_Mistake]]:
    """The branches of a union fail together, for one reason: the branch that got furthest says which."""
    groups: dict[object, list[_Mistake]] = {}
    for number, mistake in enumerate(mistakes):
        groups.setdefault(number if mistake.union is None else mistake.union, []).append(mistake)
    kept: list[list[_Mistake]] = []
    routes = {mistake.route for mistake in mistakes}
    single = {mistake.route for mistake in mistakes if mistake.detail["type"] == "model_type"}  # written without a list
    for group in groups.values():
        depth = max(len(mistake.route) for mistake in group)
        deepest = [mistake for mistake in group if len(mistake.route) == depth]
        exact = [mistake for mistake in deepest if mistake.detail["type"] not in _WANTED]
        if (
            exact
            and exact[0].detail["type"] == "too_short"
            and (exact[0].route in single or _has_below(exact[0].route, routes))
        ):
            continue  # the list is short only because its items were refused
        if exact:
            kept.extend([mistake] for mistake in exact)
        else:
            by_route: dict[Route, list[_Mistake]] = {}
            for mistake in deepest:
                by_route.setdefault(mistake.route, []).append(mistake)
            kept.extend(by_route.values())
    return kept


def _has_below(route: Route, routes: set[Route]) -> bool:
    return any(len(other) > len(route) and other[: len(route)] == route for other in routes)


class _Translation:
    def __init__(self, report: Report, places: dict[tuple[str, ...], Place]) -> None:
        self.report = report
        self.places = places

    def translate(self, group: list[_Mistake]) -> None:
        detail, route, _, on_key = group[0]
        match detail["type"]:
            case "extra_forbidden":
                self.unknown_key(route)
            case "missing":
                self.missing_key(route)
            case "kinds":
                report_kinds(self.report, route, detail["ctx"]["kinds"], "gate", GATE_KINDS)
            case _ if on_key:
                self.bad_name(route)
            case _:
                self.bad_value(group, route)

    def mapping(self, route: Route) -> Mapping[str, Any]:
        value = self.report.written(route)
        return value if isinstance(value, Mapping) else {}

    def unknown_key(self, route: Route) -> None:
        *parent, key = route
        name, place = str(key), place_of(tuple(parent), self.places)
        if place is None:
            self.report.add("O101", f"unknown key `{_short(name)}`", route, key=True)
            return
        table = NOT_YET.get("node" if place.table == "finally" else place.table, {})
        known = keys(place)
        if place.table in ("node", "body", "finally") and name in NODE_KINDS_NOT_YET:
            kinds = [key for key in self.mapping(tuple(parent)) if key in NODE_KINDS or key in NODE_KINDS_NOT_YET]
            if len(kinds) > 1:
                if name == next(kind for kind in kinds if kind not in NODE_KINDS):  # one problem for all of them
                    report_kinds(self.report, tuple(parent), kinds, "node", NODE_KINDS)
                return
        if name in table:
            if not any(kind in self.mapping(tuple(parent)) for kind in _companions(name, table)):
                self.not_yet(table[name], route, key=True)
            return
        if place.table == "finally" and name in _NOT_LAST:
            self.report.add(
                "O101", f"unknown key `{name}` in {place.words}", route, _FINALLY.format(key=f"`{name}`"), key=True
            )
            return
        near = nearest(name, known)
        hint = f"did you mean `{near}`?" if near else f"{place.words} has {names_text(known)}"
        self.report.add("O101", f"unknown key `{_short(name)}` in {place.words}", route, hint, key=True)

    def missing_key(self, route: Route) -> None:
        parent, name = route[:-1], str(route[-1])
        place = place_of(parent, self.places)
        mapping = self.mapping(parent)
        words = place.words if place else "this mapping"
        known = keys(place) if place else []
        if any(key not in known and nearest(key, known) == name for key in mapping):
            return  # a slip of the pen, reported already
        if place and place.table == "check" and any(key in NOT_YET["check"] for key in mapping):
            return
        self.report.add("O102", f"`{name}` is missing in {words}", parent, _EXAMPLES.get(name), key=True)

    def not_yet(self, words: str, route: Route, *, key: bool = False) -> None:
        verb = "is" if words in SINGULAR or (words[0] == "`" == words[-1]) else "are"
        hint = "`orch explain O110` lists what this version has"
        self.report.add("O110", f"{words} {verb} not part of this version yet", route, hint, key=key)

    def bad_name(self, route: Route) -> None:
        name = str(route[-1])
        message = f"`{_short(name)}` cannot be a name here"
        parent = route[-2] if len(route) > 1 else ""
        if parent in ("env", "secrets"):
            hint = "the name of an environment variable is letters, digits and `_`, and does not begin with a digit"
        elif parent == "commands":
            near = nearest(name, get_args(CommandName))
            hint = f"did you mean `{near}`?" if near else f"the commands are {names_text(get_args(CommandName))}"
        elif parent == "people":
            hint = "a handle is up to 39 lower-case letters, digits, `-` and `_`"
        else:
            hint = "a name is up to 48 lower-case letters, digits and `_`, and begins with a letter"
            slug = _slug(name)
            hint += f": `{slug}`" if slug else ""
        self.report.add("O106", message, route, hint, key=True)

    def bad_value(self, group: list[_Mistake], route: Route) -> None:
        value = self.report.written(route)
        named, place, key = self.named(route)
        detail = group[0].detail
        kind = detail["type"]
        if isinstance(value, str):
            later = VALUES.get((place.table if place else "", key), {})
            if value in later:
                self.not_yet(later[value], route)
                return
        if value is None:
            hint = _EXAMPLES.get(key) or "write a value, or remove the key"
            self.report.add("O103", f"{named} has no value", route, hint, key=isinstance(route[-1], str))
        elif kind in _WANTED:
            self.wrong_type(group, route, value, named, key)
        elif kind == "value_error":
            message, _, hint = str(detail["ctx"]["error"]).partition(": ")
            self.report.add("O107", message, route, hint or None)
        elif kind == "string_pattern_mismatch":
            self.pattern(route, value, named, key)
        elif kind in ("string_too_short", "too_short"):
            self.report.add("O104", f"{named} is empty", route, _EXAMPLES.get(key))
        else:
            limit = detail["msg"].removeprefix("Input should be ")
            bounds = detail.get("ctx", {})
            bound = bounds.get("ge", bounds.get("le"))
            hint = f"write `{key}: {bound}`" if bound is not None else "write a value within that, or remove the key"
            told = hint if key == "nodes" else _EXAMPLES.get(key, hint)  # the example is of a phase's, not a budget's
            self.report.add("O104", f"{named} is {value}, and must be {limit}", route, told)

    def wrong_type(self, group: list[_Mistake], route: Route, value: Any, named: str, key: str) -> None:
        wanted: list[str] = []
        choices: list[str] = []
        for mistake in group:
            kind = mistake.detail["type"]
            if kind == "literal_error":
                choices += [
                    word.strip("'") for word in mistake.detail["ctx"]["expected"].replace(" or ", ", ").split(", ")
                ]
            elif _WANTED[kind] not in wanted:
                wanted.append(_WANTED[kind])
        allowed = [f"`{choice}`" for choice in choices] + wanted
        text = " or ".join([", ".join(allowed[:-1]), allowed[-1]] if len(allowed) > 1 else allowed)
        hint = None
        if isinstance(value, str):
            near = nearest(value, choices) if choices else None
            alike = lookalike(value)
            if near:
                hint = f"did you mean `{near}`?"
            elif alike and "`" in alike and "a text" not in wanted:
                hint = alike.removeprefix("quote it, or ")
            if choices:
                self.report.add("O104", f"{named} cannot be `{_short(value)}`: it is {text}", route, hint)
                return
        elif "a text" in wanted and isinstance(value, int | float):
            shown = str(value).lower() if isinstance(value, bool) else value
            hint = f'quote it: "{shown}"'
        hint = hint or _EXAMPLES.get(key)
        self.report.add("O103", f"{named} is {_found(value)}, and must be {text}", route, hint)

    def pattern(self, route: Route, value: str, named: str, key: str) -> None:
        if key == "id":
            hint = "a project's id is a UUID: write one with `orch init`"
        elif key == "requires":
            hint = "write the plain name of a program, as it stands on PATH"
        elif key == "files":
            hint = "write the plain name of a file beside adapter.yaml"
        elif key == "emails":
            hint = "write it like `name@example.com`"
        elif key in ("pass", "secrets"):
            hint = "name environment variables, such as `SSH_AUTH_SOCK`"
        elif key == "tags":
            hint = "a tag is letters, digits, `.`, `_` and `-`"
        else:
            slug = _slug(value)
            hint = "a name is up to 48 lower-case letters, digits and `_`, and begins with a letter"
            hint += f": `{slug}`" if slug else ""
        self.report.add("O106", f"{named} cannot be `{_short(value)}`", route, hint)

    def named(self, route: Route) -> tuple[str, Place | None, str]:
        """A value's name in messages, the mapping that it belongs to, and its key there."""
        end = len(route)
        while end and not isinstance(route[end - 1], str):
            end -= 1
        key = str(route[end - 1]) if end else "the document"
        place = place_of(route[: max(end - 1, 0)], self.places)
        items = "".join(f"[{step}]" for step in route[end:])
        return f"`{_short(key)}{items}`", place, key


def _companions(name: str, table: Mapping[str, str]) -> list[str]:
    """The kind keys without which this key would not be there: one cause is reported once."""
    return [key for key, words in table.items() if key != name and words == table[name] and key in _LEADING]


def _found(value: Any) -> str:
    match value:
        case bool():
            return "`true`" if value else "`false`"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text `{_short(value)}`"
        case list():
            return "a list"
    return "a mapping"


def _short(text: str) -> str:
    shown = text.replace("\n", " ")
    return shown if len(shown) <= 48 else shown[:47] + "…"


def _slug(name: str) -> str:
    """A name that is allowed and reads like this one; empty where there is none."""
    from re import sub

    return sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:48].rstrip("_")

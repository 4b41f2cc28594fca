"""Adapters for people: a list, one as it is here, and what its cases say."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from orch.plan.adapter_view import SeenCommand, View
from orch.plan.adapters import Detection, Sign
from orch.render import cases_text as render
from orch.render.problems_text import visible
from orch.render.style import Style
from orch.spec.adapter import Adapter, Tool
from orch.spec.library import Resource

_PLAIN = re.compile(r"[\w{}@%+=:,./-]+", re.ASCII)
"""Arguments that read well without quotes; the shell needs them around braces, a reader does not."""


class Row(Protocol):
    """An adapter in a list, with the strongest sign in the project's root."""

    @property
    def adapter(self) -> Adapter: ...
    @property
    def resource(self) -> Resource: ...
    @property
    def sign(self) -> Sign: ...


class Listing(Protocol):
    """All adapters, and what `auto` would choose."""

    @property
    def adapters(self) -> Sequence[Row]: ...
    @property
    def auto(self) -> Detection: ...


class Found(Protocol):
    """A tool as it is here."""

    @property
    def name(self) -> str: ...
    @property
    def tool(self) -> Tool: ...
    @property
    def path(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def lack(self) -> str | None: ...


class Shown(Protocol):
    """An adapter in a folder; `because` has the signs where `auto` found it."""

    @property
    def view(self) -> View: ...
    @property
    def resource(self) -> Resource: ...
    @property
    def tools(self) -> Sequence[Found]: ...
    @property
    def because(self) -> str | None: ...


class Results(Protocol):
    """What the cases say, and the adapters that have none."""

    @property
    def cases(self) -> Sequence[render.Held]: ...
    @property
    def without(self) -> Sequence[str]: ...


def listing_text(listing: Listing, style: Style) -> str:
    """One line an adapter, `>` before the one that `auto` would choose, and a line that says why."""
    head = ("  ADAPTER", "ORIGIN", "SIGN HERE", "SCORE", "DESCRIPTION")
    cells = [_cells(row, chosen=row.adapter.name == listing.auto.chosen) for row in listing.adapters]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) for line in (head, *cells)]
    lines = [style.paint(lines[0].rstrip(), "dim"), *map(str.rstrip, lines[1:])]
    return style.ascii("\n".join([*map(style.cut, lines), auto_words(listing.auto)]))


def auto_words(auto: Detection) -> str:
    """What `adapter: auto` comes to."""
    if auto.chosen is not None:
        return f"auto is {auto.chosen} ({visible(auto.because)})"
    return f"auto is ambiguous: {visible(auto.because)}" if auto.rivals else f"auto finds {auto.because}"


def shown_text(shown: Shown, style: Style) -> str:
    """One adapter, in paragraphs."""
    view, adapter = shown.view, shown.view.adapter
    lines = [f"{style.paint(adapter.name, 'bold')}  {shown.resource.origin}, {visible(shown.resource.path)}"]
    if adapter.description:
        lines.append(visible(adapter.description))
    if shown.because is not None:
        lines.append(f"found by auto: {visible(shown.because)}")
    lines += _part("signs" if view.cwd == "." else f"signs in {visible(view.cwd)}", [_sign(view, style)])
    lines += _part("variables", [_variables(view)])
    needed = {tool for command in view.commands if command.step for tool in command.step["adapter"].get("tools", ())}
    lines += _part("tools", [_tool(one, one.name in needed, style) for one in shown.tools])
    if adapter.environment is not None:
        lines += _part("environment", [[f"{adapter.environment.kind}  {visible(adapter.environment.path)}"]])
    lines += _part("commands", [_command(command, adapter, style) for command in view.commands])
    return style.ascii("\n".join(lines))


def cases_text(results: Results, style: Style) -> str:
    """The cases, and the adapters that have none."""
    lines = [render.cases_text(results.cases, style)] if results.cases else []
    lines += [style.ascii(f"{style.icon('warn')} {name} has no cases") for name in results.without]
    return "\n".join(lines)


def counted_cases(results: Results) -> str:
    """How many cases there were, and how many are wrong."""
    return render.counted_cases(len(results.cases), sum(bool(case.differences) for case in results.cases))


def _cells(row: Row, *, chosen: bool) -> tuple[str, ...]:
    name = f"{'>' if chosen else ' '} {row.adapter.name}"
    sign = (visible(row.sign.words), str(row.sign.score)) if row.sign.score else ("-", "-")
    return name, row.resource.origin, *sign, visible(row.adapter.description or "")


def _part(title: str, paragraphs: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"  {line}" for paragraph in paragraphs for line in paragraph]
    return ["", title, *lines] if lines else []


def _sign(view: View, style: Style) -> list[str]:
    signs = sorted(view.signs, key=lambda sign: -sign.score)
    return [f"{style.icon('ok' if sign.found else 'skip')} {sign.score:3}  {visible(sign.words)}" for sign in signs]


def _variables(view: View) -> list[str]:
    width = max((len(one.name) for one in view.variables), default=0)
    lines = []
    for one in view.variables:
        why = "no choice fits" if one.because is None else one.because or "otherwise"
        lines.append(f"{one.name:{width}}  {_value(one.value)}  ({visible(why)})")
    return lines


def _tool(one: Found, needed: bool, style: Style) -> list[str]:
    unused = "" if needed else "  (no command here needs it)"
    if one.lack is None:
        wanted = f"  ({one.tool.min} or later)" if one.tool.min else ""
        return [f"{style.icon('ok')} {one.name}  {one.version or '-'}  {one.path}{wanted}{unused}"]
    icon = style.icon("failed" if needed else "skip")
    return [f"{icon} {one.name}  needs {one.lack}{unused}", f"    {visible(one.tool.install)}"]


def _command(command: SeenCommand, adapter: Adapter, style: Style) -> list[str]:
    if command.step is None:
        return [f"{command.name:7} {style.status('skip', visible(command.why))}"]
    about: Mapping[str, Any] = command.step["adapter"]
    if "skip" in about:
        return [f"{command.name:7} {style.status('skip', 'skipped')}: {visible(about['skip'])}"]
    lines = [f"{command.name:7} {visible(' '.join(map(_quoted, command.step['run'])))}"]
    rows = [("env", f"{name}={value}") for name, value in command.step.get("env", {}).items()]
    rows += [("needs", ", ".join(about["needs"]))] if "needs" in about else []
    rows += [("tools", ", ".join(about["tools"]))] if "tools" in about else []
    rows += [("report", f"{report['format']}, {report['path']}") for report in about.get("reports", ())]
    if "none" in about:
        code = f"exit {about['none']['exit']}: " if "exit" in about["none"] else ""
        rows.append(("none", code + about["none"]["means"]))
    return lines + [f"        {style.paint(f'{name:7}', 'dim')} {visible(text)}" for name, text in rows]


def _quoted(argument: str) -> str:
    return argument if _PLAIN.fullmatch(argument) else shlex.quote(argument)


def _value(value: Any) -> str:
    return visible(json.dumps(value, ensure_ascii=False))

"""Adapters as JSON."""

from __future__ import annotations

import json
from typing import Any

from orch.plan.adapter_view import SeenCommand
from orch.render.adapters_text import Found, Listing, Row, Shown

FORMAT_VERSION = 1


def listing_json(listing: Listing) -> str:
    """`{format_version, auto: {adapter, because, ambiguous}, adapters: [{name, origin, path, description, score,
    sign}]}`; `auto.adapter` is null where none is chosen, `score` 0 where no sign was found."""
    auto = {
        "adapter": listing.auto.chosen,
        "because": listing.auto.because,
        "ambiguous": [sign.adapter for sign in listing.auto.rivals] if listing.auto.chosen is None else [],
    }
    rows = [_row(row) for row in listing.adapters]
    return json.dumps({"format_version": FORMAT_VERSION, "auto": auto, "adapters": rows}, ensure_ascii=False)


def shown_json(shown: Shown) -> str:
    """`{format_version, name, origin, path, description, cwd, because, signs, variables, tools, environment,
    commands}`; places stand as the adapter writes them. A command that no variant fits is null."""
    view, adapter = shown.view, shown.view.adapter
    document = {
        "format_version": FORMAT_VERSION,
        "name": adapter.name,
        "origin": shown.resource.origin,
        "path": shown.resource.path,
        "description": adapter.description,
        "cwd": view.cwd,
        "because": shown.because,
        "signs": [sign._asdict() for sign in view.signs],
        "variables": {one.name: {"value": one.value, "because": one.because} for one in view.variables},
        "tools": {one.name: _tool(one) for one in shown.tools},
        "environment": adapter.environment.model_dump() if adapter.environment else None,
        "commands": {command.name: _command(command) for command in view.commands},
    }
    return json.dumps(document, ensure_ascii=False)


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.adapter.name,
        "origin": row.resource.origin,
        "path": row.resource.path,
        "description": row.adapter.description,
        "score": row.sign.score,
        "sign": row.sign.words or None,
    }


def _tool(one: Found) -> dict[str, Any]:
    return {
        "path": one.path,
        "version": one.version,
        "min": one.tool.min,
        "lacks": one.lack,
        "install": one.tool.install,
    }


def _command(command: SeenCommand) -> dict[str, Any] | None:
    if command.step is None:
        return None
    about = command.step["adapter"]
    if "skip" in about:
        return {"skip": about["skip"]}
    said = {key: about[key] for key in ("needs", "tools", "reports", "none") if key in about}
    return {"argv": command.step["run"], "env": command.step.get("env", {}), **said}

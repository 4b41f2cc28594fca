"""A new file of stubs, to be filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Placeholder(Protocol):
    """What a node gives, and what is not yet right about it."""

    @property
    def outputs(self) -> dict[str, Any] | None: ...
    @property
    def fault(self) -> str | None: ...


class Placeholders(Protocol):
    """By address: the nodes that others read, and the gates."""

    @property
    def nodes(self) -> Mapping[str, Placeholder]: ...
    @property
    def gates(self) -> Sequence[str]: ...


def stubs_yaml(found: Placeholders, pipeline: str) -> str:
    """The file's text. What is not as a schema says is a comment."""
    lines = [f"# What the nodes of {pipeline} give where no command is run. See docs/testing.md of orch."]
    lines += ["nodes:" if found.nodes else "nodes: {}"]
    for address, one in found.nodes.items():
        if one.outputs is None:
            lines.append(f"  {_key(address)}: {{ status: succeeded }}")
            continue
        lines.append(f"  {_key(address)}:")
        if one.fault is not None:
            lines.append(f"    # to be filled in: {' '.join(one.fault.split())}")
        lines.append("    outputs:" if one.outputs else "    outputs: {}")
        lines += [f"      {_key(name)}: {_json(value)}" for name, value in one.outputs.items()]
    lines += ["gates:", *(f"  {_key(gate)}: open" for gate in found.gates)] if found.gates else []
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    plain = name.replace("_", "").replace(".", "").isalnum() and name[0].isalpha() and name.isascii()
    return name if plain and name not in ("true", "false", "null") else _json(name)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

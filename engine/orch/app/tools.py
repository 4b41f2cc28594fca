"""Which tools that adapters need are not here, or are too old? Looked up on the caller's PATH when a plan is made."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from orch.plan.adapter_nodes import Stacks
from orch.problems.problem import Problem
from orch.spec.adapter import Tool

SECONDS = 5.0
_NUMBER = re.compile(rb"\d+(?:\.\d+)+|\d+")


def missing_tools(stacks: Stacks, env: Mapping[str, str]) -> list[Problem]:
    """A warning for each tool that a planned command needs and does not have."""
    problems: list[Problem] = []
    for name, tools in stacks.tools.items():
        adapter = stacks.adapter(name)
        problems += [
            Problem("O407", f"the adapter `{name}` needs {lack}", hint=tool.install, severity="warning")
            for known, tool in adapter.tools.items()
            if known in tools and (lack := lacking(known, tool, env))
        ]
    return problems


def lacking(name: str, tool: Tool, env: Mapping[str, str]) -> str | None:
    """What is wrong with a tool, as the end of a sentence; None where it is there and new enough. Its version is asked
    for only where one is needed."""
    path = shutil.which(name, path=env.get("PATH"))
    if path is None:
        return f"`{name}`, which is not on PATH"
    if tool.min is None:
        return None
    found = version_of(path, tool, env)
    if found is not None and _numbers(found) < _numbers(tool.min):
        return f"`{name}` {tool.min} or later, and {path} is {found}"
    return None


class FoundTool(NamedTuple):
    """A tool as it is here. `lack` says what is wrong with it; None if nothing is."""

    name: str
    tool: Tool
    path: str | None
    version: str | None
    lack: str | None


def found_tool(name: str, tool: Tool, env: Mapping[str, str]) -> FoundTool:
    """Where a tool is found, and its version."""
    path = shutil.which(name, path=env.get("PATH"))
    version = None if path is None else version_of(path, tool, env)
    return FoundTool(name, tool, path, version, lacking(name, tool, env))


def version_of(path: str, tool: Tool, env: Mapping[str, str]) -> str | None:
    """The first number in what the tool says of its version; None where it says nothing."""
    try:
        done = subprocess.run(
            [path, *tool.version],
            cwd=None if all(word.startswith("-") for word in tool.version) else "/",  # `sh version` would run a file
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    number = _NUMBER.search(done.stdout)
    return number[0].decode() if number else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:4])

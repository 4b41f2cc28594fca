"""Packages of other stacks, on which adapters are tried with the toolchain of this machine, where it has one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from command import PATH, Desk


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where the machine lacks one of the programs, and say which."""
    lacking = [name for name in programs if shutil.which(name, path=searched()) is None]
    return pytest.mark.skipif(bool(lacking), reason=f"not on this machine: {', '.join(lacking)}")


@lru_cache
def searched() -> str:
    """Where toolchains are looked for. rustup's own programs ask HOME which toolchain they are: it is named here."""
    folders = [PATH]
    rustc = shutil.which("rustc")
    if rustc is not None:
        done = subprocess.run([rustc, "--print", "sysroot"], capture_output=True, text=True, check=False)
        folders = [f"{done.stdout.strip()}/bin", PATH] if done.returncode == 0 else folders
    return os.pathsep.join(folders)


def applied(desk: Desk, adapter: str, packages: Mapping[str, tuple[str, ...]]) -> Desk:
    """One run of commands of an adapter in several folders, in each one after the other, also after one that failed."""
    desk.env["PATH"] = searched()
    nodes = ""
    for number, (folder, commands) in enumerate(packages.items()):
        for at, command in enumerate(commands):
            after = f"needs: [{commands[at - 1]}_{number}], trigger_rule: all_done, " if at else ""
            nodes += f"      {command}_{number}: {{ {after}adapter: {adapter}, command: {command}, cwd: '{folder}' }}\n"
    desk.pipeline(f"  main:\n    nodes:\n{nodes}")
    desk.orch("apply", code=None, seconds=600)  # a toolchain may build its own library first
    return desk


def findings(desk: Desk, node: str) -> list[dict[str, Any]]:
    """What a node that failed has found."""
    (file,) = desk.node(node)["error_files"]
    found: list[dict[str, Any]] = json.loads((desk.run_dir() / file).read_text())["details"]["findings"]
    return found


def without_tools(desk: Desk, adapter: str, command: str = "test") -> str:
    """What a run says where PATH has an empty folder, and nothing else."""
    nothing = desk.home / "nothing"
    nothing.mkdir()
    desk.env["PATH"] = str(nothing)
    desk.pipeline(f"  main:\n    nodes:\n      it: {{ adapter: {adapter}, command: {command} }}\n")
    said = desk.orch("apply", code=1)
    assert desk.node("main.it")["reason"] == "start-failed"
    return said.text


def without_network(desk: Desk, adapter: str) -> str:
    """How setup ends where nothing answers."""
    desk.env.update(PATH=searched(), https_proxy="http://127.0.0.1:9")
    desk.pipeline(f"  main:\n    nodes:\n      it: {{ adapter: {adapter}, command: setup }}\n")
    desk.orch("apply", code=1)
    return str(desk.node("main.it")["sentence"])


def write(desk: Desk, folder: str, files: Mapping[str, str]) -> None:
    """A package."""
    for path, text in files.items():
        desk.write(str(Path(folder, path)), text)

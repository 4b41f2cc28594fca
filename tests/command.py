"""`orch` as a user calls it, with an environment that holds nothing but PATH, an own HOME and the engine's place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

BIN = Path(sys.executable).parent
PATH = f"{BIN}:/usr/local/bin:/usr/bin:/bin"
ENGINE = {"PYTHONPATH": os.environ["PYTHONPATH"]}
"""The engine that is tested (conftest.py), not the one that is installed."""
PROJECT = """apiVersion: orch/v1
kind: Project
id: 7b0c5a52-6e0f-4c0c-9d6f-2f7a1c3e8b11
people:
  writer: { emails: [writer@project.example] }
  reader: { emails: [reader@project.example] }
  second: { emails: [second@project.example] }
roles:
  editor: [writer, reader, second]
"""


class Said(NamedTuple):
    """How a command ended and what it said on both streams."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams, data first."""
        return self.out + self.err


@dataclass
class Desk:
    """A project's folder and a home of its own. `env` is what the caller's environment holds besides."""

    folder: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, place: Path, name: str = "project") -> Desk:
        """A new project folder below `place`."""
        folder, home = place / name, place / f"home-of-{name}"
        folder.mkdir()
        home.mkdir()
        return cls(folder, home)

    def environment(self) -> dict[str, str]:
        """All that a command finds."""
        return {"PATH": PATH, "HOME": str(self.home), **ENGINE, **self.env}

    def write(self, path: str, text: str) -> Path:
        """A file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def program(self, name: str, script: str) -> None:
        """A program of the user's, before all others on PATH."""
        folder = self.home / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
        self.env["PATH"] = f"{folder}{os.pathsep}{PATH}"

    def pipeline(self, phases: str, more: str = "") -> None:
        """pipelines/main.yaml with these phases (the text below the key)."""
        self.write("pipelines/main.yaml", f"apiVersion: orch/v1\nkind: Pipeline\nname: main\n{more}phases:\n{phases}")

    def orch(self, *words: str, code: int | None = 0, seconds: int = 60) -> Said:
        """Run `orch`, and hold it to its exit code unless that is None."""
        return self.run([str(BIN / "orch"), *words], code=code, seconds=seconds)

    def run(
        self, argv: list[str], *, code: int | None = 0, env: Mapping[str, str] | None = None, seconds: int = 60
    ) -> Said:
        """Run any command here."""
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=dict(env or self.environment()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert code is None or said.code == code, f"{argv}: exit {said.code} instead of {code}\n{said.text}"
        return said

    def lines(self, path: str) -> int:
        """How many lines a file of the project has; 0 where there is none."""
        file = self.folder / path
        return len(file.read_text().splitlines()) if file.exists() else 0

    def run_dir(self) -> Path:
        """The newest run."""
        return sorted(self.folder.glob(".runs/*/cli/*"), key=lambda path: path.name)[-1]

    def node(self, address: str) -> dict[str, Any]:
        """A manifest of the newest run."""
        manifest: dict[str, Any] = json.loads((self.run_dir() / "nodes" / f"{address}.json").read_text())
        return manifest

    def files(self) -> dict[str, bytes]:
        """Every file of project and home, with its content."""
        return {
            str(path): path.read_bytes()
            for top in (self.folder, self.home)
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }

    def processes(self) -> Iterator[int]:
        """The processes that live with this desk's HOME, zombies left out: their environment is gone."""
        wanted = f"HOME={self.home}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    environment = (entry / "environ").read_bytes()
                except OSError:
                    continue
                if wanted in environment.split(b"\0"):
                    yield int(entry.name)

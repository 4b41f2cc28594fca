"""`orch` as a user calls it, with an environment that holds nothing but PATH, an own HOME and the engine's place.

Unless a desk is `cold`, a command is a fork of a process that has imported the engine (served.py), and not the
installed program: most of what a short command costs is imports.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

BIN = Path(sys.executable).parent
PATH = f"{BIN}:/usr/local/bin:/usr/bin:/bin"
TREE = Path(__file__).parents[1] / "engine"
ENGINE = {"PYTHONPATH": os.environ["PYTHONPATH"]}
"""The engine that is tested (conftest.py), not the one that is installed."""
OWN_START = ("PYTHON", "LANG", "LC_", "_ORCH")
"""What an interpreter and `orch` look at before anything else: where a test sets it, they are started anew."""
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


@cache
def _server() -> socket.socket:
    """Where served.py listens; it ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    env = {"PATH": PATH, "PYDANTIC_DISABLE_PLUGINS": "__all__", **ENGINE}
    process = subprocess.Popen([sys.executable, Path(__file__).with_name("served.py")], stdin=theirs, env=env)
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _served(argv: list[str], cwd: Path, env: Mapping[str, str], seconds: int) -> Said:
    """As subprocess.run does it, with the two streams captured as text."""
    null = os.open(os.devnull, os.O_RDONLY)
    reads, writes = zip(*(os.pipe() for _ in range(3)), strict=True)
    request = json.dumps({"argv": argv, "cwd": str(cwd), "env": dict(env)}).encode()
    try:
        socket.send_fds(_server(), [request], [null, *writes])
    except ConnectionError:  # somebody has ended it: that is nothing to the tests behind
        _server.cache_clear()
        socket.send_fds(_server(), [request], [null, *writes])
    for fd in (null, *writes):
        os.close(fd)
    texts, poll, until = {fd: bytearray() for fd in reads}, select.poll(), time.monotonic() + seconds
    for fd in reads:
        poll.register(fd, select.POLLIN)
    texts[reads[2]] += os.read(reads[2], 64)  # which process it is
    unread = set(reads)
    while unread:
        ready = poll.poll(max(0.0, until - time.monotonic()) * 1000)
        if not ready:
            os.kill(int(texts[reads[2]].split()[0]), signal.SIGKILL)
            raise subprocess.TimeoutExpired(argv, seconds, bytes(texts[reads[0]]), bytes(texts[reads[1]]))
        for fd, _ in ready:
            data = os.read(fd, 1 << 16)
            texts[fd] += data
            if not data:
                poll.unregister(fd)
                os.close(fd)
                unread.remove(fd)
    out, err, told = (texts[fd].decode().replace("\r\n", "\n").replace("\r", "\n") for fd in reads)
    return Said(int(told.split()[1]), out, err)


def _held(argv: list[str], said: Said, code: int | None) -> Said:
    assert code is None or said.code == code, f"{argv}: exit {said.code} instead of {code}\n{said.text}"
    return said


@dataclass
class Desk:
    """A project's folder and a home of its own. `env` is what the caller's environment holds besides."""

    folder: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)
    cold: bool = ENGINE["PYTHONPATH"].split(os.pathsep)[0] != str(TREE)

    @classmethod
    def at(cls, place: Path, name: str = "project", **more: Any) -> Desk:
        """A new project folder below `place`."""
        folder, home = place / name, place / f"home-of-{name}"
        folder.mkdir()
        home.mkdir()
        return cls(folder, home, **more)

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
        argv, env = [str(BIN / "orch"), *words], self.environment()
        if self.cold or any(name.startswith(OWN_START) for name in self.env):
            return self.run(argv, code=code, seconds=seconds)
        return _held(argv, _served(argv, self.folder, env, seconds), code)

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
        return _held(argv, Said(done.returncode, done.stdout, done.stderr), code)

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

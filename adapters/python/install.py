"""Makes the environment of a Python repository: a venv with the package, what its tests need, and its tools.

Run by the adapter's `setup` in the repository's folder. What is installed already is left alone until something that it
follows from changes. Needs the standard library only."""

from __future__ import annotations

import argparse
import configparser
import glob
import hashlib
import json
import os
import subprocess
import sys

INPUTS = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "uv.lock", "poetry.lock", "*requirements*.txt")
STAMP = "orch-installed.json"


def main() -> None:
    """Parse, look whether there is anything to do, do it."""
    options = _options()
    python = os.path.join(options.env, "bin", "python")
    stamp = os.path.join(options.env, STAMP)
    wanted = _state(options)
    if os.path.exists(python) and _read(stamp) == wanted:
        print(f"{options.env} is up to date")
        return
    _make(options.env, stamp)
    if options.runner == "uv":
        _uv(options)
    elif options.runner == "poetry":
        _poetry(options)
    else:
        _pip(options, python)
    missing = [tool for tool in [_test_tool(options), *options.tools.split(",")] if tool and not _has(python, tool)]
    if missing:
        _call([python, "-m", "pip", "install", "--quiet", *dict.fromkeys(missing)])
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("env", "runner", "package", "dependencies", "tests", "tools"):
        parser.add_argument(f"--{name}", default="")
    return parser.parse_args()


def _test_tool(options: argparse.Namespace) -> str:
    return "pytest" if options.tests == "pytest" else ""


def _make(env: str, stamp: str) -> None:
    """A venv to install into: the one that is there, or a new one where no set-up of it has come to its end."""
    folder = os.path.dirname(env)
    os.makedirs(folder, exist_ok=True)
    if os.path.basename(folder) == ".orch":
        with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("*\n")
    if os.path.exists(stamp):
        os.unlink(stamp)
    else:
        _call([sys.executable, "-m", "venv", "--clear", env])


def _pip(options: argparse.Namespace, python: str) -> None:
    """The package itself (editable, so that a change needs no new set-up), and what its tests need."""
    kind, _, name = options.dependencies.partition(":")
    arguments: list[str] = []
    if options.package:
        arguments += ["--editable", f".[{name}]" if kind == "extra" else "."]
    if os.path.exists("requirements.txt"):
        arguments += ["--requirement", "requirements.txt"]
    if kind == "file":
        arguments += ["--requirement", name]
    elif kind == "group":
        _call([python, "-m", "pip", "install", "--quiet", "pip>=25.1"])  # older ones know no groups
        arguments += ["--group", name]
    elif kind == "tox":
        arguments += _tox_deps(name)
    if arguments:
        _call([python, "-m", "pip", "install", "--quiet", *arguments])


def _tox_deps(name: str) -> list[str]:
    """`deps` of tox's `testenv`, but for the lines that hold only in other environments."""
    reader = configparser.RawConfigParser(strict=False)
    reader.read(name, encoding="utf-8")
    arguments: list[str] = []
    for line in reader.get("testenv", "deps", fallback="").split("\n"):
        dep = line.split("#")[0].strip()
        factor = dep.partition(":")[0]
        if not dep or "{" in dep or (": " in dep and " " not in factor):
            continue
        arguments += ["--requirement", dep[2:].strip()] if dep.startswith("-r") else [dep]
    return arguments


def _uv(options: argparse.Namespace) -> None:
    kind, _, name = options.dependencies.partition(":")
    choice = {"extra": ["--extra", name], "group": ["--group", name]}.get(kind, [])
    os.environ["UV_PROJECT_ENVIRONMENT"] = options.env
    _call(["uv", "sync", "--quiet", "--locked", "--inexact", *choice])


def _poetry(options: argparse.Namespace) -> None:
    kind, _, name = options.dependencies.partition(":")
    choice = {"extra": ["--extras", name], "group": ["--with", name]}.get(kind, [])
    os.environ["VIRTUAL_ENV"] = options.env
    _call(["poetry", "install", "--quiet", "--no-interaction", *choice])


def _has(python: str, module: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def _state(options: argparse.Namespace) -> str:
    """All that an environment follows from, as one text."""
    files = sorted({path for pattern in INPUTS for path in glob.glob(pattern) + glob.glob(f"*/{pattern}")})
    digests = {path: hashlib.sha256(_bytes(path)).hexdigest() for path in files if os.path.isfile(path)}
    return json.dumps([vars(options), sys.version, os.getcwd(), digests])


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def _call(argv: list[str]) -> None:
    print("+", *argv, flush=True)
    code = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode
    if code:
        sys.exit(code if code > 0 else 1)


if __name__ == "__main__":
    main()

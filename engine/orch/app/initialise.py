"""A first project: orch.yaml with an id, a pipeline that runs offline, schemas for editors. Overwrites nothing."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass, field

from orch.app.bundled import KINDS, bundled, schema, schema_name
from orch.app.context import Context
from orch.app.root import PROJECT_FILE, RUNS
from orch.problems.problem import Exit, OrchError, Problem

PIPELINE = "pipelines/hello.yaml"
CASE = "pipelines/hello.tests/greets.yaml"


@dataclass(slots=True)
class Initialised:
    """What was written and what was there already (paths from the folder on); `pipeline` is one to begin with, `to_add`
    a line that orch.yaml lacks and that its owner should add."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    pipeline: str = PIPELINE
    to_add: str | None = None


def initialise(context: Context, example: str | None = None) -> Initialised:
    """Make the working folder a project; with the files of an example instead of the first pipeline. Raises OrchError
    where what is there cannot be read, OSError where a file cannot be written."""
    done = Initialised()
    files = _example(example, context.cwd, done) if example else _first(context.cwd, done)
    identity = str(uuid.UUID(bytes=context.random(16), version=4))
    name = _name(context.cwd)
    if os.path.lexists(os.path.join(context.cwd, PROJECT_FILE)):
        done.kept.append(PROJECT_FILE)
        if _project_id(context.cwd) is None:
            done.to_add = f"id: {identity}"
    else:
        _write(context.cwd, PROJECT_FILE, _PROJECT.format(name=name, id=identity), done)
    files += [(f"schemas/orch/{schema_name(kind)}", schema(kind)) for kind in KINDS]
    for path, text in files:
        _write(context.cwd, path, text, done)
    if os.path.lexists(os.path.join(context.cwd, ".git")):
        _ignore(context.cwd, done)
    return done


def _first(cwd: str, done: Initialised) -> list[tuple[str, str]]:
    folder = os.path.join(cwd, "pipelines")
    there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [entry for entry in there if entry.endswith((".yaml", ".yml"))]
    if found:
        done.kept.append("pipelines/")
        done.pipeline = f"pipelines/{found[0]}"
        return []
    return [(path, _shipped(path)) for path in (PIPELINE, CASE)]


def _example(name: str, cwd: str, done: Initialised) -> list[tuple[str, str]]:
    from orch.app.examples import files_of

    files = list(files_of(name, cwd))
    done.pipeline = next(path for path, _ in files if os.path.dirname(path) == "pipelines")
    return files


def _project_id(cwd: str) -> str | None:
    from orch.app.project import load

    return load(cwd).project.id


def _shipped(path: str) -> str:
    with open(bundled(path), encoding="utf-8") as file:
        return file.read()


def _write(cwd: str, path: str, text: str, done: Initialised) -> None:
    os.makedirs(os.path.dirname(os.path.join(cwd, path)), exist_ok=True)
    try:
        with open(os.path.join(cwd, path), "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        done.kept.append(path)
    else:
        done.written.append(path)


def _ignore(cwd: str, done: Initialised) -> None:
    path = os.path.join(cwd, ".gitignore")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError as error:
        raise OrchError(
            Problem("O287", ".gitignore is not UTF-8", hint=f"add the line {RUNS}/"), Exit.INVALID
        ) from error
    if any(line.strip().strip("/") == RUNS for line in text.splitlines()):
        return
    with open(path, "a", encoding="utf-8") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + f"{RUNS}/\n")
    done.written.append(".gitignore")


def _name(cwd: str) -> str:
    """The folder's name as a project's name."""
    name = re.sub(r"[^a-z0-9]+", "_", os.path.basename(cwd).lower()).strip("_")[:48].strip("_")
    return name if re.match(r"[a-z]", name) else f"project_{name}".rstrip("_")


_PROJECT = """\
# yaml-language-server: $schema=schemas/orch/project.schema.json
apiVersion: orch/v1
kind: Project
name: {name}
id: {id}   # decisions are bound to it; keep it
"""

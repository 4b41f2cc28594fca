"""A copy of a project for one test: what git knows of it with its history, or else all but what can be made again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROJECT_FILE = "orch.yaml"
RUNS = ".runs"
_LEFT_OUT = (RUNS, ".git", ".venv", "venv", ".tox", "node_modules", "__pycache__", ".*_cache")


def project_of(folder: Path, otherwise: Path) -> Path:
    """The project that a folder is in: the nearest parent with orch.yaml, else git's top level, else another folder."""
    for marker in (PROJECT_FILE, ".git"):
        for parent in (folder, *folder.parents):
            if os.path.lexists(parent / marker):
                return parent
    return otherwise


def copy_project(project: Path, to: Path, scratch: Path) -> Path:
    """Copy it to a folder that is not there yet; the copy of the project's own folder. In a git repository the history
    is there, and the work tree as it is now, without what git ignores. `scratch`, which may lie in the project, is
    where copies are made."""
    top = _git(project, "rev-parse", "--show-toplevel")
    if top is None or _git(project, "rev-parse", "--verify", "HEAD") is None:
        patterns = shutil.ignore_patterns(*_LEFT_OUT)

        def ignore(folder: str, names: list[str]) -> set[str]:
            return patterns(folder, names) | {name for name in names if Path(folder, name) == scratch}

        shutil.copytree(project, to, symlinks=True, ignore=ignore)
        return to
    repository = Path(top.rstrip("\n"))
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", repository, to], check=True, stdin=subprocess.DEVNULL)
    changed = _git(repository, "diff", "--name-only", "--no-renames", "-z", "HEAD") or ""
    new = _git(repository, "ls-files", "-z", "--others", "--exclude-standard") or ""
    for name in filter(None, f"{changed}{new}".split("\0")):
        if RUNS not in Path(name).parts and not (repository / name).is_relative_to(scratch):
            _take(repository / name, to / name)
    return to / project.resolve().relative_to(repository)


def _take(source: Path, target: Path) -> None:
    """The file as it is in the work tree; none where it is gone there."""
    target.unlink(missing_ok=True)
    if os.path.lexists(source) and not source.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def _git(folder: Path, *words: str) -> str | None:
    """What git prints; None where it fails, or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None

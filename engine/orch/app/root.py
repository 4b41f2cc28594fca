"""Where is the project? The nearest parent with orch.yaml, else git's top level, else the working folder."""

from __future__ import annotations

import os

PROJECT_FILE = "orch.yaml"
RUNS = ".runs"


def find_root(cwd: str) -> str:
    """The project's root, absolute and without symlinks."""
    start = os.path.realpath(cwd)
    for marker in (PROJECT_FILE, ".git"):
        folder = start
        while True:
            if os.path.lexists(os.path.join(folder, marker)):
                return folder
            parent = os.path.dirname(folder)
            if parent == folder:
                break
            folder = parent
    return start


def shown(root: str, cwd: str, path: str) -> str:
    """A path that the user gave, relative to the root where it lies inside."""
    whole = os.path.realpath(os.path.join(cwd, path))
    return os.path.relpath(whole, root) if whole.startswith(root + os.sep) else whole


def is_text(name: str) -> bool:
    """False for a name with bytes that are not UTF-8, as the system hands it over: it can stand in no record."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

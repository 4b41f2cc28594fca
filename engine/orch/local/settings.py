"""What a repository is set to when a run with a branch begins: kept, since nodes may set it otherwise."""

from __future__ import annotations

import json
import os

from orch.local.repository import Repository
from orch.ports import TreeTrouble

Settings = dict[str, str]
"""Texts of the files that git reads in its folder, by their names there."""

_READ = ("config.worktree", "info/attributes", "info/exclude")


def settings(kept: str, common: str, repository: Repository, *, begun: bool) -> Settings:
    """Those that lie in the file `kept`; before the run has `begun` they are read from the repository, and kept. Raises
    TreeTrouble."""
    try:
        with open(kept, encoding="ascii") as file:
            return dict(json.load(file))
    except FileNotFoundError:
        if begun:
            raise TreeTrouble("what the repository was set to when the run began is no longer known") from None
    except (OSError, ValueError) as error:
        raise TreeTrouble(f"what the repository was set to when the run began cannot be read: {error}") from error
    found = {name: _text(f"{common}/{name}") for name in _READ}
    found["info/exclude"] = f"{_text(repository.ignored)}\n{found['info/exclude']}"
    found["config"] = _config(repository)
    os.makedirs(os.path.dirname(kept), mode=0o700, exist_ok=True)
    with open(f"{kept}.new", "w", encoding="ascii") as file:
        json.dump(found, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{kept}.new", kept)
    return found


def _config(repository: Repository) -> str:
    """The repository's own configuration, with what it includes in its place."""
    listed = repository.raw(repository.tree, "config", "--list", "-z", "--local", "--includes")
    lines = []
    for entry in os.fsdecode(listed).split("\0")[:-1]:
        key, given, value = entry.partition("\n")
        section, _, name = key.rpartition(".")
        head, _, rest = section.partition(".")
        if head in ("include", "includeif"):
            continue
        lines.append(f"[{head} {_quoted(rest)}]" if rest else f"[{head}]")
        lines.append(f"\t{name} = {_quoted(value)}" if given else f"\t{name}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""

"""Names as file names: addresses of any length, tasks that are checked, paths that stay in a folder."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 120
TASK = re.compile(r"-|[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
"""A task, which is a folder's name."""


def file_stem(address: str) -> str:
    """The address itself, or where it is over 120 bytes (or holds a slash) a prefix and 12 digits of its sha256."""
    if len(address) <= _LONGEST and "/" not in address:
        return address
    digest = hashlib.sha256(address.encode()).hexdigest()[:12]
    return f"{address[: _LONGEST - 20].replace('/', '-')}-{digest}"


def phase_name(address: str) -> str:
    """The phase of a step: all of its address before the first dot, or before the first one behind the last slash,
    which stands between the step of a child pipeline and the child's own phase."""
    return address[: address.index(".", address.rfind("/") + 1)]


def phases_of(address: str) -> list[str]:
    """The phase of a step, and where that is one of a child pipeline the phases that the child stands in."""
    child = child_of(address)
    return [phase_name(address), *(phases_of(child) if child else ())]


def step_name(address: str) -> str:
    """The rest: the id of the step, with its key if it has one."""
    return address[address.index(".", address.rfind("/") + 1) + 1 :]


def branch_of(run_id: str) -> str:
    """The branch that a run owns."""
    return f"orch/{run_id}"


def subject_folder(gate: str) -> str:
    """The folder below `subjects/` of what a gate was about: its name; in a child pipeline behind the child's file
    name, so that two children do not share it."""
    child = child_of(gate)
    return f"{file_stem(child)}/{step_name(gate)}" if child else step_name(gate)


def child_of(address: str) -> str:
    """The address of the step that opens the child pipeline which a step stands in; empty where it stands in none."""
    return address.rpartition("/")[0]


def lies_within(root: str, path: str) -> bool:
    """Is a path this folder, or below it? Both absolute and without symlinks."""
    return path == root or path.startswith(root.rstrip("/") + "/")

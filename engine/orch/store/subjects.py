"""What gates were about, laid out for commands: of each gate what it has opened on, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from orch.model.events import Event, Observed
from orch.model.names import subject_folder
from orch.store.cas import Cas
from orch.store.copies import holds, place
from orch.store.left import remove

SUBJECTS = "subjects"
_FILE_MODES = ("100644", "100755")
_REFERENCES = ("artifact:", "output:", "evidence:", "git:diff")
"""How the lines of a subject begin that are no files of the tree."""


def lay_out(run_path: str, cas: Cas, gate: str, files: Iterable[tuple[str, bytes]]) -> None:
    """Keep these bytes, and then lay them out under their names in place of what the gate was about before. Whatever
    the files raise while they are read is raised, and nothing has changed."""
    names: list[str] = []

    def read() -> Iterator[bytes]:
        for path, data in files:
            names.append(path)
            yield data

    kept = cas.put_together(read())
    folder = f"{run_path}/{SUBJECTS}/{subject_folder(gate)}"
    remove(folder)
    for path, sha256 in zip(names, kept, strict=True):
        place(cas, sha256, f"{folder}/{path}")


def open_gates(events: Iterable[Event]) -> dict[str, dict[str, str]]:
    """Of each gate whose last look opened it: its folder (relative to the run, with a slash) → the paths in it → the
    sha256 (hex) of their bytes. A later look that did not open it may have laid out what no record names."""
    last = {event.gate: event for event in events if isinstance(event, Observed)}
    found = {}
    for gate, event in last.items():
        if event.status == "succeeded" and "subject" in event.facts:
            found[f"{SUBJECTS}/{subject_folder(gate)}/"] = _laid_out(event.facts["subject"])
    return found


def _laid_out(subject: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {
        path: sha for mode, sha, path in subject["files"] if mode in _FILE_MODES and not path.startswith(_REFERENCES)
    }
    if "patch" in subject:
        from orch.gates.facts import PATCH_FILE

        found[PATCH_FILE] = str(subject["patch"])
    return found


def put_back(run_path: str, events: Iterable[Event]) -> list[str]:
    """Make what open gates were about as it was, from what is kept; the names that were made again or removed."""
    cas, changed = Cas(run_path, durable=False), []
    for folder, wanted in open_gates(events).items():
        there = set(_names(f"{run_path}/{folder}"))
        for path in sorted(there - wanted.keys()):
            remove(f"{run_path}/{folder}{path}")
            changed.append(folder + path)
        for path, sha256 in wanted.items():
            target = f"{run_path}/{folder}{path}"
            if os.path.normpath(target) == target and not holds(target, sha256) and os.path.exists(cas.path_of(sha256)):
                _clear(f"{run_path}/{folder}", path)
                place(cas, sha256, target)
                changed.append(folder + path)
    return changed


def _clear(folder: str, path: str) -> None:
    """Nothing but files is in the way, of a file or of the folders above it."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        one = folder + "/".join(parts[:depth])
        if os.path.isdir(one) != (depth < len(parts)):
            with suppress(FileNotFoundError):
                remove(one)


def _names(folder: str, prefix: str = "") -> Iterable[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _names(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name

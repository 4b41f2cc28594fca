"""Copies of what is kept, laid out for nodes. They are not synced: bad ones are put back from the content store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from orch.model.events import Event, Finished
from orch.model.names import file_stem, lies_within
from orch.store.atomic import BESIDE
from orch.store.cas import Cas

ADAPTER_FILE = "adapter.yaml"


def artifact_copy(address: str, name: str) -> str:
    """Where the dependants of a step look for its artifact, relative to the run."""
    return f"artifacts/{file_stem(address)}/{name}"


def copies(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """Every artifact's copy that was laid out, relative to the run, with the sha256 (hex) of its bytes, in the
    journal's order."""
    for event in events:
        if isinstance(event, Finished):
            for artifact in event.artifacts:
                yield artifact_copy(event.address, artifact["name"]), str(artifact["sha256"])


def adapter_copies(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The files that the commands of adapters use, likewise, from the resources of a plan."""
    for resource in resources:
        name = os.path.basename(resource["path"])
        if resource["kind"] == "adapter" and name != ADAPTER_FILE:
            yield f"adapters/{resource['name']}/{name}", str(resource["sha256"])


def put_back(run_path: str, laid_out: Iterable[tuple[str, str]]) -> list[str]:
    """Make copies again that are missing, or not as they were; their names."""
    cas, found = Cas(run_path, durable=False), []
    for name, sha256 in dict(laid_out).items():
        path = f"{run_path}/{name}"
        inside = os.path.normpath(path) == path
        if inside and not holds(path, sha256) and os.path.exists(cas.path_of(sha256)):
            place(cas, sha256, path)
            found.append(name)
    return found


def place(cas: Cas, sha256: str, target: str) -> None:
    """A read-only copy of what is kept."""
    from shutil import copyfile

    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    copyfile(cas.path_of(sha256), target + BESIDE)
    os.chmod(target + BESIDE, 0o444)
    os.replace(target + BESIDE, target)


def put_to(cas: Cas, sha256: str, target: str, root: str, mode: int) -> None:
    """A copy of what is kept in the project, in place of what is there. Raises OSError, also where a link leads out of
    the `root` (absolute, without symlinks)."""
    from shutil import copyfile

    folder, name = os.path.split(target)
    os.makedirs(folder, exist_ok=True)
    folder = os.path.realpath(folder)
    if not lies_within(root, folder):
        raise OSError(None, f"{folder} is not in the project")
    beside = f"{folder}/.{name}.{os.getpid()}{BESIDE}"
    try:
        copyfile(cas.path_of(sha256), beside, follow_symlinks=False)
        os.chmod(beside, mode)
        os.replace(beside, f"{folder}/{name}")
    except OSError:
        with suppress(OSError):
            os.unlink(beside)
        raise


def holds(path: str, sha256: str) -> bool:
    """Does a file of this content lie there?"""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False

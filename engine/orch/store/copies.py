"""Copies of what is kept, laid out for nodes. They are not synced: bad ones are put back from the content store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orch.model.events import Event, Finished, Observed
from orch.model.names import file_stem
from orch.store.atomic import BESIDE
from orch.store.cas import Cas

_ADAPTER = "adapter.yaml"


def artifact_copy(address: str, name: str) -> str:
    """Where the dependants of a step look for its artifact, relative to the run."""
    return f"artifacts/{file_stem(address)}/{name}"


def adapter_copy(resource: Mapping[str, Any]) -> str | None:
    """Where the commands of an adapter look for a file of it, relative to the run; None where they do not."""
    file = os.path.basename(resource["path"])
    return f"adapters/{resource['name']}/{file}" if resource["kind"] == "adapter" and file != _ADAPTER else None


def copies(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """Every copy that was laid out, relative to the run, with the sha256 (hex) of its bytes, in the journal's order:
    artifacts, and what gates were about. Lines of a subject that are no files of the tree have copies nowhere."""
    for event in events:
        if isinstance(event, Finished):
            for artifact in event.artifacts:
                yield artifact_copy(event.address, artifact["name"]), str(artifact["sha256"])
        elif isinstance(event, Observed):
            for _, sha256, path in event.facts.get("subject", {}).get("files", ()):
                yield f"subjects/{event.gate.partition('.')[2]}/{path}", str(sha256)


def put_back(run_path: str, events: Iterable[Event]) -> list[str]:
    """Make copies again that are not as they were, and artifacts also where they are missing; their names. What a gate
    was about is laid out anew when somebody looks at it."""
    cas, found = Cas(run_path, durable=False), []
    for name, sha256 in dict(copies(events)).items():
        path = f"{run_path}/{name}"
        wanted = name.startswith("artifacts/") or os.path.lexists(path)
        inside = os.path.normpath(path) == path
        if wanted and inside and not holds(path, sha256) and os.path.exists(cas.path_of(sha256)):
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


def holds(path: str, sha256: str) -> bool:
    """Does a file of this content lie there?"""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False

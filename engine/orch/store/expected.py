"""Which derived files a run must hold, byte for byte: what repairing and verifying compare with."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

from orch.model.compiled import Compiled
from orch.model.events import Event, Opened
from orch.model.fold import apply
from orch.model.names import file_stem
from orch.model.state import RunState
from orch.store.atomic import BESIDE, read_file
from orch.store.errors import error_bytes, error_name
from orch.store.ledger import Ledger
from orch.store.left import remove
from orch.store.manifests import NodeManifests, run_manifest
from orch.store.rundir import RunDir, token_digest

HANDED_OVER = ("outputs", "reports")
"""The folders of a run into which commands write."""


def manifest_name(plan: Compiled, step: int) -> str:
    """The file of a step's manifest, relative to the run."""
    return f"nodes/{file_stem(plan.addresses[step])}.json"


def derived(
    run: RunDir, plan: Compiled, state: RunState, ledger: Ledger, head: str
) -> Iterator[tuple[str, bytes | None]]:
    """Every derived file, relative to the run, with what must be in it; None where a log that it quotes is lost.
    The run's manifest is among them once the run has closed."""
    manifests = NodeManifests(plan)
    for step, record in ledger.records.items():
        if not record.running:
            yield manifest_name(plan, step), manifests.build(step, state, record)
    for failure in ledger.failures:
        name = error_name(failure.number, plan.addresses[failure.step])
        whole = all(_is_whole(f"{run.path}/{log['path']}", log["sha256"]) for log in failure.logs.values())
        yield name, error_bytes(run, plan, failure) if whole else None
    if ledger.closed is not None:
        yield "manifest.json", run_manifest(run, plan, state, ledger, head, token_digest(run))


def earlier(plan: Compiled, events: Iterable[Event], steps: Collection[int]) -> Iterator[tuple[str, bytes]]:
    """The manifests that these steps have had, in the journal's order: what an owner that died may have left behind."""
    state = RunState.new(plan)
    plan = state.plan
    manifests, ledger = NodeManifests(plan), Ledger(plan)
    for event in events:
        apply(plan, state, event)
        about = ledger.apply(event, state)
        for step in ledger.records if isinstance(event, Opened) else (about,):
            if step in steps and not ledger.records[step].running:
                yield manifest_name(plan, step), manifests.build(step, state, ledger.records[step])


def _is_whole(path: str, sha256: str) -> bool:
    try:
        return hashlib.sha256(read_file(path)).hexdigest() == sha256
    except OSError:
        return False


def lies_there(run: RunDir, name: str, data: bytes) -> bool:
    """Does the file hold exactly this?"""
    try:
        return read_file(f"{run.path}/{name}") == data
    except OSError:
        return False


def is_document(run: RunDir, name: str) -> bool:
    """Is this file whole? Of one that quotes a log no more can be said, once a power cut took the end of the log."""
    try:
        return isinstance(json.loads(read_file(f"{run.path}/{name}")), dict)
    except (OSError, ValueError, RecursionError):
        return False


def remove_unfinished(run: RunDir) -> list[str]:
    """Remove what a crash left half done: files that were to be renamed, and what an attempt was to hand over."""
    removed = remove_handed_over(run)
    for folder, subfolders, names in os.walk(run.path):
        if os.path.basename(folder) == "sha256":
            subfolders.clear()
        relative = os.path.relpath(folder, run.path)
        for name in names:
            if _is_beside(os.path.normpath(f"{relative}/{name}")):
                os.unlink(f"{folder}/{name}")
                removed.append(os.path.normpath(f"{relative}/{name}"))
    return removed


def remove_handed_over(run: RunDir) -> list[str]:
    """Remove the folders of `$ORCH_OUTPUT` and of reports: what was handed over is in the journal, and what commands
    wrote beside it is nobody's."""
    left: list[str] = []
    for folder in HANDED_OVER:
        with suppress(OSError):
            left += [f"{folder}/{name}" for name in os.listdir(f"{run.path}/{folder}")]
        remove(f"{run.path}/{folder}")
    return left


def is_unfinished(name: str) -> bool:
    """Is this file (relative to the run) one that a crash left half done?"""
    return name.partition("/")[0] in HANDED_OVER or _is_beside(name)


def _is_beside(name: str) -> bool:
    folder, _, base = name.rpartition("/")
    return base.endswith(BESIDE) or (folder == "logs" and base.startswith("."))

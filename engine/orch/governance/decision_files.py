"""The decision files of a task: those of one gate as facts, from the tree and from HEAD; and writing one."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping

from orch.gates.facts import DecisionFacts, Trouble
from orch.governance.decision_names import About, folder_of, path_of
from orch.governance.decisions import LIMIT_BYTES, Decision, concerns, parse_decision
from orch.governance.git import Git
from orch.governance.inside import Refused, parts_of, printable, read_inside
from orch.problems.problem import Exit, OrchError, Problem

_PLAIN = re.compile(r"[a-z][a-z0-9_-]*|sha256:[0-9a-f]{64}|\d{4}-\d{2}-\d{2}")
_NOT_PLAIN = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def read_tree(root: str, about: About) -> dict[str, bytes | Trouble]:
    """path → bytes, or why there are none, of every file that has to do with this gate."""
    folder = folder_of(about.task)
    try:
        names = os.listdir(os.path.join(root, folder))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:
        return {folder: Trouble(kind="unreadable", about=folder)}
    found: dict[str, bytes | Trouble] = {}
    for name in sorted(names):
        path = f"{folder}/{name}"
        try:
            data: bytes | Trouble = read_inside(root, path, LIMIT_BYTES)
        except Refused as refused:
            data = refused.trouble
        if concerns(path, data if isinstance(data, bytes) else b"", about):
            found[printable(path)] = data
    return found


def read_commit(git: Git, commit: str, about: About) -> dict[str, bytes | Trouble]:
    """path → bytes of the gate's decision files as the commit has them, or why their name cannot be a decision's."""
    blobs = git.files_at(commit, folder_of(about.task))
    contents = git.contents([blob.id for blob in blobs.values()]) if blobs else {}
    found: dict[str, bytes | Trouble] = {}
    for path, blob in blobs.items():
        data = b"" if blob.mode == "120000" else contents[blob.id]
        if not concerns(path, data, about):
            continue
        try:
            parts_of(path)
            found[path] = data
        except Refused as refused:
            found[printable(path)] = refused.trouble
    return found


def decision_facts(
    tree: Mapping[str, bytes | Trouble], head: Mapping[str, bytes | Trouble] | None
) -> list[tuple[DecisionFacts, str]]:
    """The facts of each file, with the commit that it names. `head` None: what is committed was not asked. A file
    that HEAD has with other bytes, or that the tree has lost, stands there twice or only as HEAD's: a rejection is
    not lifted by an edit that nobody committed."""
    found = [_facts(path, data, "tree", head is not None and head.get(path) == data) for path, data in tree.items()]
    found += [_facts(path, data, "HEAD", True) for path, data in (head or {}).items() if tree.get(path) != data]
    return sorted(found, key=lambda one: (one[0]["file"], one[0]["place"]))


def _facts(path: str, data: bytes | Trouble, place: str, committed: bool) -> tuple[DecisionFacts, str]:
    read, problem = None, None
    if isinstance(data, bytes):
        try:
            read = parse_decision(data, path)
        except OrchError as error:
            problem = Trouble(kind="bad-file", about=error.problems[0].message)
    else:
        problem = data
    facts = DecisionFacts(
        file=path,
        place=place,
        committed=committed,
        decision=read.decision if read else "",
        role=read.role if read else "",
        by=read.by if read else "",
        date=read.date if read else "",
        subject=read.subject if read else "",
        project=read.project if read else "",
        pipeline=read.pipeline if read else "",
        task=read.task if read else "",
        gate=read.gate if read else "",
    )
    if read and read.inputs:
        facts["inputs"] = read.inputs
    if read and read.reason:
        facts["reason"] = read.reason
    if problem is not None:
        facts["problem"] = problem
    return facts, read.commit if read else ""


def write_decision(root: str, decision: Decision) -> str:
    """Write the decision's file, whole or not at all, and return its path relative to the project. The file of the
    same person, role and gate is superseded; anything else at that place is refused with `OrchError`."""
    path = path_of(decision.about, decision.role, decision.by)
    data = _yaml(decision).encode()
    if parse_decision(data, path) != decision:
        raise OrchError(Problem("O305", "the decision cannot be written so that it reads back the same"), Exit.USAGE)
    try:
        parse_decision(read_inside(root, path, LIMIT_BYTES), path)
    except Refused as refused:  # a symbolic link on the way too: it could lead anywhere
        if refused.trouble["kind"] != "missing":
            hint = "look at the file and remove it, then decide again"
            raise OrchError(Problem("O305", f"{path} is not a decision's file", hint=hint), Exit.REFUSED) from refused
    folder = _make_folder(root, folder_of(decision.task))
    try:
        handle, beside = tempfile.mkstemp(prefix=".decision-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            os.replace(beside, os.path.join(root, path))
        except BaseException:
            os.unlink(beside)
            raise
        listing = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(listing)
        finally:
            os.close(listing)
    except OSError as error:
        raise OrchError(Problem("O306", f"{path} cannot be written: {error.strerror}"), Exit.IO) from error
    return path


def _make_folder(root: str, folder: str) -> str:
    """The folder's full path, made where it is missing."""
    here = root
    for part in folder.split("/"):
        here = os.path.join(here, part)
        try:
            os.mkdir(here)
        except FileExistsError:
            continue
        except OSError as error:
            raise OrchError(Problem("O306", f"{here} cannot be made: {error.strerror}"), Exit.IO) from error
    return here


def _yaml(decision: Decision) -> str:
    what, who = ("gate", "pipeline", "inputs", "task", "project"), ("role", "by", "date", "subject", "commit", "reason")
    values = [(key, str(getattr(decision, key))) for key in ("decision", *what, *who)]
    return "".join(f"{key}: {_scalar(value)}\n" for key, value in values if value)


def _scalar(value: str) -> str:
    if _PLAIN.fullmatch(value) and value not in _NOT_PLAIN:
        return value
    return json.dumps(value, ensure_ascii=False)

"""What one decision's file says, and which gate that has to do with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orch.gates.dates import parse_moment
from orch.governance.decision_names import HANDLE, ID, TASK, About, digits_of, path_of, shape_of
from orch.problems.problem import OrchError, Problem
from orch.source.document import Document
from orch.source.read import parse

LIMIT_BYTES = 64 * 1024
KINDS = ("approved", "rejected", "revoked")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")

_REQUIRED = ("decision", "gate", "pipeline", "task", "project", "role", "by", "date", "subject")
_OPTIONAL = ("inputs", "commit", "reason", "signature")
_SHAPES = {
    "decision": (re.compile("|".join(KINDS)), "approved, rejected or revoked"),
    "gate": (ID, "the name of a gate"),
    "pipeline": (ID, "the name of a pipeline"),
    "task": (TASK, "the id of a task, or -"),
    "role": (ID, "the name of a role"),
    "by": (HANDLE, "a handle: small letters, digits, _ and -, at most 39"),
    "subject": (_DIGEST, "sha256: and 64 hexadecimal digits"),
    "inputs": (_DIGEST, "sha256: and 64 hexadecimal digits"),
    "commit": (_COMMIT, "a commit id in hexadecimal digits"),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as written. `subject` is `sha256:…`; `commit` is HEAD when deciding, empty outside git."""

    decision: str
    gate: str
    pipeline: str
    task: str
    project: str
    role: str
    by: str
    date: str
    subject: str
    inputs: str = ""
    commit: str = ""
    reason: str = ""

    @property
    def about(self) -> About:
        """The gate."""
        return About(self.task, self.pipeline, self.gate, self.inputs)


def parse_decision(data: bytes, path: str) -> Decision:
    """Read a decision strictly. Raises `OrchError` with every problem of the file, at its place: a key that is
    unknown, missing or of the wrong shape, a signature (not yet), or a name that does not agree with the content."""
    decision, document = _read(data, path)
    belongs = path_of(decision.about, decision.role, decision.by)
    if belongs != path:
        message = f"the file's name does not agree with its content, which belongs in {belongs}"
        hint = f"mend the keys, or git mv {path} {belongs}"
        raise OrchError(Problem("O302", message, document.span(()), hint))
    return decision


def concerns(path: str, data: bytes, about: About) -> bool:
    """Whether the file has to do with the gate: by its name, by its content under another gate's name, or because
    its name is no decision's at all, so that nobody can tell. One that names no inputs has to do with the gates of
    all children of that name."""
    name = path.rpartition("/")[2]
    named = shape_of(name)
    alike = name.startswith(f"{about.pipeline}.{about.gate}.")
    if alike and (named is None or named[1] in (None, digits_of(about.inputs))):
        return True
    if not name.endswith((".yaml", ".yml")) or name.startswith("."):
        return False
    if named is None:
        return True
    needed = (about.inputs,) if alike else (about.pipeline, about.gate)
    if b"\\" not in data and not all(word.encode() in data for word in needed):
        return False  # without an escape they stand there as they are: there may be many, and none has to be parsed
    try:
        decision, _ = _read(data, path)
    except OrchError:
        return False
    return (decision.pipeline, decision.gate) == (about.pipeline, about.gate) and decision.inputs in ("", about.inputs)


def _read(data: bytes, path: str) -> tuple[Decision, Document]:
    document = parse(data, path, begin="begin with `decision:`, or let `orch approve` write the file")
    found = document.data
    if not isinstance(found, dict):
        raise OrchError(Problem("O301", f"{path} is not a decision: it holds no keys", document.span(())))
    problems = _problems(document, found)
    if problems:
        raise OrchError(problems)
    return Decision(**{key: value for key, value in found.items() if value}), document


def _problems(document: Document, found: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for key in found:
        if key == "signature":
            hint = "leave the signature out and use `trust: committed`"
            problems.append(
                Problem("O303", "signed decisions are not possible yet", document.span((key,), key=True), hint)
            )
        elif key not in _REQUIRED and key not in _OPTIONAL:
            hint = f"a decision has the keys {', '.join((*_REQUIRED, *_OPTIONAL[:-1]))}"
            problems.append(
                Problem("O301", f"unknown key `{key}` in a decision", document.span((key,), key=True), hint)
            )
    for key in _REQUIRED:
        if key not in found:
            problems.append(Problem("O301", f"missing key `{key}` in a decision", document.span(())))
    for key, value in found.items():
        if (key in _REQUIRED or key in _OPTIONAL) and key != "signature":
            problems += _problem_of(document, key, value)
    return problems


def _problem_of(document: Document, key: str, value: Any) -> list[Problem]:
    if not isinstance(value, str):
        hint = f'write {key}: "…", in quotes'
        return [Problem("O301", f"`{key}` is not text", document.span((key,)), hint)]
    if key == "date" and parse_moment(value) is None:
        hint = "write a day such as 2026-11-20, or a time with its zone such as 2026-11-20T10:30:00Z"
        return [Problem("O301", f"`date` is not a date: {value}", document.span((key,)), hint)]
    shape, meaning = _SHAPES.get(key, (None, ""))
    if shape is not None and not shape.fullmatch(value):
        return [Problem("O301", f"`{key}` is not {meaning}: {value}", document.span((key,)))]
    if key == "project" and not value:
        return [Problem("O301", "`project` is empty", document.span((key,)), "it is the `id` of orch.yaml")]
    return []

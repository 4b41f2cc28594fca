"""The process that reads the reports and logs of an ended attempt (`main`): what they hold was written by a command."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from orch.model.report import Finding, Report, UnreadableReport
from orch.store.left import open_regular
from orch.store.reports.catalogue import READERS, merge

TAIL_BYTES = 64 * 1024
CAUSE_SECONDS = 3.0


def main(file: str, _folder: str) -> None:
    """Read what a file asks for: one JSON object on stdout, the fields of `Reading`."""
    with open(file, "rb") as stream:
        asked = json.load(stream)
    answer: dict[str, Any] = {}
    reports, trouble = _reports(asked)
    if reports:
        whole = merge(reports)
        if whole.tests is not None:
            answer["tests"] = whole.tests._asdict()
        if whole.findings:
            placed = (_placed(finding, asked["cwd"], asked["root"]) for finding in whole.findings)
            answer["findings"] = [
                {key: value for key, value in finding._asdict().items() if value is not None} for finding in placed
            ]
            answer["found"] = whole.found
    if trouble:
        answer["trouble"] = trouble
    with suppress(TimeoutError):
        signal.signal(signal.SIGALRM, _give_up)
        signal.setitimer(signal.ITIMER_REAL, CAUSE_SECONDS)
        if cause := _cause(asked["causes"], asked["logs"]):
            answer["cause"] = cause
        signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode())


def _give_up(*_: object) -> None:
    """A pattern of an adapter may need forever: what the reports say is told all the same."""
    raise TimeoutError


def _reports(asked: Mapping[str, Any]) -> tuple[list[Report], str | None]:
    """What could be read, and what could not, as a sentence."""
    found: list[Report] = []
    trouble = None
    for declared in asked["reports"]:
        name = "stdout" if declared["path"] in (None, *asked["logs"]) else os.path.basename(declared["path"])
        try:
            if declared["path"] is None:
                raise FileNotFoundError
            if asked["cut"] and name == "stdout":
                trouble = trouble or "the report stdout was cut: it is longer than a log may be"
                continue
            with open_regular(declared["path"]) as stream:
                found.append(READERS[declared["format"]](stream))
        except FileNotFoundError:
            if not declared.get("optional"):
                trouble = trouble or f"the report {name} was not written"
        except OSError as error:
            trouble = trouble or f"the report {name} cannot be read: {error.strerror}"
        except ValueError as error:
            trouble = trouble or f"the report {name} cannot be read: {error}"
        except UnreadableReport as error:
            trouble = trouble or f"the report {name} is not {declared['format']}: {error}"
    return found, trouble


def _placed(finding: Finding, cwd: str, root: str) -> Finding:
    """The file's path from the project's root on, where it lies in there."""
    if finding.file is None:
        return finding
    path = os.path.normpath(os.path.join(cwd, finding.file))
    inside = path.startswith(root.rstrip("/") + "/") and (os.path.isabs(finding.file) or os.path.exists(path))
    return finding._replace(file=os.path.relpath(path, root)) if inside else finding


def _cause(causes: Sequence[Mapping[str, str]], logs: Sequence[str]) -> str | None:
    """What the first line that tells a cause means."""
    for path in reversed(logs):
        try:
            with open_regular(path) as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        for cause in causes:
            if re.search(cause["matches"], text, re.MULTILINE):
                return cause["means"]
    return None

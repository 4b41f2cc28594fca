"""The process that reads the reports and logs of an ended attempt (`main`): what they hold was written by a command."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from orch.model.report import Report, UnreadableReport
from orch.store.reports.catalogue import merge, reader

TAIL_BYTES = 64 * 1024


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
            answer["findings"] = [
                {key: value for key, value in finding._asdict().items() if value is not None}
                for finding in whole.findings
            ]
            answer["found"] = whole.found
    if trouble:
        answer["trouble"] = trouble
    cause = _cause(asked["causes"], asked["logs"])
    if cause:
        answer["cause"] = cause
    json.dump(answer, sys.stdout)


def _reports(asked: Mapping[str, Any]) -> tuple[list[Report], str | None]:
    """What could be read, and what could not, as a sentence."""
    found: list[Report] = []
    trouble = None
    for declared in asked["reports"]:
        name = "stdout" if declared["path"] in (None, *asked["logs"]) else os.path.basename(declared["path"])
        try:
            if declared["path"] is None:
                raise FileNotFoundError
            with open(declared["path"], "rb") as stream:
                found.append(reader(declared["format"])(stream))
        except FileNotFoundError:
            if not declared.get("optional"):
                trouble = trouble or f"the report {name} was not written"
        except OSError as error:
            trouble = trouble or f"the report {name} cannot be read: {error.strerror}"
        except UnreadableReport as error:
            cut = ", and was cut: it is over the limit of logs" if asked["cut"] and name == "stdout" else ""
            trouble = trouble or f"the report {name} is not {declared['format']}: {error}{cut}"
    return found, trouble


def _cause(causes: Sequence[Mapping[str, str]], logs: Sequence[str]) -> str | None:
    """What the first line that tells a cause means."""
    for path in reversed(logs):
        try:
            with open(path, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            continue
        for cause in causes:
            if re.search(cause["matches"], text, re.MULTILINE):
                return cause["means"]
    return None

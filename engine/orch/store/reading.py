"""What adapters leave to be read: reports and logs, read by a process of its own, which nothing in them can hurt."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orch.model.attempt import Attempt, Result, StartError
from orch.ports import Reading
from orch.store.atomic import write_file
from orch.store.harvest import isolated
from orch.store.left import read_regular, remove

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

MAX_READ_SECONDS = 60.0
_MAX_ANSWER_BYTES = 1024 * 1024


class DirReports:
    """The reports of one run. `env` is the engine's own environment."""

    def __init__(self, run_dir: str, env: Mapping[str, str]) -> None:
        self._run_dir = run_dir
        self._env = env

    def folder(self, stem: str) -> str:
        """An empty folder for the reports of an attempt."""
        path = f"{self._run_dir}/reports/{stem}"
        remove(path)
        os.makedirs(path, mode=0o700)
        return path

    def reading(self, attempt: Attempt, adapter: Mapping[str, Any], folder: str | None, end: Result) -> Attempt | None:
        """The process that reads what an ended attempt left; None where there is nothing to read."""
        failed = end.exit_code != 0 or end.stopped is not None
        causes = adapter.get("causes", ()) if failed else ()
        declared = [] if end.stopped else adapter.get("reports", [])
        if not declared and not causes:
            if folder is not None:
                remove(folder)
            return None
        logs = {
            name: f"{self._run_dir}/{log.path}" for name, log in (("stdout", end.stdout), ("stderr", end.stderr)) if log
        }
        asked = {
            "reports": [{**report, "path": _place(report["path"], folder, logs)} for report in declared],
            "causes": list(causes),
            "logs": [*logs.values()],
            "cwd": attempt.cwd,
            "root": attempt.root,
            "cut": bool(end.stdout and end.stdout.truncated_bytes),
        }
        file = f"{self._run_dir}/reports/{attempt.stem}.asked"
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        write_file(file, json.dumps(asked).encode())
        return attempt._replace(
            argv=isolated("orch.store.read_reports", file, folder or ""),
            env=self._env,
            cwd=self._run_dir,
            timeout_seconds=MAX_READ_SECONDS,
            stem=f"{attempt.stem}.reports",
            secrets=None if attempt.secrets is None else attempt.secrets.unseen(),
        )

    def read(self, reading: Attempt, end: Result | StartError) -> Reading:
        """What came of such a process; the reports themselves are removed."""
        asked, folder = reading.argv[-2:]
        remove(asked)
        if folder:
            remove(folder)
        if isinstance(end, StartError):
            return Reading(trouble=f"the reports could not be read: {end.message}")
        if end.exit_code == 0 and end.stdout is not None:
            path = f"{self._run_dir}/{end.stdout.path}"
            answer = None
            with suppress(OSError, ValueError, TypeError):
                answer = Reading(**json.loads(read_regular(path, _MAX_ANSWER_BYTES)))
            if answer is not None:
                remove(path)
                return answer if reading.secrets is None else _without_halves(answer, reading.secrets.mask)
        if end.stopped == "timeout":
            return Reading(trouble=f"the reports could not be read in {MAX_READ_SECONDS:.0f} s")
        how = f"exit code {end.exit_code}" if end.signal is None else f"signal {end.signal}"
        return Reading(trouble=f"the reports could not be read: their reader ended with {how}")


def _without_halves(reading: Reading, mask: Mask) -> Reading:
    """The same, without what may be the beginning of a secret where a text was cut: the whole would have been masked,
    on its way out of the process that cut it."""
    findings = [
        {name: _without_half(value, mask) if isinstance(value, str) else value for name, value in finding.items()}
        for finding in reading.findings
    ]
    return reading._replace(findings=findings)


def _without_half(text: str, mask: Mask) -> str:
    if not text.endswith("…"):
        return text
    data = text[:-1].encode()
    return data[: mask.look(data)[1]].decode("utf-8", "ignore") + "…"


def _place(path: str, folder: str | None, logs: Mapping[str, str]) -> str | None:
    """Where a report lies; None where stdout was empty."""
    if path == "stdout":
        return logs.get("stdout")
    return f"{folder}/{path.removeprefix('{reports}/')}"

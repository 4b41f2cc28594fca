"""Plans and runs of pipelines as values for snapshots: `orch` is called as a process of its own, since a run forks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from orch.testing.normal import Normal

_ENDS = (0, 1, 4, 5)
"""The exit codes of a run that has ended or waits; any other is no run to look at."""
_OF_THE_MACHINE = ("format_version", "orch", "project", "max_in_flight", "resources")


class Calls:
    """`project` is the folder as it is, `copy` makes the test's own copy of it when it is first needed; `scratch` is a
    folder for what orch writes beside it."""

    def __init__(self, project: Path, copy: Callable[[], Path], scratch: Path) -> None:
        self._project, self._copy, self._scratch = project, copy, scratch
        self._state = scratch / "state"
        self._count = 0

    def plan(
        self,
        pipeline: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        select: str | Sequence[str] = (),
        *,
        stubs: str | Mapping[str, Any] | None = None,
        folder: Path | str | None = None,
    ) -> dict[str, Any]:
        """What a dry run would do to each step, and what each is made of. Gates are open and nodes succeed, but for
        what `stubs` says: a file, or what would stand in one. Nothing is written in the project."""
        file = self._file("plan")
        given = self._stubs(stubs) if isinstance(stubs, Mapping) else stubs
        words = ["plan", *_words(pipeline, inputs, select), "--dry-run", "--json", "--out", str(file)]
        where = Path(folder) if folder is not None else self._project
        done = self._orch([*words, *(["--stubs", str(given)] if given is not None else [])], where)
        if done.returncode:
            _refused(done)
        told = {step["address"]: step for step in json.loads(done.stdout)["steps"]}
        doc = json.loads(file.read_text(encoding="utf-8"))
        steps = [{**step, **_prospect(told.get(step["address"], {}))} for step in doc["steps"]]
        head = {key: value for key, value in doc.items() if key not in _OF_THE_MACHINE}
        head["pipeline"] = {key: value for key, value in doc["pipeline"].items() if key != "digest"}
        made: dict[str, Any] = Normal(os.path.realpath(where)).data({**head, "steps": steps})
        return made

    def apply(
        self,
        pipeline: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        select: str | Sequence[str] = (),
        *,
        folder: Path | str | None = None,
        env: Mapping[str, str] | None = None,
        jobs: int = 1,
        dirty: bool = False,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Run it, in the test's copy of the project or in `folder`: `{exit_code, status, summary, outputs, steps,
        journal, manifests, errors}`. `steps` has status and reason by address. With more than one job the order of
        the journal is another each time. `dirty`: a run with a branch takes along what nobody has committed yet. `env`
        is added to the environment of orch; after `timeout` seconds the run is ended, and the test with it."""
        where = Path(folder) if folder is not None else self._copy()
        before = set(_runs(where))
        words = ["apply", *_words(pipeline, inputs, select), "--jobs", str(jobs), *(["--dirty"] if dirty else [])]
        done = self._orch(words, where, env, timeout)
        new = sorted(set(_runs(where)) - before)
        if done.returncode not in _ENDS or not new:
            _refused(done)
        normal = Normal(os.path.realpath(where), {new[-1].name: "<run>", os.path.realpath(self._state): "<state>"})
        journal = [normal.data(json.loads(line)) for line in _text(new[-1] / "journal.ndjson").splitlines()]
        manifest = normal.data(json.loads(_text(new[-1] / "manifest.json")))
        nodes = [normal.data(json.loads(_text(path))) for path in sorted((new[-1] / "nodes").glob("*.json"))]
        errors = [normal.data(json.loads(_text(path))) for path in sorted((new[-1] / "errors").glob("*.json"))]
        return {
            "exit_code": done.returncode,
            "status": manifest["status"],
            "summary": manifest["summary"],
            "outputs": {name: value.get("value") for name, value in manifest.get("outputs", {}).items()},
            "steps": {one["address"]: {"status": one["status"], "reason": one["reason"]} for one in nodes},
            "journal": journal,
            "manifests": {"manifest": manifest, **{one["address"]: one for one in nodes}},
            "errors": errors,
        }

    def _orch(
        self, words: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ORCH_", "PYTEST_"))}
        try:
            return subprocess.run(
                [sys.executable, "-P", "-m", "orch", *words],
                cwd=folder,
                env={**own, "XDG_STATE_HOME": str(self._state), "NO_COLOR": "1", **(env or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            pytest.fail(f"orch {words[0]} was ended after {timeout} s", pytrace=False)

    def _file(self, what: str) -> Path:
        self._count += 1
        self._scratch.mkdir(exist_ok=True)
        return self._scratch / f"{what}-{self._count}.json"

    def _stubs(self, stubs: Mapping[str, Any]) -> Path:
        file = self._file("stubs")
        file.write_text(json.dumps(stubs, ensure_ascii=False, indent=1), encoding="utf-8")
        return file


def _words(pipeline: str | None, inputs: Mapping[str, Any] | None, select: str | Sequence[str]) -> list[str]:
    words = [pipeline] if pipeline is not None else []
    for name, value in (inputs or {}).items():
        words += ["--input", f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"]
    for steps in [select] if isinstance(select, str) else select:
        words += ["--select", steps]
    return words


def _prospect(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in ("word", "why") if told.get(key)}


def _runs(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob(".runs/*/cli/*/plan.json")]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _refused(done: subprocess.CompletedProcess[str]) -> None:
    """End the test with what orch said."""
    if "error[O641]" in done.stderr:
        done.stderr += "In a test: orch_apply(…, dirty=True)\n"
    pytest.fail(f"orch ended with exit code {done.returncode}\n{done.stderr}", pytrace=False)

"""The results of runs before, for one plan: looked up by what a step reads, put back, kept where a step succeeded."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orch.app.surroundings import from_caller
from orch.model.caching import because, differences, expanded, key_of, laid_out
from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Finished
from orch.model.state import RunState
from orch.ports import Recollection
from orch.run.reads import Reader, Reads
from orch.spec.expressions.evaluate import EvaluationError
from orch.store.atomic import read_file
from orch.store.cas import Cas, NotKeepable
from orch.store.copies import artifact_copy, place, put_to
from orch.store.fingerprints import Fingerprints, Unreadable
from orch.store.globs import is_pattern
from orch.store.kept import Entry, Kept
from orch.store.rundir import KIND, RunDir, cache_folder


class Unusable(Exception):
    """A kept result that cannot be used; the text says why."""


class _Looked(NamedTuple):
    """What a step that is about to start reads. With `after` it has ended, and has read just that: the modes of its
    artifacts, and what it leaves behind."""

    reads: Reads
    inputs: dict[str, str]
    key: str
    after: tuple[dict[str, int], dict[str, str]] | None = None


class ProjectMemory:
    """Of one plan in one project. Without a `run` nothing is written: that is how a plan looks."""

    def __init__(
        self,
        plan: Compiled,
        root: str,
        runs_root: str,
        environ: Mapping[str, str],
        run: tuple[RunDir, Cas] | None = None,
    ) -> None:
        self._plan, self._root, self._runs_root, self._run = plan, root, runs_root, run
        folder = cache_folder(runs_root, make=run is not None) or f"{runs_root}/.cache"
        self._kept = Kept(f"{folder}/results.ndjson")
        self._prints = Fingerprints(root, f"{folder}/files.json", time.time_ns)
        self._reader = Reader(plan, from_caller(environ, plan.head["env_pass"]), environ)
        self._name = plan.head["pipeline"]["name"]
        self._looked: dict[int, _Looked] = {}
        self._there: dict[str, bool] = {}
        self._listed: set[str] = set()

    def stir(self) -> None:
        """Look at everything again when it is asked for."""
        self._prints.forget()

    def ended(self, step: int) -> None:
        """Where what a step reads changed while it ran, what it has read is not known."""
        looked = self._looked.pop(step, None)
        if looked is None:
            return
        reads = looked.reads
        try:
            again, _ = self._inputs(reads)
            modes = {name: os.stat(self._target(reads, name)).st_mode & 0o777 for name in reads.artifacts}
        except (Unreadable, OSError):
            return
        if again == looked.inputs:
            self._looked[step] = looked._replace(after=(modes, self._left(reads)))

    def recall(self, state: RunState, step: int) -> Recollection:
        """Look up the result of a step. Raises KnownAfter in a simulated run."""
        self._looked.pop(step, None)
        name = f"{self._name}/{self._plan.addresses[step]}"
        try:
            reads = self._reader.of(state, step)
            inputs, lists = self._inputs(reads)
        except EvaluationError as error:
            return Recollection(_missed(str(error)))  # as the attempt itself will say
        except Unreadable as error:
            return Recollection(_missed(str(error)), known=self._newest(name) is not None)
        key = key_of(name, inputs)
        self._keep_lists(lists)
        unusable = ""
        try:
            entry = self._kept.of_key(key)
            if entry is not None:
                self._check(entry, step, reads)
                self._kept.use(entry, state.latest_ms)
                since = f"since run {entry.run.rpartition('/')[2]}"
                cache = {"key": key, "hit": True, "because": since, "run": entry.run, "inputs": inputs}
                if entry.logs:
                    cache["logs"] = entry.logs
                return Recollection(cache, True, entry.outputs, entry.artifacts, entry.tests)
        except Unusable as error:
            unusable = str(error)
        except ValueError:
            unusable = "what was kept of it is damaged"
        self._looked[step] = _Looked(reads, inputs, key)
        told: dict[str, Any] = {"key": key, "inputs": inputs}
        if unusable:
            return Recollection(_missed(unusable, **told), known=True)
        old = self._newest(name)
        if old is None:
            return Recollection(_missed("no result is kept", **told))
        known = expanded(old.inputs, lambda sha256: self._list_of(old, sha256))
        why = because(differences(known, expanded(inputs, lists.get)))
        was = {"run": old.run, "key": old.key, "inputs": old.inputs}
        return Recollection(_missed(why, **told, was=was), known=True)

    def record(self, events: Sequence[Event]) -> None:
        """These events are in the journal: keep what succeeded."""
        entries: list[Entry] = []
        for event in events:
            if isinstance(event, Closed):
                self._kept.add(entries)
                entries = []
                self._kept.close(event.at)
                self._prints.save()
            elif isinstance(event, Finished) and event.final and event.attempt:
                looked = self._looked.pop(self._plan.index_of[event.address], None)
                if looked is not None and looked.after is not None and event.reason == "ok":
                    entries.append(self._entry(event, looked, *looked.after))
        self._kept.add(entries)

    def _entry(self, event: Finished, looked: _Looked, modes: dict[str, int], left: dict[str, str]) -> Entry:
        assert self._run is not None, "only a run is recorded"
        run, logs = self._run[0], {}
        if self._plan.index_of[event.address] in self._plan.loop_of:
            logs = {stream: log["sha256"] for stream, log in (event.logs or {}).items()}
        return Entry(
            key=looked.key,
            step=f"{self._name}/{event.address}",
            at=event.at,
            run=f"{run.task}/{run.run_id}",
            inputs=looked.inputs,
            outputs=event.outputs,
            artifacts=event.artifacts,
            modes=modes,
            left=left,
            tests=event.tests,
            logs=logs,
        )

    def _inputs(self, reads: Reads) -> tuple[dict[str, str], dict[str, bytes]]:
        """All that a step reads, and the lists of files among it."""
        matches = {glob: self._prints.files(glob) for glob in reads.globs}
        for glob, files in matches.items():
            if not files:
                raise Unreadable(f"nothing matches `{glob}`" if is_pattern(glob) else f"there is no `{glob}`")
        inputs, lists = laid_out(matches)
        known = dict(reads.known)
        for tool in reads.tools:
            known[f"tool {tool}"] = self._prints.tool(tool, reads.path, reads.cwd)
        if reads.environment is not None and not reads.makes:
            known[f"environment {reads.environment}"] = self._prints.environment(self._environment(reads))
        known.update(inputs)
        return known, lists

    def _left(self, reads: Reads) -> dict[str, str]:
        """What a step that was skipped must find as it left it: the environment that it makes for others."""
        if reads.environment is None or not reads.makes:
            return {}
        return {f"environment {reads.environment}": self._prints.environment(self._environment(reads))}

    def _environment(self, reads: Reads) -> str:
        return os.path.normpath(f"{reads.cwd}/{reads.environment}")

    def _newest(self, name: str) -> Entry | None:
        try:
            return self._kept.of_step(name)
        except ValueError:
            return None

    def _check(self, entry: Entry, step: int, reads: Reads) -> None:
        """Is a result that was found still whole? In a run its artifacts are put where the step would have put them.
        Raises Unusable."""
        if entry.run not in self._there:
            self._there[entry.run] = os.path.lexists(f"{self._folder(entry)}/plan.json")
        if not self._there[entry.run]:
            raise Unusable(f"run {entry.run.rpartition('/')[2]} is gone")
        if entry.left:
            now = self._left(reads)
            changed = next((name for name, digest in entry.left.items() if now.get(name) != digest), None)
            if changed is not None:
                raise Unusable(f"{changed} changed")
        for artifact in entry.artifacts:
            where = self._folder(entry)
            self._take(entry, artifact, Cas(where, durable=False), where)
        for artifact in entry.artifacts if self._run is not None else ():
            self._put_back(entry, artifact, step, reads)

    def _folder(self, entry: Entry) -> str:
        """The run that a result is from."""
        return f"{self._runs_root}/{entry.run.replace('/', f'/{KIND}/')}"

    def _take(self, entry: Entry, artifact: Mapping[str, Any], old: Cas, where: str) -> None:
        """The bytes of an artifact are there, and in a run they are in its own store from now on."""
        path = old.path_of(artifact["sha256"])
        lost = f"artifact {artifact['name']} of run {entry.run.rpartition('/')[2]} is missing or damaged"
        if self._run is None:
            if self._prints.content(path) != artifact["sha256"]:
                raise Unusable(lost)
            return
        try:
            sha256, _ = self._run[1].put_file(path, where)
        except NotKeepable as error:
            raise Unusable(lost) from error
        if sha256 != artifact["sha256"]:
            raise Unusable(lost)

    def _put_back(self, entry: Entry, artifact: Mapping[str, Any], step: int, reads: Reads) -> None:
        assert self._run is not None, "a plan puts nothing back"
        run, cas = self._run
        name, sha256 = artifact["name"], artifact["sha256"]
        target, mode = self._target(reads, name), entry.modes.get(name, 0o644)
        if self._prints.content(target) != sha256 or os.stat(target).st_mode & 0o777 != mode:
            try:
                put_to(cas, sha256, target, self._root, mode)
            except OSError as error:
                raise Unusable(f"artifact {name} cannot be put back: {error.strerror or error}") from error
            self._prints.forget()
        place(cas, sha256, f"{run.path}/{artifact_copy(self._plan.addresses[step], name)}")

    def _target(self, reads: Reads, name: str) -> str:
        return os.path.normpath(f"{self._root}/{reads.cwd}/{reads.artifacts[name]}")

    def _keep_lists(self, lists: Mapping[str, bytes]) -> None:
        """A list of files is in the run's own store, for whoever lays two of them side by side."""
        for sha256, data in lists.items():
            if self._run is not None and sha256 not in self._listed:
                self._listed.add(sha256)
                self._run[1].put_bytes(data)

    def _list_of(self, entry: Entry, sha256: str) -> bytes | None:
        try:
            data = read_file(Cas(self._folder(entry), durable=False).path_of(sha256))
        except OSError:
            return None
        self._keep_lists({sha256: data})
        return data


def _missed(why: str, **more: Any) -> dict[str, Any]:
    return {"hit": False, "because": why, **more}

"""The results of runs before, for one plan: looked up by what a step reads, put back, kept where a step succeeded."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orch.app.surroundings import from_caller
from orch.model.caching import because, differences, expanded, given, key_of, laid_out
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

MOST_WAITS = 25
"""So often the loop waits, a fifth of a second at most, before everything is looked at again all the same."""


class Unusable(Exception):
    """A kept result that cannot be used; the text says why."""


class _Looked(NamedTuple):
    """What a step that is about to start reads. Once it has ended there are the `modes` of its artifacts; with `left`,
    what it leaves behind, it is known that it has read just that."""

    reads: Reads
    inputs: dict[str, str]
    key: str
    modes: dict[str, int] = {}
    left: dict[str, str] | None = None


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
        self._laid: dict[str, tuple[dict[str, str], dict[str, bytes]]] = {}
        self._stirred, self._waits = run is not None, 0
        self._waited: set[int] = set()  # could have been looked up when all was last looked at
        self._unseen: dict[int, None] = {}  # have ended since
        self._succeeded: dict[int, Finished] = {}
        self._there: dict[str, bool] = {}
        self._listed: set[str] = set()

    def stir(self) -> None:
        """What waits from now on is looked up by the files as they are then."""
        self._stirred = True
        self._waits += 1
        if self._waits >= MOST_WAITS:
            self._waits = 0
            self._waited.clear()
            self.settle()

    def ended(self, step: int) -> None:
        """Where what a step reads changed while it ran, what it has read is not known. That is looked at for all that
        have ended in a while at once: a walk through the files for each would cost more than many a step."""
        looked = self._looked.get(step)
        self._forget(step)
        if looked is None:
            return
        reads = looked.reads
        try:
            modes = {name: os.stat(self._target(reads, name)).st_mode & 0o777 for name in reads.artifacts}
        except OSError:
            return
        self._looked[step] = looked._replace(modes=modes, left=None)  # of an attempt before, this one says nothing
        self._unseen[step] = None
        if reads.makes:
            self.settle()  # what it has made for others is as it left it now

    def settle(self) -> None:
        """Something begins that may change files: look at what those have read that have ended."""
        if not self._unseen:
            return
        self._look_anew()
        for step in tuple(self._unseen):
            looked = self._looked[step]
            try:
                again, _ = self._inputs(looked.reads)
            except Unreadable:
                again = {}
            if again == looked.inputs:
                self._looked[step] = looked._replace(left=self._left(looked.reads))
            else:
                self._forget(step)
        self._unseen.clear()
        self._keep()

    def _look_anew(self) -> None:
        self._prints.forget()
        self._laid.clear()
        self._stirred = False

    def _forget(self, step: int) -> None:
        self._looked.pop(step, None)
        self._unseen.pop(step, None)
        self._succeeded.pop(step, None)

    def _refresh(self, state: RunState, step: int) -> None:
        """Look at everything again for a step that could not be looked up before. One that has waited for nothing but
        a job is looked up by the files as they were when another one was, not long ago: so the children of a matrix
        share a walk."""
        if self._stirred and step not in self._waited:
            self.settle()
            self._look_anew()
            self._waited = {*state.ready, *(one for held in state.held.values() for one in held)}
        self._waited.discard(step)

    def recall(self, state: RunState, step: int) -> Recollection:
        """Look up the result of a step. Raises KnownAfter in a simulated run."""
        self._forget(step)
        self._refresh(state, step)
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
        for event in events:
            if isinstance(event, Closed):
                self.settle()
                self._keep()
                self._kept.close(event.at)
                self._prints.save()
            elif isinstance(event, Finished) and event.final and event.attempt:
                step = self._plan.index_of[event.address]
                if step in self._looked and event.reason == "ok":
                    self._succeeded[step] = event
                else:
                    self._forget(step)
        self._keep()

    def _keep(self) -> None:
        """Keep what has succeeded and is known to have read what it seemed to read."""
        entries = []
        for step, event in list(self._succeeded.items()):
            looked = self._looked[step]
            if looked.left is not None:
                entries.append(self._entry(event, looked, looked.left))
                self._forget(step)
        self._kept.add(entries)

    def _entry(self, event: Finished, looked: _Looked, left: dict[str, str]) -> Entry:
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
            modes=looked.modes,
            left=left,
            tests=event.tests,
            logs=logs,
        )

    def _inputs(self, reads: Reads) -> tuple[dict[str, str], dict[str, bytes]]:
        """All that a step reads, and the lists of files among it."""
        inputs: dict[str, str] = {}
        lists: dict[str, bytes] = {}
        for glob in reads.globs:
            laid = self._laid.get(glob)
            if laid is None:
                files = self._prints.files(glob)
                if not files:
                    raise Unreadable(f"nothing matches `{glob}`" if is_pattern(glob) else f"there is no `{glob}`")
                laid = self._laid[glob] = laid_out({glob: files})
            inputs.update(laid[0])
            lists.update(laid[1])
        known = dict(reads.known)
        if reads.given:
            made, more = given(reads.given)
            known.update(made)
            lists.update(more)
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
            self._laid.clear()
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

"""The files of a run against what the journal says of them: logs, artifacts, kept bytes, and what nobody knows."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping

from orch.gates.facts import DIFFERENCE
from orch.model.compiled import Compiled
from orch.model.events import Event, Finished, Observed, Settled, Started
from orch.model.names import file_stem
from orch.model.retry import has_probe
from orch.problems.problem import Problem
from orch.store.copies import adapter_copies, copies
from orch.store.expected import is_unfinished
from orch.store.rundir import RunDir
from orch.store.subjects import open_gates

_BLOCK = 1 << 20
_COPIES = ("artifacts/", "subjects/", "adapters/")
_FILE_MODES = ("100644", "100755")
_CLAIMING = "owner.json.new"  # of an owner that died before its first record
_OWN = ("plan.json", "journal.ndjson", "requests.ndjson", "lock", "owner.json", "beat", "manifest.json", "resume-token")


class Files:
    """The directory as it lies. `compare` the derived files first, then `check` the rest; `count` is how many regular
    files there are."""

    def __init__(self, run: RunDir, plan: Compiled, events: Collection[Event]) -> None:
        self._run = run
        self._plan = plan
        self._there: dict[str, os.stat_result] = dict(_files(run.path))
        self._known = set(_OWN)
        self._logs: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._copies: dict[str, list[str]] = {}
        self._subjects = open_gates(events)
        self._collect(events)
        self.count = len(self._there)

    def compare(self, name: str, data: bytes | None, *, required: bool, hint: str | None) -> list[Problem]:
        """Is this derived file there, with these bytes? None: it cannot be known what must be in it."""
        self._known.add(name)
        if name not in self._there:
            return [Problem("O610", f"{name} is missing", hint=hint)] if required else []
        if data is None or self.agrees(name, data):
            return []
        return [Problem("O612", f"{name} is not what the journal says", hint=hint)]

    def holds(self, name: str) -> bool:
        """Is there anything of this name?"""
        return name in self._there

    def agrees(self, name: str, data: bytes | None) -> bool:
        """Does nothing lie there that differs? What is no regular file is told by `check`."""
        if name not in self._there or not self._is_regular(name):
            return True
        return data is not None and self._digest(name) == hashlib.sha256(data).hexdigest()

    def check(self, *, closed: bool, live: bool, derived: bool) -> list[Problem]:
        """Everything that is recorded by digest, and everything that is not recorded at all. Without `derived` the
        journal is not whole, and what follows from it is unknown."""
        problems = []
        for name, sha256 in {**self._logs, **self._kept}.items():
            problems += self._recorded(name, sha256)
        for name, found in self._there.items():
            if not stat.S_ISREG(found.st_mode):
                if name.startswith("outputs/") and not closed:
                    continue  # whatever a command made of it
                problems.append(Problem("O613", f"{name} is not a regular file"))
            elif name.startswith("cas/sha256/"):
                problems += [] if name in self._kept else self._recorded(name, os.path.basename(name))
            elif name.startswith(_COPIES):
                problems += [] if live or (not closed and is_unfinished(name)) else self._copied(name, closed)
            elif name in self._known or name in self._logs or live or not derived:
                continue
            elif not is_unfinished(name):
                problems.append(Problem("O613", f"{name} is not accounted for"))
            elif closed and name != _CLAIMING:
                hint = f"orch resume {self._run.run_id}"
                problems.append(Problem("O613", f"{name} is left over", hint=hint))
        if closed:
            problems += [Problem("O610", f"{name} is missing") for name in ("lock", "beat") if name not in self._there]
            owed = [name for name in self._copies if name.startswith("artifacts/")]
            owed += [folder + path for folder, paths in self._subjects.items() for path in paths]
            lost = [name for name in owed if name not in self._there]
            hint = f"orch resume {self._run.run_id}"
            problems += [Problem("O610", f"{name} is missing", hint=hint) for name in lost if not live]
        if "lock" in self._there and self._there["lock"].st_size:
            problems.append(Problem("O611", "lock was written to"))
        return problems

    def _collect(self, events: Collection[Event]) -> None:
        for resource in self._plan.head.get("resources", ()):
            self._keep(resource["sha256"])
        attempts: dict[str, int] = {}
        probes: dict[str, int] = {}
        for event in events:
            if isinstance(event, Started):
                stem = f"logs/{file_stem(event.address)}.{event.attempt}"
                step = self._plan.index_of.get(event.address, -1)
                doc = self._plan.action(step).step if step >= 0 else None
                probed = doc is not None and has_probe(doc)
                checked = doc is not None and "outputs" in doc
                read = doc is not None and "adapter" in doc
                # an attempt or a probe that was cut short, what looks at outputs and reports: logs in no record
                self._known.update(f"{stem}{end}" for end in (".out", ".err"))
                attempts[event.address] = event.attempt
                self._known.update(_probe_logs(event.address, attempts, probes) if probed else ())
                self._known.update(f"{stem}.check{end}" for end in (".out", ".err") if checked)
                self._known.update(f"{stem}.reports{end}" for end in (".out", ".err") if read)
                self._known.update(
                    f"{stem}.setup{end}" for end in (".out", ".err") if doc is not None and "setup" in doc
                )
            elif isinstance(event, Finished):
                stem = f"logs/{file_stem(event.address)}.{event.attempt}"
                self._known.difference_update((f"{stem}.out", f"{stem}.err"))
                for log in (event.logs or {}).values():
                    self._logs[str(log.get("path"))] = str(log.get("sha256"))
                for artifact in event.artifacts:
                    self._keep(str(artifact["sha256"]))
            elif isinstance(event, Settled) and event.by == "probe":
                self._known.difference_update(_probe_logs(event.address, attempts, probes))
                self._logs.update((str(log.get("path")), str(log.get("sha256"))) for log in (event.logs or {}).values())
                probes[event.address] = probes.get(event.address, 0) + 1
                self._known.update(_probe_logs(event.address, attempts, probes))
            elif isinstance(event, Observed) and event.status == "succeeded":
                subject = event.facts.get("subject", {})
                for mode, sha256, path in subject.get("files", ()):
                    if mode in _FILE_MODES and not str(path).startswith(DIFFERENCE):
                        self._keep(str(sha256))
                if "patch" in subject:
                    self._keep(str(subject["patch"]))
        for name, sha256 in (*copies(events), *adapter_copies(self._plan.head.get("resources", ()))):
            self._copies.setdefault(name, []).append(sha256)

    def _keep(self, sha256: str) -> None:
        self._kept[f"cas/sha256/{sha256[:2]}/{sha256}"] = sha256

    def _copied(self, name: str, closed: bool) -> list[Problem]:
        """A copy must be of what was recorded for it, of an artifact what was recorded last. Where a crash kept that
        out of the journal it is of what is kept: both are made before the record, and resuming puts copies right.
        What an open gate was about is what its last look names, and no more."""
        sha256, recorded = self._digest(name), self._copies.get(name, [])
        for folder, paths in self._subjects.items() if closed else ():
            if name.startswith(folder):
                path = name.removeprefix(folder)
                if path not in paths:
                    hint = f"orch resume {self._run.run_id}"
                    return [Problem("O613", f"{name} is not accounted for", hint=hint)]
                return [] if paths[path] == sha256 else [Problem("O611", f"{name} was changed")]
        if sha256 in (recorded[-1:] if closed and name.startswith("artifacts/") else recorded):
            return []
        if not (closed and recorded) and f"cas/sha256/{sha256[:2]}/{sha256}" in self._there:
            return []
        return [Problem("O611", f"{name} was changed") if recorded else Problem("O613", f"{name} is not accounted for")]

    def _recorded(self, name: str, sha256: str) -> list[Problem]:
        if name not in self._there:
            return [Problem("O610", f"{name} is missing")]
        if not self._is_regular(name) or self._digest(name) == sha256:
            return []
        return [Problem("O611", f"{name} was changed")]

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        fd = os.open(f"{self._run.path}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def _is_regular(self, name: str) -> bool:
        return stat.S_ISREG(self._there[name].st_mode)


def _probe_logs(address: str, attempts: Mapping[str, int], probes: Mapping[str, int]) -> list[str]:
    """The logs of the next probe of a step."""
    stem = f"logs/{file_stem(address)}.{attempts.get(address, 0)}.probe{probes.get(address, 0) + 1}"
    return [f"{stem}.out", f"{stem}.err"]


def _files(path: str, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.stat(follow_symlinks=False)

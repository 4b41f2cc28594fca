"""Looks at the gates of a run or of a plan: gathers the facts, judges them, and keeps the bytes that were approved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orch.app.people import shuts_authors_out
from orch.gates.facts import PATCH_FILE
from orch.gates.judge import judge
from orch.gates.verdict import Context as CommandContext
from orch.gates.verdict import Verdict
from orch.governance.decision_names import About
from orch.governance.inside import Refused, open_inside
from orch.governance.observe import observe
from orch.governance.subjects import Subject, nothing
from orch.governance.where import Where
from orch.model.compiled import Compiled
from orch.model.events import Event, Observed
from orch.model.names import branch_of
from orch.model.state import RunState
from orch.model.status import Status
from orch.ports import Look
from orch.store.cas import Cas

if TYPE_CHECKING:  # loaded only where a gate shuts authors out
    from orch.app.makers import Makers

_READS = 3


class ProjectGates:
    """The gates of one plan. `where(resolve, history)` tells today's people and roles; `kept` is the run's
    content store, None outside a run, and `run_path` its folder, in which the approved files are laid out.
    `manifest(step)` gives the bytes of a node's manifest, for evidence."""

    def __init__(
        self,
        plan: Compiled,
        where: Callable[..., Where],
        command: CommandContext,
        *,
        kept: Cas | None = None,
        run_path: str = "",
        manifest: Callable[[int], bytes] | None = None,
    ) -> None:
        self._plan, self._where, self.command = plan, where, command
        self._kept, self._run_path, self._manifest = kept, run_path, manifest
        self._history: dict[str, Sequence[Sequence[str]]] = {}
        self._approved: dict[About, tuple[object, str | None]] = {}
        self._makers: Makers | None = None
        if shuts_authors_out(plan):
            from orch.app.makers import Makers

            self._makers = Makers(plan)

    def remember(self, events: Iterable[Event]) -> None:
        """What has happened in this run before: what the subjects of looks were, and for whom what ran."""
        for event in events:
            if self._makers is not None:
                self._makers.remember(event)
            if isinstance(event, Observed):
                self._note(event.facts)

    def where(self) -> Where:
        """Today's people and roles, and the subjects that earlier looks have seen."""
        return self._where(nothing, self._history)

    def look(self, state: RunState, step: int, at_ms: int) -> Look:
        """Gather the facts of a gate and judge them."""
        for _ in range(_READS):
            facts, verdict, subject = self.examine(state, step, at_ms)
            if verdict.status != "succeeded" or subject is None or self._preserve(step, subject):
                self._note(facts)
                return Look(verdict.status, verdict.reason, verdict.sentence, dict(facts))
        return Look("waiting", "stale", "the subject changes while it is being read", dict(facts))

    def examine(self, state: RunState, step: int, at_ms: int) -> tuple[Mapping[str, Any], Verdict, Subject | None]:
        """The facts, what they mean, and the subject as it was read; nothing is kept."""
        gate = self._plan.action(step).step["gate"]
        where = self._where(lambda reference: self._resolve(state, reference), self._history).of(gate)
        head = self._plan.head
        if "workspace" in head and self.command.run is not None:
            branch = head["base"], head.get("start", head["base"]), branch_of(self.command.run)
            where = replace(where, branch=branch)
        if "author" in gate.get("exclude", ()):
            where = replace(where, starters=self._starters(state, gate, where.root), approved=self._approved)
            if self._makers is not None and self.command.run is not None:
                where = replace(where, makers=self._makers.of(state, step))
        facts, subject = observe(gate, where)
        return facts, judge(gate, facts, at_ms / 1000, self.command), subject

    def _starters(self, state: RunState, gate: Mapping[str, Any], root: str) -> dict[str, list[str | None]]:
        """By item of the subject: who made it in the run that it is from, where the cache gave it."""
        found: dict[str, list[str | None]] = {}
        for item in gate["subject"]:
            kind, _, rest = item.partition(":")
            step = self._ended(state, rest.rpartition(".")[0] if kind == "artifact" else rest)
            if step is not None and step in state.made_in:
                from orch.app.people import makers_of

                found[item] = makers_of(root, state.made_in[step], self._plan.addresses[step])
        return found

    def _note(self, facts: Mapping[str, Any]) -> None:
        subject = facts.get("subject")
        if subject and subject.get("digest"):
            self._history[subject["digest"]] = subject["files"]

    def _resolve(self, state: RunState, reference: str) -> tuple[str, str, str] | None:
        kind, _, rest = reference.partition(":")
        if kind == "artifact":
            address, _, name = rest.rpartition(".")
            step = self._ended(state, address)
            for artifact in state.artifacts.get(step, ()) if step is not None else ():
                if artifact["name"] == name:
                    return "100644", artifact["sha256"], reference
            return None
        step = self._ended(state, rest)
        if step is None:
            return None
        if kind == "output":
            outputs = state.outputs.get(step)
            return None if outputs is None else ("json", _canonical(outputs), reference)
        if self._manifest is None:
            return None
        return "manifest", hashlib.sha256(self._manifest(step)).hexdigest(), reference

    def _ended(self, state: RunState, address: str) -> int | None:
        step = self._plan.index_of.get(address)
        if step is None or state.status[step] is not Status.SUCCEEDED:
            return None
        return step

    def _preserve(self, step: int, subject: Subject) -> bool:
        """Keep the bytes that were looked at, and lay them out for `$ORCH_SUBJECT`; false where a file has changed
        since the look."""
        if self._kept is None:
            return True
        from orch.store.subjects import lay_out

        try:
            lay_out(self._run_path, self._kept, self._plan.addresses[step], self._bytes_of(subject))
        except Refused:
            return False
        return True

    def _bytes_of(self, subject: Subject) -> Iterator[tuple[str, bytes]]:
        """What was looked at, under the names it is laid out by. Raises Refused where a file is not what it was."""
        root = self.where().root
        if subject.patch is not None:
            yield PATCH_FILE, subject.patch
        for path, read in subject.files.items():
            with open(open_inside(root, path), "rb") as file:
                data = file.read()
            if hashlib.sha256(data).hexdigest() != read.sha256:
                raise Refused("unreadable", path)
            yield path, data


def _canonical(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

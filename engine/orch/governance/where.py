"""Whose gate it is, and what the caller knows about people and earlier looks: everything that observing needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orch.gates.facts import Trouble, inputs_of
from orch.governance.decision_names import About
from orch.governance.subjects import Resolve, nothing


@dataclass(frozen=True, slots=True)
class Where:
    """`root` is the project's folder, `project` the id in orch.yaml. `people` maps handles to addresses, as of today;
    `pinned` and `today` map roles to handles, as the plan has them and as orch.yaml has them now; `trust_floor` is
    today's policy; `unread` says why orch.yaml could not be read. `resolve` finds what nodes made; `starter` is the
    handle of whoever started the run, `starters` are those who made what came from the cache, by item of
    the subject (None: not known); `makers` are those who took the run up since, and for whom something ran that the
    gate comes after (None: nobody in orch.yaml). `history` maps digests of subjects that this run saw before to their
    lines. `environment` is the process's. `branch` is the run's, behind the commit that it is compared with and the one
    at which it began. `approved` is what one caller's looks remember for the next: of each gate the commit at which
    other content was approved last, behind what that follows from."""

    root: str
    project: str | None
    task: str
    pipeline: str
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pinned: Mapping[str, Sequence[str]] = field(default_factory=dict)
    today: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trust_floor: str = "file"
    unread: Trouble | None = None
    resolve: Resolve = nothing
    starter: str | None = None
    starters: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    makers: Sequence[str | None] = ()
    history: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    branch: tuple[str, str, str] | None = None
    approved: dict[About, tuple[object, str | None]] = field(default_factory=dict, compare=False)

    def of(self, gate: Mapping[str, Any]) -> Where:
        """Where this gate is: what is decided about one of a child pipeline is decided about the child."""
        return replace(self, pipeline=gate["pipeline"]) if "pipeline" in gate else self

    def about(self, gate: Mapping[str, Any]) -> About:
        """What decisions about this gate are about."""
        return About(self.task, self.pipeline, gate["name"], inputs_of(gate))

    def knows(self, handle: str) -> bool:
        """Whether today's orch.yaml names the person."""
        return handle in self.people or any(handle in holders for holders in self.today.values())

    def handles_of(self, address: str) -> list[str]:
        """Everybody with this address; letters' case does not matter."""
        return sorted(h for h, addresses in self.people.items() if address.lower() in (a.lower() for a in addresses))

"""Where the steps of a simulated run work, if it has a branch: the engine's own spaces above trees in memory, and what
must hold of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memory_trees import MemoryTrees
from work import Work, is_wrong

from orch.gates.facts import DIFFERENCE
from orch.model.attempt import Result
from orch.model.events import Closed, Event, Finished, Merged, Observed, Opened
from orch.model.names import file_stem
from orch.ports import Look
from orch.run.results import NOTHING_LEFT, Left
from orch.run.spaces import Spaces


class Places:
    """The trees outlive every owner; `spaces` belongs to one."""

    spaces: Spaces

    def __init__(self, simulation: Any, work: Work) -> None:
        self._run, self._work = simulation, work
        self.trees = MemoryTrees(self._trouble, self._around, self._is_quiet)
        self.conflicts: set[str] = set()

    def own(self, events: Iterable[Event]) -> None:
        self.spaces = Spaces(self._run.plan, self.trees)
        self.spaces.remember(events)
        left = self.trees.uncommitted()
        assert not left or not self.spaces.is_settled, f"nobody is known to have left {sorted(left)} in the run's tree"

    def begin(self, step: int) -> None:
        """Raises TreeTrouble."""
        self.spaces.begin(step)
        address, tree = self._run.plan.addresses[step], self._tree(step)
        held = self.trees.held.get(_name(tree))
        assert held is not None, f"{address} starts in a tree that was not made"
        if tree == address:
            assert (held.base, held.files) == (self.trees.tip, self.trees.files()), f"{address} starts in a used tree"

    def starts(self, step: int) -> None:
        """An attempt is at work: nothing that it has written is finished."""
        for path in self._files(step):
            if not is_wrong(path):
                self._held(step)[path] = "a draft"

    def works(self, step: int) -> None:
        """An attempt has done all that it does."""
        self._held(step).update(self._files(step))

    def killed(self, step: int) -> None:
        if self._run.rng.random() < 0.5:
            self._held(step).update({path: text for path, text in self._files(step).items() if not is_wrong(path)})

    def end(self, step: int, result: Result) -> Left:
        kept = result.exit_code == 0 and result.stopped is None
        return self.spaces.end(step, self._run.state.running, self._run.clock, kept=kept)

    def conclude(self, step: int, status: str) -> Left:
        own = status == "succeeded" and self._run.plan.tree_of(step) == step
        return self.spaces.end_body(step, self._run.clock) if own else NOTHING_LEFT

    def look(self, state: Any, step: int, at_ms: int) -> Look:
        """What is shown of a gate, for the spaces to pass on."""
        return Look(*self._run.world.look(self._run.plan.addresses[step]), "", {})

    def merge(self, step: int) -> Merged:
        plan, state = self._run.plan, self._run.state
        address = plan.addresses[step]
        for one in plan.siblings(step):
            other = plan.addresses[one]
            waits = one in state.unmerged
            assert waits or self._run.end(other)[0] not in ("queued", "running", "waiting"), (
                f"{address} is merged before {other} is over"
            )
            assert not waits or other >= address, f"{address} is merged before {other}"
        found = self.spaces.merge(step, state.unmerged[step], self._run.clock)
        if found.reason == "merge-conflict":
            self.conflicts.add(address)
            assert self._run.shape.group_of.get(address), f"{address} has nobody to be in conflict with"
        return found

    def happened(self, event: Event) -> None:
        match event:
            case Observed(status="succeeded") if DIFFERENCE in self._run.steps[event.gate]["gate"].get("subject", ()):
                at_work = [step for step in self._run.state.running if not self._tree(step)]
                left = self.trees.uncommitted().difference(*map(self._files, at_work))
                assert not left, f"{event.gate} opens, and {sorted(left)} is not on the branch"
            case Closed():
                self._check_close(event.status)

    def _check_close(self, status: str) -> None:
        on_branch: dict[str, str] = {}
        for one in self.trees.branch():
            commit = self.trees.commits[one]
            if commit.patch is not None:
                assert commit.patch not in on_branch, f"{commit.message} is merged twice"
                on_branch[commit.patch] = commit.message
        patches: dict[str, str] = {}
        merged: set[str] = set()
        for event in (*self._run.events(), *self._run.unwritten):
            match event:
                case Finished() if event.patch is not None:
                    patches[event.address] = event.patch
                case Finished():
                    patches.pop(event.address, None)
                case Merged() if event.commit is not None:
                    merged.add(patches[event.address])
                    assert patches[event.address] in on_branch, f"{event.address} reads merged, and is not"
                case Opened(reset=reset):
                    for address in reset:
                        patches.pop(address, None)
        for patch, address in on_branch.items():
            assert patch in merged, f"{address} is {self._run.end(address)}, and what it did is on the branch"
        if status != "waiting":
            left = self.trees.uncommitted()
            assert not left, f"the run is over, and {sorted(left)} is not on the branch"
            assert not self._run.state.unmerged, "the run is over, and a patch is not merged"

    def kept(self, addresses: Iterable[str]) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        """What the trees of these were made from, and what they hold."""
        held = {address: self.trees.held[file_stem(address)] for address in addresses}
        return {
            address: (dict(self.trees.commits[tree.base].files), dict(tree.files)) for address, tree in held.items()
        }

    def _tree(self, step: int) -> str | None:
        found: str | None = self._run.shape.tree_of(self._run.plan.addresses[step])
        return found

    def _held(self, step: int) -> dict[str, str]:
        address, name = self._run.plan.addresses[step], _name(self._tree(step))
        assert name in self.trees.held, f"{address} works in a tree that was not made"
        return self.trees.held[name].files

    def _files(self, step: int) -> dict[str, str]:
        return self._work.files(self._run.shape, self._run.plan.addresses[step])

    def _trouble(self, call: str, whose: str) -> bool:
        addresses = [one for one in self._run.steps if whose in (one, file_stem(one))]
        return any(self._work.trouble(self._run.shape, one) == call for one in addresses)

    def _around(self) -> None:
        if not any(map(is_wrong, self.trees.uncommitted())) and self._run.crash(0.02):
            raise self._run.crashed

    def _is_quiet(self) -> bool:
        return all(self._tree(step) for step in self._run.in_flight)


def _name(tree: str | None) -> str:
    return "" if tree is None else file_stem(tree)

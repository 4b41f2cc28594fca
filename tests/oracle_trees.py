"""What must become of what steps leave in trees of their own: the part of the oracle that knows files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shape import Shape
from work import Work, is_wrong

OK = ("succeeded", "ok")
UNMERGED = ("waiting", "unmerged")
VIOLATION = ("failed", "path-policy-violation")
CONFLICT = ("failed", "merge-conflict")
TROUBLE = ("failed", "internal-error")
Files = dict[str, str]


class Merges:
    """`branch` is what the run's branch held when this began, `kept` the trees (what they began with, what they hold)
    in which steps with a body go on."""

    def __init__(
        self, work: Work, shape: Shape, branch: Files, kept: Mapping[str, tuple[Files, Files]] | None = None
    ) -> None:
        self._work, self._shape, self._branch, self._kept = work, shape, dict(branch), kept or {}
        self._trees: dict[str, tuple[Files, Files]] = {}
        self._waiting: dict[str, tuple[Files, Files]] = {}

    def refused(self, address: str) -> bool:
        """Can the step's own tree not be made?"""
        return address not in self._kept and self._work.trouble(self._shape, address) == "make"

    def open(self, address: str) -> None:
        """A step opens its body, in a tree of its own if it has one."""
        if self._shape.tree_of(address) == address:
            base, files = self._kept.get(address, (self._branch, self._branch))
            self._trees[address] = dict(base), dict(files)

    def ran(self, address: str, end: Any) -> Any:
        """An attempt has ended so: how the step ends."""
        tree, files = self._shape.tree_of(address), self._work.files(self._shape, address)
        if tree is None:
            return VIOLATION if any(map(is_wrong, files)) and end[1] != "settled" else end
        if tree != address:
            self._trees[tree][1].update(files)
            return end
        if self._work.trouble(self._shape, address) == "changes":
            return TROUBLE if end == OK else end  # a failure keeps its own reason
        return self._left(address, self._branch, {**self._branch, **files}) if end == OK else end

    def over(self, address: str, end: Any) -> Any:
        """All that a step has opened is over, and it would end so."""
        if end[0] != "succeeded" or self._shape.tree_of(address) != address:
            return end
        return self._left(address, *self._trees[address])

    def seen(self, address: str) -> Files | None:
        """What the own tree of a loop holds now."""
        return dict(self._trees[address][1]) if address in self._trees else None

    def merged(self, siblings: list[str], ends: Mapping[str, Any]) -> dict[str, Any]:
        """How those of the siblings end whose patches wait, where no other one is open."""
        waiting = [one for one in sorted(siblings) if one in self._waiting]
        if any(ends[one][0] in ("queued", "running", "waiting") for one in siblings if one not in waiting):
            return {}
        return {one: self._merge(one, *self._waiting.pop(one)) for one in waiting}

    def _left(self, address: str, base: Files, files: Files) -> Any:
        trouble = self._work.trouble(self._shape, address)
        changed = {path: text for path, text in files.items() if base.get(path) != text}
        if trouble == "commit" and changed:
            return TROUBLE
        if any(map(is_wrong, changed)):
            return VIOLATION
        if not changed:
            return OK
        self._waiting[address] = dict(base), changed
        return UNMERGED

    def _merge(self, address: str, base: Files, changed: Files) -> Any:
        if self._work.trouble(self._shape, address) == "merge":
            return TROUBLE
        if any(self._branch.get(path) not in (base.get(path), text) for path, text in changed.items()):
            return CONFLICT
        self._branch.update(changed)
        return OK

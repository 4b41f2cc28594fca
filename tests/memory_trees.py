"""The trees of a run without git: what a repository would hold, in memory. Of the engine it knows the port alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from orch.ports import Change, Merged, TreeTrouble

Files = dict[str, str]


class Commit(NamedTuple):
    """`patch` is the commit beside the branch whose changes this one has put onto it."""

    files: Files
    parent: str
    message: str = ""
    patch: str | None = None


class Tree:
    """What lies in a tree, and the commit that it was made from."""

    def __init__(self, base: str, files: Files) -> None:
        self.base, self.files = base, dict(files)


class MemoryTrees:
    """`trouble` says whether a call fails for a tree, `around` is called before and after whatever changes something,
    `is_quiet` says whether nobody works in the run's own tree."""

    def __init__(
        self, trouble: Callable[[str, str], bool], around: Callable[[], None], is_quiet: Callable[[], bool]
    ) -> None:
        self._trouble, self._around, self._is_quiet = trouble, around, is_quiet
        self.commits = {"c0": Commit({}, "")}
        self.tip = "c0"
        self.held = {"": Tree("c0", {})}
        self._seen: dict[str, Files] = {}

    def branch(self) -> list[str]:
        """The commits on the branch, the first one first."""
        found, commit = [], self.tip
        while commit != "c0":
            found.insert(0, commit)
            commit = self.commits[commit].parent
        return found

    def files(self) -> Files:
        """What the branch holds."""
        return self.commits[self.tip].files

    def uncommitted(self) -> set[str]:
        """The files of the run's own tree that are other than on its branch."""
        return set(_changed(self.files(), self.held[""].files))

    def root(self, name: str) -> str:
        return f"/trees/{name}"

    def make(self, name: str) -> str:
        self._fail("make", name)
        assert not name or self._is_quiet(), f"the tree {name} is made while others work in the run's tree"
        self._around()
        self.held[name] = Tree(self.tip, self.files())
        self._around()
        return self.root(name)

    def changes(self, name: str) -> Change:
        self._fail("changes", name)
        if name not in self.held:
            raise TreeTrouble("it is not there")
        tree, base = self.held[name], self.held[name].base if name else self.tip
        content = _digest(tree.files)
        self._seen[content] = dict(tree.files)
        return Change(base, content, tuple(_changed(self.commits[base].files, tree.files)))

    def commit(
        self,
        name: str,
        change: Change,
        message: str,
        at_ms: int,
        without: Collection[str] = (),
        *,
        stays: bool = True,
    ) -> tuple[str, dict[str, Any] | None]:
        if not stays and not change.files:
            del self.held[name]
            return change.base, None
        self._fail("commit", name)
        self._around()
        base, files = self.commits[change.base].files, dict(self._seen[change.content])
        for path in without:
            files.pop(path, None)
            files.update({path: base[path]} if path in base else {})
        commit = self._add(Commit(files, change.base, message))
        if not name:
            assert change.base == self.tip, "what is committed stands on what the branch held before"
            self.tip = commit
            if without:
                self.held[""] = Tree(commit, files)
        self._around()
        if not stays:
            del self.held[name]
        kept = {"name": "patch", "path": f"artifacts/{name}/patch", "sha256": commit, "bytes": 1}
        return commit, kept if name else None

    def merge(self, commit: str, message: str, at_ms: int) -> Merged:
        known = [one for one in self.branch() if self.commits[one].patch == commit]
        if known:
            return Merged(known[0])
        self._fail("merge", message)
        assert self._is_quiet(), f"{message} is merged while others work in the run's tree"
        assert not self.uncommitted(), f"{message} is merged over what others have done"
        patch, theirs = self.commits[commit], self.files()
        base = self.commits[patch.parent].files
        mine = _changed(base, patch.files)
        met = [path for path in mine if theirs.get(path) not in (base.get(path), mine[path])]
        if met:
            return Merged(None, tuple({"message": "others changed it", "file": path} for path in met))
        self._around()
        self.tip = self._add(Commit({**theirs, **mine}, self.tip, message, commit))
        self.held[""] = Tree(self.tip, self.files())
        self._around()
        return Merged(self.tip)

    def _add(self, commit: Commit) -> str:
        name = f"c{len(self.commits)}"
        self.commits[name] = commit
        return name

    def _fail(self, call: str, whose: str) -> None:
        if whose and self._trouble(call, whose):
            raise TreeTrouble(f"no {call}")


def _changed(old: Files, new: Files) -> Files:
    return {path: text for path, text in sorted(new.items()) if old.get(path) != text}


def _digest(files: Files) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()

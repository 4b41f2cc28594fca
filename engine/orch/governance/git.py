"""Questions to git about history: who changed what, and what a commit holds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orch.local.git import GitTrouble, alone, configured, run_git

__all__ = ["Blob", "Git", "GitTrouble", "Touch", "identity"]


class Blob(NamedTuple):
    """A file in a commit: its mode as git writes it and the id of its content."""

    mode: str
    id: str


class Touch(NamedTuple):
    """A commit and the paths that it changed, each with what it left there: None where it removed the file."""

    commit: str
    left: dict[str, Blob | None]


@dataclass(frozen=True, slots=True)
class Git:
    """Questions to the repository that holds `root`; every path is relative to `root`, also where the repository
    begins further up. `environment` is the process's, of which git sees only PATH, HOME and TMPDIR."""

    root: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def ask(self, arguments: Sequence[str], given: bytes = b"") -> bytes:
        """What git prints. Raises `GitTrouble` where it fails, is missing, or does not answer in time."""
        return run_git(self.root, arguments, alone(self.environment), given)

    def toplevel(self) -> str:
        """The folder where the repository's tree begins."""
        return os.fsdecode(self.ask(["rev-parse", "--show-toplevel"]).rstrip(b"\n"))

    def head(self) -> str:
        """The commit id of HEAD."""
        commit = self.resolve("HEAD")
        if commit is None:
            self.toplevel()
            raise GitTrouble("no-commits")
        return commit

    def resolve(self, name: str) -> str | None:
        """The commit that a name or a short id means, or None."""
        try:
            answer = self.ask(["rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"])
        except GitTrouble:
            return None
        return answer.decode().strip() or None

    def is_shallow(self) -> bool:
        """Whether the history was cut off when cloning."""
        return self.ask(["rev-parse", "--is-shallow-repository"]).strip() == b"true"

    def files_at(self, commit: str, folder: str = "") -> dict[str, Blob]:
        """Every file of the commit at or below `folder`."""
        below = [folder] if folder else []
        listing = self.ask(["--literal-pathspecs", "ls-tree", "-r", "-z", "--end-of-options", commit, "--", *below])
        found = {}
        for line in listing.split(b"\0")[:-1]:
            what, _, path = line.partition(b"\t")
            mode, _, blob = what.decode().split(" ")
            found[os.fsdecode(path)] = Blob(mode, blob)
        return found

    def contents(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The bytes of objects, by id."""
        answer, found, at = self.ask(["cat-file", "--batch"], "".join(f"{one}\n" for one in ids).encode()), {}, 0
        for one in ids:
            end = answer.index(b"\n", at)
            words = answer[at:end].split(b" ")
            if len(words) != 3:
                raise GitTrouble("git-failed", f"object {one} is missing")
            size = int(words[2])
            found[one] = answer[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return found

    def touches(
        self, tip: str, folders: Sequence[str], but: str | None = None, *, any_parent: bool = False
    ) -> list[Touch]:
        """The commits reachable from `tip`, and not from `but`, that changed something at or below the folders,
        parents before children. All sides of merges are followed; renames are a removal and an addition. A merge has
        changed what is other than in all of its parents; with `any_parent`, than in one of them, and it may be named
        once for each."""
        whole = "" in folders
        answer = self.ask(
            ["--literal-pathspecs", "log", "-z", "--topo-order", "--reverse", "--full-history", "--no-renames"]
            + ["-m" if any_parent else "-c", "--raw", "--no-abbrev", "--relative"]
            + ["--no-show-signature", "--no-mailmap", "--format=%H"]
            + ["--end-of-options", tip]
            + ([f"^{but}"] if but else [])
            + ["--", *([] if whole else folders)]
        )
        found: list[Touch] = []
        tokens = iter(answer.split(b"\0"))
        for token in tokens:
            word = token.lstrip(b"\n")
            if word.startswith(b":"):
                found[-1].left[os.fsdecode(next(tokens))] = _left(word.decode())
            elif word:
                found.append(Touch(word.decode(), {}))
        return found


def _left(raw: str) -> Blob | None:
    """What a commit made of a file: `:mode… mode id… id letters`, with a colon, a mode and an id for each parent."""
    words = raw.lstrip(":").split(" ")
    parents = len(raw) - len(raw.lstrip(":"))
    blob = Blob(words[parents], words[2 * parents + 1])
    return blob if blob.mode != "000000" else None


def identity(root: str, environment: Mapping[str, str]) -> str | None:
    """The address that the person at the keyboard commits with; here the user's own configuration is read."""
    if address := environment.get("GIT_AUTHOR_EMAIL"):
        return address
    return configured(root, environment, "user.email").get("user.email")

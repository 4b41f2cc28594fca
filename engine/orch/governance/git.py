"""The git command, asked only here: argv without a shell, no hooks, no configuration of the user's, no network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orch.gates.facts import Trouble

TIMEOUT_SECONDS = 30.0
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.quotepath=off",
    "log.showSignature=false",
    "log.showRoot=true",
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_PASSED = ("PATH", "HOME", "TMPDIR")


class GitTrouble(Exception):
    """Git cannot say; `trouble` has the reason."""

    def __init__(self, kind: str, about: str = "") -> None:
        super().__init__(kind, about)
        self.trouble = Trouble(kind=kind, about=about)


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
        passed = {name: self.environment[name] for name in _PASSED if name in self.environment}
        return _run(self.root, arguments, {**passed, **_ENVIRONMENT}, given)

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
    keep = (*_PASSED, "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")
    passed = {name: environment[name] for name in keep if name in environment}
    try:
        said = _run(root, ["config", "--get", "user.email"], {**passed, "LC_ALL": "C"})
    except GitTrouble:
        return None
    return said.decode(errors="backslashreplace").strip() or None


def _run(root: str, arguments: Sequence[str], environment: Mapping[str, str], given: bytes = b"") -> bytes:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *settings, "-C", root, *arguments],
            input=given,
            capture_output=True,
            env=dict(environment),
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitTrouble("git-failed", f"no answer in {TIMEOUT_SECONDS:g} seconds") from error
    except OSError as error:
        raise GitTrouble("git-failed", "the git command cannot be started") from error
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="backslashreplace").strip()
    if "not a git repository" in said:
        raise GitTrouble("not-git")
    if "dubious ownership" in said:
        raise GitTrouble("git-failed", "the repository belongs to another user, and git does not trust it")
    raise GitTrouble("git-failed", ascii(said.partition("\n")[0][:200])[1:-1] or f"exit code {done.returncode}")

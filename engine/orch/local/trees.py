"""The trees of a run: git worktrees outside of the project, on a branch of the run's own. The user's checkout, index
and stash are never written; what is in the repository's store is added to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from orch.local import disposal
from orch.local.git import GitTrouble
from orch.local.hidden import hidden, remove
from orch.local.hunks import conflicts
from orch.local.known import Known
from orch.local.refs import Refs
from orch.local.repository import MADE, Repository, but
from orch.local.sealed import Sealed
from orch.local.settings import settings
from orch.model.names import branch_of
from orch.ports import Change, Merged, SecretLeft, TreeTrouble

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

_READY = "orch-ready"
_MODULE = b"160000"
Keep = Callable[[str, bytes], dict[str, Any]]


class Start(NamedTuple):
    """Where a run begins: its project's root, the folder for its trees, its id, and the commit; is it to be durable?
    `guarded` are the folders in which nothing may be hidden."""

    root: str
    home: str
    run_id: str
    commit: str
    durable: bool = True
    guarded: tuple[str, ...] = ()


class GitTrees:
    """The trees of one run, for its one owner. The run's own tree has the name "": it has the run's branch checked out.
    `keep(name, patch)` stores the patch of another tree. What the mask finds is not committed."""

    def __init__(self, start: Start, environment: Mapping[str, str], keep: Keep, mask: Mask | None = None) -> None:
        self._start, self._keep, self._mask = start, keep, mask
        self._repository = Repository(start.root, environment, durable=start.durable)
        self._git = self._repository.git
        self._inner = self._git(start.root, "rev-parse", "--show-prefix").rstrip("/")
        inner = _GLOB.sub(r"\\\g<0>", os.path.join(self._inner, ""))
        self._paths = (":/", *(but(f"{inner}{made}/**", "top") for made in MADE))
        self._branch = f"refs/heads/{branch_of(start.run_id)}"
        self._refs = f"refs/orch/{start.run_id}"
        self._common = self._git(start.root, "rev-parse", "--path-format=absolute", "--git-common-dir")
        self._tip = f"{self._refs}/tip"  # what the engine has put onto the branch: a node may commit there, too
        self._known = Known(f"{start.home}/known.json", durable=start.durable)
        self._own = Refs(self._repository, self._common)
        self._sealed: Sealed | None = None
        self._hidden: dict[str, list[str]] = {}
        self._head: str | None = None  # the branch, when it was last looked at

    def open(self, *, begun: bool) -> bool:
        """Have the branch and the run's own tree, also after a crash at any point. False where the branch is gone of a
        run that has `begun`."""
        # of a run that has succeeded nothing is left but the branch: a retry begins there
        left = os.path.isdir(self._start.home) or self._repository.resolve(self._tip) is not None
        self._seal(begun=begun and left)
        if self._repository.resolve(self._branch) is None:
            if begun:
                return False
            disposal.remove_left(self._repository, self._common, os.path.dirname(self._start.home))
            self._set_tip(self._start.commit)
            self._own.set(self._branch, self._start.commit, "")
        elif "tip" not in self._known:
            self._set_tip(self._repository.resolve(self._tip) or self._own.commit_of(self._branch))
        following = self._known.get("next")
        if not self._is_ready(""):
            self._add("", self._branch.removeprefix("refs/heads/"))
        if following:
            self._move(following)
        return True

    def last(self) -> str | None:
        """The commit that the engine has put onto the branch last, where that is known, also without the branch."""
        return self._known.get("tip") or self._repository.resolve(self._tip) or None

    def beyond(self) -> tuple[str, ...]:
        """What somebody has committed to the branch since the engine left it: `id subject` each, the newest first."""
        tip, head = self._known["tip"], self._repository.resolve(self._branch)
        if head is None or head == tip or not self._descends(head, tip):
            return ()
        return tuple(os.fsdecode(self._read("log", "--format=%h %s", f"{tip}..{head}")).splitlines())

    def strange(self) -> tuple[str, ...]:
        """The files of the run's own tree that are other than on its branch, from the project's root on. What somebody
        has committed to the branch is the run's from now on: gates see it there."""
        self._attach()
        tip, head = self._known["tip"], self._own.commit_of(self._branch)
        found = tuple(self._different(head, self._content("", head)))
        if not found and head != tip:
            self._set_tip(head)
        return found

    def rewritten(self) -> tuple[str, str] | None:
        """The commit that the engine has left on the branch, and where the branch is now, if that does not hold it."""
        tip, head = self._known["tip"], self._own.commit_of(self._branch)
        return None if head == tip or self._descends(head, tip) else (tip, head)

    def root(self, name: str) -> str:
        """The project's root in a tree."""
        return os.path.join(self._path(name), self._inner) if self._inner else self._path(name)

    def make(self, name: str) -> str:
        """A tree as the run's branch is now, whatever was there; its root."""
        if name:
            self._add(name, "--detach", self._known["tip"])
        else:
            self._attach()
            self._own.set(self._branch, self._known["tip"])
            self._unhide("")
            self._bring("", self._known["tip"])
            self._seal().clean(self._path(""), "")
        return self.root(name)

    def changes(self, name: str) -> Change:
        """What a tree holds that its commit does not. Raises SecretLeft where a node has committed one by itself."""
        tip = self._known["tip"]
        base = self._known.get(f"tree {name}") if name else tip
        if not base:
            raise TreeTrouble("nobody knows where its tree began")
        self._folder(name)  # whoever works there next has git
        head = self._head = self._repository.resolve(self._branch)
        went_on = head is not None and head != tip and not name and self._stands_on(head, tip)
        if self._mask is not None and not name and self._head not in (None, tip):
            # of these the branch would keep all: texts, people, and what a later one has taken back
            form, own = "--format=%an%n%ae%n%cn%n%ce%n%B", f"{tip}..{self._head}"
            told = self._read("log", "-p", "-m", "--text", "--no-textconv", "--no-ext-diff", "--no-renames", form, own)
            if secret := self._mask.named(told):
                raise SecretLeft(f"a commit made in its tree holds the secret {secret}")
        content = self._content(name, head if went_on and head else base)
        found = self._different(base, content)
        if went_on and head:
            found = self._different(tip, head) | found
        for path, raw in found.items():
            if raw.split(b" ")[1] == _MODULE:
                raise TreeTrouble(f"{path} is a git repository of its own, of which no commit can hold the files")
        branch = None if head == tip else self._branch.removeprefix("refs/heads/")
        moved, ahead = (None, branch) if went_on else (branch, None)
        return Change(base, content, tuple(found), moved, ahead, self._find_hidden(name, base))

    def _find_hidden(self, name: str, base: str) -> tuple[str, ...]:
        if not self._start.guarded:
            return ()
        folders = (os.path.join(self._inner, folder) for folder in self._start.guarded)
        where = [f":(top,literal){folder}" if folder else ":/" for folder in folders]
        found = hidden(self._seal(), self._path(name), name, base, [*where, *self._paths[1:]])
        self._hidden[name] = found
        return tuple(map(self._inside, found))

    def _unhide(self, name: str, only: Collection[str] | None = None) -> None:
        """Remove what was hidden there when it was last looked at, or of it only these files."""
        found = self._hidden.pop(name, [])
        remove(self._path(name), [file for file in found if only is None or self._inside(file) in only])

    def _content(self, name: str, begun: str) -> str:
        """The id of all that the tree holds and is not ignored; what is not looked at is as in that commit."""
        return self._seal().content(self._path(name), name, begun)

    def _bring(self, name: str, commit: str, begun: str = "") -> None:
        """Make the files of a tree those of a commit."""
        self._seal().bring(self._path(name), name, begun or commit, commit)
        self._seal().publish(name, self._folder(name))

    def _read(self, *arguments: str) -> bytes:
        """What git prints of commits."""
        return self._seal().raw(self._path(""), *arguments)

    def _seal(self, *, begun: bool = True) -> Sealed:
        """The window through which trees are seen."""
        if self._sealed is None:
            home = self._start.home
            held = settings(f"{home}/settings.json", self._common, self._repository, begun=begun)
            self._sealed = Sealed(f"{home}/git", self._common, self._repository, self._paths, held)
        return self._sealed

    def _different(self, one: str, other: str) -> dict[str, bytes]:
        """What differs, by path: as git prints it."""
        out = self._read("diff-tree", "-r", "-z", "--no-renames", "--raw", one, other)
        tokens = iter(out.split(b"\0")[:-1])
        return {self._inside(os.fsdecode(path)): raw for raw, path in zip(tokens, tokens, strict=True)}

    def _descends(self, commit: str, tip: str) -> bool:
        try:
            self._read("merge-base", "--is-ancestor", tip, commit)
        except GitTrouble as error:
            if error.code != 1:
                raise
            return False
        return True

    def _stands_on(self, commit: str, tip: str) -> bool:
        """Is all that the one has and the other has not made on top of it? Of a history that begins elsewhere only the
        last state would be looked at, and who merges the branch would get all of it."""
        made = [line.split() for line in self._read("rev-list", "--parents", f"{tip}..{commit}").splitlines()]
        known = {os.fsencode(tip), *(line[0] for line in made)}
        return bool(made) and all(len(line) > 1 and known.issuperset(line) for line in made)

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
        """Commit what `changes` found: of the run's own tree to its branch, without some files, which are put back; of
        another one beside it, with its patch kept: if it no longer `stays`, it goes then. The commit's id, and what was
        kept. Raises SecretLeft."""
        if self._mask is not None:
            changed = self._read("diff-tree", "-p", "--text", "--no-renames", change.base, change.content)
            if secret := self._mask.named(changed):
                raise SecretLeft(f"what was changed in its tree holds the secret {secret}")
        if not stays and not change.files:
            self._dispose(name)
            return change.base, None
        text = f"{message}\n\nOrch-Run: {self._start.run_id}"
        content = self._without(change, without) if without else change.content
        parent = change.base if name else self._head or change.base
        if name or os.fsdecode(self._read("rev-parse", f"{parent}^{{tree}}")).rstrip() != content:
            commit = self._repository.commit(content, parent, text, at_ms)
        else:
            commit = parent  # a node has committed all that it did
        if not name:
            self._attach()
            self._own.set(self._branch, commit, parent)
            self._set_tip(commit)
            if without:
                self._unhide("", without)
                self._bring("", commit, change.content)
            else:
                self._seal().publish("", self._folder(""))
            return commit, None
        # an address may hold what no ref may
        self._own.set(f"{self._refs}/trees/{hashlib.sha256(name.encode()).hexdigest()[:20]}", commit)
        patch = self._read("diff-tree", "-p", "--binary", "--full-index", "--no-renames", change.base, commit)
        kept = self._keep(name, patch)
        if not stays:
            self._known.note(**{f"of {commit}": name})
            self._dispose(name)
        return commit, kept

    def _show(self, name: str, commit: str) -> None:
        """A tree that has gone is there once more for people, with what was done in it."""
        if name and not self._is_ready(name):
            base = self._known[f"tree {name}"]
            self._add(name, "--detach", base)
            self._bring(name, commit, base)

    def _dispose(self, name: str) -> None:
        disposal.drop(self._repository, self._common, self._path(name))
        self._seal().forget(name)

    def _without(self, change: Change, files: Collection[str]) -> str:
        """The id of the content, but with these files as they were."""
        gone, back = [], []
        for file, raw in self._different(change.base, change.content).items():
            if file in files:
                path, (mode, _, blob, *_) = os.fsencode(self._from_top(file)), raw[1:].split(b" ")
                gone.append(b"0 %s\t%s\0" % (b"0" * len(blob), path))
                back += [b"%s %s\t%s\0" % (mode, blob, path)] if int(mode, 8) else []
        return self._seal().with_entries(self._path(""), b"".join(gone + back))

    def merged(self, commit: str) -> str | None:
        """The commit on the branch that has taken such a commit in; None where none has."""
        return self._known.get(f"merged {commit}") or None

    def merge(self, commit: str, message: str, at_ms: int) -> Merged:
        """Put what such a commit changes onto the run's branch, as one commit; once, however often it is asked."""
        head = self._known["tip"]
        if (known := self.merged(commit)) is not None:
            return Merged(known)
        try:
            content = self._read("merge-tree", "--write-tree", "-z", "--no-messages", head, commit)
        except GitTrouble as error:
            if error.code != 1:
                raise
            self._show(self._known.get(f"of {commit}"), commit)
            return Merged(None, conflicts(os.fsdecode(error.out).split("\0"), self._read, self._inside, self._mask))
        text = f"{message}\n\nOrch-Run: {self._start.run_id}\nOrch-Patch: {commit}"
        merged = self._repository.commit(os.fsdecode(content).rstrip("\0\n"), head, text, at_ms)
        self._own.set(f"{self._refs}/next", merged)
        self._known.note(**{"next": merged, f"merged {commit}": merged})
        self._move(merged)
        return Merged(merged)

    def remove(self, but: Collection[str]) -> None:
        """All trees go but those of that name, and every ref but the branch."""
        if os.path.isdir(self._start.home):
            disposal.remove(self._repository, self._common, self._start.home, but)

    def _path(self, name: str) -> str:
        return f"{self._start.home}/steps/{name}" if name else f"{self._start.home}/tree"

    def _folder(self, name: str) -> str:
        """Where git keeps what it knows of a tree. That a node has removed the way there is put right. Raises
        TreeTrouble."""
        mark = f"{self._path(name)}/.git"
        folder = self._known.get(f"folder {name}") or _pointed(mark)
        if os.path.dirname(os.path.realpath(folder)) != f"{os.path.realpath(self._common)}/worktrees":
            raise TreeTrouble("its tree is none of the repository's any more")
        if _pointed(mark) != folder:
            try:
                with open(mark, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(f"gitdir: {folder}\n")
            except OSError as error:
                raise TreeTrouble(f"its tree cannot be used: {error.strerror}: {mark}") from error
        return folder

    def _inside(self, path: str) -> str:
        return os.path.relpath(path, self._inner) if self._inner else path

    def _from_top(self, file: str) -> str:
        return os.path.normpath(os.path.join(self._inner, file)) if self._inner else file

    def _set_tip(self, commit: str) -> None:
        """The ref only keeps the commit in the repository."""
        self._known.note(tip=commit)
        self._own.set(self._tip, commit)

    def _attach(self) -> None:
        """The run's own tree, in which nobody works now, is on the branch. Locks there are what a git that was killed
        has left."""
        for lock in ("index.lock", "HEAD.lock"):
            with suppress(FileNotFoundError):
                os.unlink(f"{self._folder('')}/{lock}")
        self._git(self._path(""), "symbolic-ref", "HEAD", self._branch)

    def _move(self, commit: str) -> None:
        """Branch and tree go on to a commit. The ref `next` stands until both are there, and what of it a crash has
        left in the tree is nobody's work."""
        self._attach()
        self._own.set(self._branch, commit)
        self._set_tip(commit)
        self._bring("", commit, f"{commit}^")
        self._own.remove(f"{self._refs}/next")
        self._known.note(next="")

    def _is_ready(self, name: str) -> bool:
        """Is the tree there, and was it made to its end?"""
        try:
            return os.path.exists(f"{self._folder(name)}/{_READY}")
        except TreeTrouble:
            return False

    def _add(self, name: str, *what: str) -> None:
        path = self._path(name)
        if os.path.lexists(path):
            disposal.drop(self._repository, self._common, path)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        flags = ("--quiet", "--no-checkout", "--force", "--force", *(word for word in what if word.startswith("-")))
        self._git(self._start.root, "worktree", "add", *flags, path, what[-1])
        self._known.note(**{f"folder {name}": _pointed(f"{path}/.git")})
        self._seal().forget(name)
        self._bring(name, self._own.commit_of(what[-1]))
        with open(f"{self._folder(name)}/{_READY}", "w", encoding="ascii"):
            pass
        if name:
            self._known.note(**{f"tree {name}": what[-1]})


_GLOB = re.compile(r"[*?\[\\]")


def _pointed(mark: str) -> str:
    """The folder that the `.git` of a tree names; empty where it names none."""
    try:
        with open(mark, encoding="utf-8", errors="surrogateescape") as file:
            kind, _, folder = file.read().partition(": ")
    except OSError:
        return ""
    return folder.rstrip("\n") if kind == "gitdir" else ""

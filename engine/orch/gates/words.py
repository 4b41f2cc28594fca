"""What a gate says to people: one sentence for every reason to stay shut."""

from __future__ import annotations

from collections.abc import Sequence

from orch.gates.facts import ChangedFacts, Trouble

NAMES_SHOWN = 5
FILE_TRUST = "file — a command of this run could write the decision itself; `trust: committed` asks for it in HEAD"

TROUBLES = {
    "missing": "{} does not exist",
    "no-match": "nothing matches {}",
    "symlink": "{} is a symbolic link, and what it points at can change unseen",
    "folder": "{} is a folder: name its files, as in {}/**",
    "not-regular": "{} is not a regular file",
    "outside": "{} does not lie in the project, or lies in .runs or .git",
    "bad-name": "the name {} holds characters that a record cannot hold",
    "unreadable": "{} cannot be read",
    "not-known-yet": "{} is not there yet",
    "not-succeeded": "{} has not succeeded",
    "empty": "nothing is named in it{}",
    "bad-file": "{}",
    "taken": "beside `git:diff` no file can be called {}, as the patch is",
    "not-git": "this folder is not in a git repository{}",
    "no-commits": "the git repository has no commit yet{}",
    "git-failed": "git says: {}",
    "no-branch": "the run's branch {} is gone",
    "shallow": "the clone is shallow, so its history names the wrong authors{}",
    "uncommitted": "{} is not committed as it is, so its authors are not known",
    "unmapped": "no person in orch.yaml has the address {}",
    "signed": "today's policy asks for signed decisions, which is not yet possible{}",
    "no-starter": "the run that made {} was started by a git identity that is nobody's in orch.yaml: start a new one",
    "no-opener": "the run that made {} was taken up by a git identity that is nobody's in orch.yaml: start a new one",
    "no-maker": "who started the run that {} comes from is not known: remove .runs/.cache, and start a new one",
    "no-front-matter": "{} has no front matter",
    "no-field": "the front matter has no {}",
    "bad-date": "{} is not a date such as 2026-11-20",
}


def trouble(what: Trouble) -> str:
    """The sentence of a `Trouble`, without a full stop."""
    return TROUBLES.get(what["kind"], what["kind"] + ": {}").replace("{}", what["about"])


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def changed(what: ChangedFacts | None) -> str:
    """What became other since the decision, as far as it can be known."""
    if what is None:
        return "what changed since is not known"
    if what["since"] == "other":
        seen = f"; since its commit: {listed(what['paths'])}" if what["paths"] else ""
        return f"what changed since is not known: {what['unknown']}{seen}"
    if not what["paths"]:
        return f"what changed since is not known: {what['unknown']}"
    return f"{listed(what['paths'])} changed since"


def age(seconds: float) -> str:
    """Whole days, rounded down; hours where a day would say too little."""
    return days(int(seconds // 86_400)) if seconds >= 86_400 or seconds == 0 else _counted(int(seconds // 3600), "hour")


def days(count: int) -> str:
    """`1 day`, `2 days`."""
    return _counted(count, "day")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

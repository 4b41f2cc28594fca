"""The git command, started only here: argv without a shell, no hooks, no network, no settings but the repository's."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from orch.gates.facts import Trouble
from orch.ports import TreeTrouble

TIMEOUT_SECONDS = 30.0
PASSED = ("PATH", "HOME", "TMPDIR")
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotepath=off",
    "advice.graftFileDeprecated=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "core.fsync=objects,reference",  # what the journal says of a branch is not gone after a power cut
    "core.fsyncMethod=batch",  # many files cost one sync
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


class GitTrouble(TreeTrouble):
    """Git cannot say; `trouble` has the reason. `code` is its exit code and `out` what it printed, where it ended."""

    def __init__(self, kind: str, about: str = "", code: int = 0, out: bytes = b"") -> None:
        super().__init__(kind, about)
        self.trouble = Trouble(kind=kind, about=about)
        self.code, self.out = code, out

    def __str__(self) -> str:
        about = self.trouble["about"]
        return _WORDS.get(self.trouble["kind"], "git failed") + (f": {about}" if about else "")


_WORDS = {
    "not-git": "this is no git repository",
    "no-commits": "the repository has no commit",
    "no-branch": "there is no branch",
}


def alone(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """The environment of a git that heeds neither the user's configuration nor the caller's variables."""
    return {**{name: environment[name] for name in PASSED if name in environment}, **_ENVIRONMENT, **more}


def configured(root: str, environment: Mapping[str, str], *keys: str) -> dict[str, str]:
    """What the person at the keyboard has set of these keys (in small letters, without anything special in them); here
    the user's own configuration is read."""
    keep = (*PASSED, "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")
    passed = {name: environment[name] for name in keep if name in environment}
    try:
        said = run_git(root, ["config", "-z", "--get-regexp", f"^({'|'.join(keys)})$"], {**passed, "LC_ALL": "C"})
    except GitTrouble:
        return {}
    found = (entry.partition("\n") for entry in said.decode(errors="backslashreplace").split("\0"))
    return {key: value.strip() for key, _, value in found if value.strip()}


def run_git(
    root: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    given: bytes = b"",
    seconds: float = TIMEOUT_SECONDS,
) -> bytes:
    """What git prints. Raises `GitTrouble` where it fails, is missing, or does not answer in time."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *settings, "-C", root, *arguments],
            input=given,
            capture_output=True,
            env=dict(environment),
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GitTrouble("git-failed", f"no answer in {seconds:g} seconds") from error
    except OSError as error:
        raise GitTrouble("git-failed", "the git command cannot be started") from error
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="backslashreplace").strip()
    if "not a git repository" in said:
        raise GitTrouble("not-git")
    if "dubious ownership" in said:
        raise GitTrouble("git-failed", "the repository belongs to another user, and git does not trust it")
    about = ascii(said.partition("\n")[0][:200])[1:-1] or f"exit code {done.returncode}"
    raise GitTrouble("git-failed", about, done.returncode, done.stdout)

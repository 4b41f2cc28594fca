"""Python, git and the YAML parser."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping

from orch.diagnose.check import Check

PYTHON = (3, 11)
GIT = (2, 20)
FILES = 256
_INSTALLERS = {
    "apt-get": "install",
    "dnf": "install",
    "zypper": "install",
    "pacman": "-S",
    "apk": "add",
    "brew": "install",
}


def check_python() -> Check:
    """Which Python runs this."""
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.version_info[:2] < PYTHON:
        return Check("python", "fail", found, "install Python 3.11 or later")
    return Check("python", "ok", found)


def check_yaml() -> Check:
    """Whether PyYAML has its C parser."""
    import yaml

    if yaml.__with_libyaml__:
        return Check("yaml", "ok", f"PyYAML {yaml.__version__} with libyaml")
    return Check(
        "yaml",
        "warn",
        f"PyYAML {yaml.__version__} without libyaml",
        "large files are read slowly; install a PyYAML wheel",
    )


def check_git(env: Mapping[str, str]) -> Check:
    """Whether git is there: authors and committed decisions are asked of it."""
    git = shutil.which("git", path=env.get("PATH"))
    needed = f"gates that ask who wrote or committed something need it: {_installing('git', env)}"
    if git is None:
        return Check("git", "warn", "not found", needed)
    try:
        done = subprocess.run(
            [git, "--version"], capture_output=True, text=True, check=False, timeout=10, env=dict(env)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("git", "warn", f"{git} does not run: {error}", needed)
    match = re.search(r"(\d+)\.(\d+)[.\d]*", done.stdout)
    if done.returncode or match is None:
        return Check("git", "warn", f"{git} does not say its version", needed)
    if (int(match[1]), int(match[2])) < GIT:
        return Check("git", "warn", match[0], f"orch is tested with git {GIT[0]}.{GIT[1]} and later")
    return Check("git", "ok", match[0])


def _installing(package: str, env: Mapping[str, str]) -> str:
    """The command that installs a package here."""
    path = f"{env.get('PATH', '')}:{os.defpath}"
    for tool, words in _INSTALLERS.items():
        if shutil.which(tool, path=path):
            return f"{'' if tool == 'brew' or os.geteuid() == 0 else 'sudo '}{tool} {words} {package}"
    return f"install {package}"


def check_limits() -> Check:
    """Whether enough files may be open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        return Check("open files", "warn", f"at most {soft}", f"raise the limit: ulimit -n {FILES * 4}")
    return Check("open files", "ok", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft:,}")


def check_account(env: Mapping[str, str]) -> Check:
    """Whether there is a home for the cache of compiled plans."""
    base = wanted = env.get("XDG_CACHE_HOME") or (os.path.join(env["HOME"], ".cache") if env.get("HOME") else "")
    while base and not os.path.lexists(base):
        base = os.path.dirname(base)
    if os.path.isdir(base) and os.access(base, os.W_OK):
        return Check("cache", "ok", "can be written")
    found = f"{wanted} cannot be written" if wanted else "there is no HOME to keep it in"
    return Check("cache", "warn", found, "plans are made anew each time: export XDG_CACHE_HOME=FOLDER")

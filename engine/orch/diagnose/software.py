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
    needed = "install git: gates that ask who wrote or committed something need it"
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


def check_limits() -> Check:
    """Whether enough files may be open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        return Check("open files", "warn", f"at most {soft}", f"raise the limit: ulimit -n {FILES * 4}")
    return Check("open files", "ok", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft:,}")


def check_account(env: Mapping[str, str]) -> Check:
    """Whether there is a home for the cache of compiled plans."""
    base = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME", ""), ".cache")
    while base and not os.path.lexists(base):
        base = os.path.dirname(base)
    if base and os.access(base, os.W_OK):
        return Check("cache", "ok", "can be written")
    return Check("cache", "warn", "cannot be written", "plans are made anew each time; set XDG_CACHE_HOME or HOME")

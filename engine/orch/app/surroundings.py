"""The environment that every node of a run shares: a short list, what `env.pass` adds, and what orch tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from orch.run.attempts import Surroundings

if TYPE_CHECKING:  # loaded only where they are needed
    from orch.model.masking import Secrets
    from orch.problems.problem import Problem
    from orch.source.document import Document
    from orch.spec.pipeline import Pipeline
    from orch.spec.project import Project

PASSED = (
    *("PATH", "HOME", "LANG", "TZ", "TMPDIR"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
)


def from_caller(environ: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """What of the caller's environment reaches a node."""
    names = [*PASSED, *passed, *filter(is_passed, environ)]
    env = {name: environ[name] for name in names if name in environ}
    env.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return env


def is_passed(name: str) -> bool:
    """Does every command get this variable of the caller's, whatever the project says?"""
    return name in PASSED or name.startswith("LC_")


def unheard(pipeline: Pipeline, project: Project, document: Document) -> list[Problem]:
    """Warnings of what nodes say that they read of the environment, and do not get."""
    from orch.spec.checks.caches import unpassed

    return unpassed(pipeline, document, lambda name: is_passed(name) or name in project.env.pass_)


def surroundings(
    environ: Mapping[str, str],
    passed: Iterable[str],
    *,
    root: str,
    run_dir: str,
    run_id: str,
    task: str,
    subjects: bool,
    secrets: Callable[[Sequence[str]], Secrets] | None = None,
) -> Surroundings:
    """What `env:` of a node is added to. Nothing else of the caller's environment reaches a node."""
    env = from_caller(environ, passed)
    env |= {"ORCH_RUN_ID": run_id, "ORCH_TASK_ID": task, "ORCH_ARTIFACTS": f"{run_dir}/artifacts"}
    if subjects:
        env["ORCH_SUBJECT"] = f"{run_dir}/subjects"
    return Surroundings(root, run_dir, env, secrets)

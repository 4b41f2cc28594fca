"""The values of secrets: read when work on a run begins, held in memory, given to the nodes that name them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orch.app.surroundings import is_passed
from orch.model.compiled import Compiled
from orch.model.masking import Mask, Secrets
from orch.model.secret_forms import SHORTEST
from orch.problems.problem import Exit, OrchError, Problem

if TYPE_CHECKING:
    from orch.app.planning import Planned
    from orch.source.document import Document
    from orch.spec.pipeline import Pipeline
    from orch.spec.project import Project

MAX_BYTES = 64 * 1024


class Vault:
    """The secrets of one run, as far as they could be read; `problems` says of the others why."""

    def __init__(self, values: Mapping[str, str], problems: Mapping[str, Problem]) -> None:
        self.problems = problems
        self.mask = Mask({name: os.fsencode(value) for name, value in values.items()})
        self._values = values

    def __call__(self, names: Sequence[str]) -> Secrets:
        """What a step gets that names these."""
        lacking = [name for name in names if name not in self._values]
        if lacking:
            problem = self.problems.get(lacking[0])
            return Secrets({}, self.mask, problem.message if problem else f"secret {lacking[0]}: nothing says whence")
        return Secrets({name: self._values[name] for name in names}, self.mask)

    def refuse_missing(self) -> None:
        """Raise OrchError where one could not be read."""
        if self.problems:
            raise OrchError(list(self.problems.values()), Exit.INVALID)

    def refuse_in(self, what: str, data: bytes) -> None:
        """Raise OrchError where one stands in bytes that are kept with the run."""
        if name := self.mask.named(data):
            hint = f'take it out: a node gets it by `secrets: [{name}]`, and its command by "${name}"'
            raise OrchError(Problem("O507", f"{what} holds the secret {name}", hint=hint), Exit.INVALID)


def open_vault(plan: Compiled, env: Mapping[str, str], root: str) -> Vault:
    """Read the secrets that nodes of this plan ask for."""
    values: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    references = plan.head.get("secrets", {})
    for name in _asked_for(plan):
        try:
            values[name] = _value(references[name], env, root)
        except _Unusable as error:
            problems[name] = _problem(name, str(error), references[name])
    return Vault(values, problems)


def notes(plan: Compiled, root: str) -> list[Problem]:
    """Warnings of a plan: which secrets nobody asks for, and which others can read. No value is read."""
    found: list[Problem] = []
    named = {name for action in plan.action_table for name in action.step.get("secrets", ())}
    for name, reference in plan.head["secrets"].items():
        if name in named:
            found += _open_to_all(name, reference, root)
        else:
            hint = f"write `secrets: [{name}]` for the node that needs it, or remove it"
            found.append(Problem("O509", f"no node asks for the secret {name}", hint=hint, severity="warning"))
    return found


def missing(plan: Compiled, env: Mapping[str, str], root: str) -> list[Problem]:
    """Warnings of a plan that could not be applied as it is, since secrets are missing. No value is read."""
    references = plan.head.get("secrets", {})
    lacking = {name: _lacking(references[name], env, root) for name in _asked_for(plan)}
    return [_problem(name, why, references[name])._replace(severity="warning") for name, why in lacking.items() if why]


def check_passed(pipeline: Pipeline, project: Project, document: Document) -> None:
    """Raise OrchError where a secret is read from a variable that every command gets."""
    from orch.spec.report import Report

    report = Report(document)
    for name, reference in pipeline.secrets.items():
        kind, _, variable = reference.partition(":")
        if kind == "env" and (variable in project.env.pass_ or is_passed(variable)):
            why = "`env.pass` of orch.yaml names" if variable in project.env.pass_ else "orch passes on"
            hint = "remove it there" if variable in project.env.pass_ else "read the secret from another variable"
            report.add("O505", f"every command gets `{variable}`, which {why}", ("secrets", name), hint)
    report.close()


def refuse_kept(planned: Planned, vault: Vault) -> None:
    """Raise OrchError where a secret stands in what is kept of a plan: files first, which it follows from."""
    files = {resource["sha256"]: resource["path"] for resource in planned.compiled.head["resources"]}
    for sha256, data in planned.blobs.items():
        vault.refuse_in(files.get(sha256, "a file of the plan"), data)
    vault.refuse_in("an input or another value of the plan", planned.plan.data)


class _Unusable(Exception):
    """The text says why, as the rest of a sentence."""


def _problem(name: str, why: str, reference: str) -> Problem:
    kind, _, where = reference.partition(":")
    hint = f"export {where}=…, then the same command again" if kind == "env" else f"make {where} a file that holds it"
    return Problem("O506", f"secret {name}: {why}", hint=hint)


def _asked_for(plan: Compiled) -> Iterator[str]:
    """The secrets that steps name which may run, in the order declared."""
    if "secrets" not in plan.head:
        return iter(())
    idle: set[int] = set()  # what only steps do that are not selected; what no step does yet may come in the run
    if plan.selected is not None:
        steps = list(zip(plan.actions, plan.selected, strict=False))
        idle = {number for number, selected in steps if not selected} - {
            number for number, selected in steps if selected
        }
    actions = [action for number, action in enumerate(plan.action_table) if number not in idle]
    named = {name for action in actions for name in action.step.get("secrets", ())}
    return (name for name in plan.head["secrets"] if name in named)


def _lacking(reference: str, env: Mapping[str, str], root: str) -> str | None:
    kind, _, where = reference.partition(":")
    if kind == "env":
        return None if where in env else f"env {where} is not set"
    try:
        status = os.stat(os.path.join(root, where))
    except OSError as error:
        return f"{where} cannot be read: {error.strerror}"
    return None if stat.S_ISREG(status.st_mode) else f"{where} is not a regular file"


def _open_to_all(name: str, reference: str, root: str) -> list[Problem]:
    kind, _, where = reference.partition(":")
    try:
        mode = os.stat(os.path.join(root, where)).st_mode if kind == "file" else 0
    except OSError:
        return []
    if not mode & stat.S_IROTH or not stat.S_ISREG(mode):
        return []
    message = f"secret {name}: everybody on this machine can read {where}"
    return [Problem("O508", message, hint=f"chmod 600 {where}", severity="warning")]


def _value(reference: str, env: Mapping[str, str], root: str) -> str:
    kind, _, where = reference.partition(":")
    if kind == "env":
        if where not in env:
            raise _Unusable(f"env {where} is not set")
        value, source = env[where], f"env {where}"
    else:
        value, source = os.fsdecode(_content(os.path.join(root, where), where)), where
    size = len(os.fsencode(value.strip()))
    if size < SHORTEST:
        beside = " beside the white space around it" if value != value.strip() else ""
        raise _Unusable(f"the value of {source} has {size} bytes{beside}, and needs at least {SHORTEST}")
    if "\0" in value:
        raise _Unusable(f"{source} holds a NUL, which no environment can")
    return value


def _content(path: str, shown: str) -> bytes:
    """The bytes of a file without one newline at the end."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _Unusable(f"{shown} cannot be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _Unusable(f"{shown} is not a regular file")
        data = os.read(fd, MAX_BYTES + 1)
    except OSError as error:
        raise _Unusable(f"{shown} cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)
    if len(data) > MAX_BYTES:
        raise _Unusable(f"{shown} has more than {MAX_BYTES // 1024} KiB")
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\r\n") else data.removesuffix(b"\n")

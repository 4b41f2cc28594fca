"""The run directory: where each file of a run lies, how a run is claimed, and how a run is found again."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from orch.model.names import TASK
from orch.model.plan import FORMAT_VERSION, Plan
from orch.model.times import to_iso
from orch.problems.problem import Exit, OrchError, Problem
from orch.store.atomic import read_file, sync_folder, write_file
from orch.store.cas import Cas
from orch.store.glance import glance

KIND = "cli"
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}", re.ASCII)
_SHORTEST_PREFIX = 4
_PLAN_START = b'{"format_version":%d,' % FORMAT_VERSION
_PLAN_END = b"]}\n"
_PIPELINE = '"pipeline":'
_HEAD_BYTES = 8192  # a path has up to 4,096


class RunDir(NamedTuple):
    """A run's directory (absolute), its task and its id."""

    path: str
    task: str
    run_id: str

    @property
    def plan(self) -> str:
        """plan.json"""
        return f"{self.path}/plan.json"

    @property
    def journal(self) -> str:
        """journal.ndjson"""
        return f"{self.path}/journal.ndjson"

    @property
    def manifest(self) -> str:
        """manifest.json"""
        return f"{self.path}/manifest.json"

    @property
    def artifact_root(self) -> str:
        """The directory as people write it, from the project's root on."""
        return f".runs/{self.task}/{KIND}/{self.run_id}"


def create(
    runs_root: str,
    task: str,
    plan: Plan,
    *,
    durability: str,
    now_ms: int,
    random: Callable[[int], bytes],
    blobs: Mapping[str, bytes],
) -> RunDir:
    """Claim a new run and write down what it is: the plan-time bytes (`blobs`, by their sha256), the resume token, and
    last the plan. `random(n)` gives n unpredictable bytes; `durability` is the plan's. Raises OrchError for a root or a
    task that is not safe, else OSError."""
    if not TASK.fullmatch(task):  # a plan that was saved may say anything
        raise OrchError(Problem("O289", f"`{task}` cannot be a task", hint="make a new plan"), Exit.INVALID)
    durable = durability == "full"
    _make_root(runs_root)
    above = [runs_root, f"{runs_root}/{task}", f"{runs_root}/{task}/{KIND}"]
    for folder in above[1:]:
        make_folder(folder, runs_root)
    run = _claim(above[-1], task, now_ms, random)
    write_file(f"{run.path}/resume-token", random(32).hex().encode(), durable=durable)
    cas = Cas(run.path, durable=durable)
    for sha256, data in blobs.items():
        if cas.put_bytes(data) != sha256:
            raise ValueError(f"not the bytes of {sha256}")
    write_file(run.plan, plan.data, durable=durable)
    if durable:
        for folder in (run.path, *reversed(above), os.path.dirname(runs_root)):
            sync_folder(folder)
    return run


def cache_folder(runs_root: str, *, make: bool = False) -> str | None:
    """Where results are kept between runs; None where there is no such folder yet. Raises OrchError where it is not
    safe, else OSError."""
    folder = f"{runs_root}/.cache"
    if make:
        make_folder(folder, runs_root)
    elif os.path.lexists(folder):
        _check_ours(folder, runs_root)
    else:
        return None
    return folder


def load_plan(run: RunDir) -> Plan:
    """The saved plan, its `doc` not yet read where it begins and ends as orch writes it. Raises OrchError where it is
    damaged (7) or of a newer format (6)."""
    data = read_file(run.plan)
    plan = Plan(data)
    if data.startswith(_PLAN_START) and data.endswith(_PLAN_END):
        return plan
    try:
        version = plan.doc["format_version"]
        known = type(version) is int and version <= FORMAT_VERSION
    except (ValueError, KeyError, RecursionError) as error:
        raise damaged_plan(run, error) from error
    if not known:
        problem = Problem("O608", f"{run.plan} has format {version}", hint="continue it with the version that wrote it")
        raise OrchError(problem, Exit.CONFLICT)
    return plan


def pipeline_of(run: RunDir) -> dict[str, str] | None:
    """`{name, path, digest}`, from the beginning of plan.json; None where it cannot be read there."""
    import json

    try:
        fd = os.open(run.plan, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            start = os.read(fd, _HEAD_BYTES).decode(errors="replace")
        finally:
            os.close(fd)
        found, _ = json.JSONDecoder().raw_decode(start[start.index(_PIPELINE) + len(_PIPELINE) :])
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def damaged_plan(run: RunDir, error: Exception) -> OrchError:
    """What is said of a plan.json that cannot be read as a plan."""
    hint = "start a new run: its plan cannot be made again from here"
    return OrchError(Problem("O607", f"{run.plan} is damaged ({error})", hint=hint), Exit.CORRUPT)


def is_token(run: RunDir, token: str) -> bool:
    """Is this the resume token of the run?"""
    from hmac import compare_digest

    return compare_digest(hashlib.sha256(token.encode()).hexdigest(), token_digest(run))


def token_digest(run: RunDir) -> str:
    """The sha256 (hex) of the resume token; empty where it cannot be read."""
    try:
        return hashlib.sha256(read_file(f"{run.path}/resume-token")).hexdigest()
    except OSError:
        return ""


def newest(runs_root: str, task: str | None = None, prefix: str = "") -> Iterator[RunDir]:
    """The runs of the project, or of a task, whose ids begin so, newest first; of those that are not asked for only the
    names are read. An absent root has none; one that is not safe raises OrchError."""
    return (run for run in reversed(_claimed(runs_root, task)) if run.run_id.startswith(prefix) and _is_run(run.path))


def _claimed(runs_root: str, task: str | None = None) -> list[RunDir]:
    """Every folder that is named like a run, oldest first."""
    try:
        _check_ours(runs_root, runs_root)
    except FileNotFoundError:
        return []
    claimed = []
    for name in _folders(runs_root):
        kind = f"{runs_root}/{name}/{KIND}"
        if task in (None, name) and TASK.fullmatch(name) and not os.path.islink(kind):
            claimed += [RunDir(f"{kind}/{run}", name, run) for run in _folders(kind) if RUN_ID.fullmatch(run)]
    claimed.sort(key=lambda run: run.run_id)
    return claimed


def find(runs_root: str, ref: str) -> RunDir:
    """The run that `ref` means: an id, a unique prefix of one, `@last` (the newest) or `@failed` (the newest that
    failed). Raises OrchError (2) with the candidates, or the closest, and (5) where a folder above it is not safe."""
    run = _meant(runs_root, ref)
    above = os.path.dirname(run.path)
    for folder in (os.path.dirname(above), above, run.path):
        _check_ours(folder, runs_root)
    return run


def _meant(runs_root: str, ref: str) -> RunDir:
    if ref.startswith("@"):
        return _newest(runs_root, ref)
    claimed = _claimed(runs_root)
    found = [run for run in claimed if run.run_id == ref and _is_run(run.path)]
    if not found and len(ref) >= _SHORTEST_PREFIX:
        found = [run for run in claimed if run.run_id.startswith(ref) and _is_run(run.path)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(run.run_id for run in found[-5:])
        raise OrchError(Problem("O605", f"`{ref}` means {len(found)} runs", hint=f"the newest are {names}"), Exit.USAGE)
    if len(ref) >= _SHORTEST_PREFIX:
        _refuse_planless([run for run in claimed if run.run_id.startswith(ref)])
    from difflib import get_close_matches

    near = get_close_matches(ref, [run.run_id for run in claimed if _is_run(run.path)], 1, 0.5)
    if len(ref) < _SHORTEST_PREFIX:
        hint = f"a prefix has at least {_SHORTEST_PREFIX} characters; orch runs list"
    else:
        hint = f"did you mean `{near[0]}`?" if near else "orch runs list"
    raise OrchError(Problem("O604", f"there is no run `{ref}`", hint=hint), Exit.USAGE)


def _refuse_planless(claimed: list[RunDir]) -> None:
    """A folder with a journal was a run, and cannot be read without what the run was to do."""
    for run in claimed:
        if os.path.exists(run.journal):
            said = f"plan.json of run `{run.run_id}` is missing: without it nobody can say what the run was to do"
            help_ = f"put it back from a copy (`prev` of the first record is its sha256): orch verify {run.run_id}"
            raise OrchError(Problem("O610", said, hint=help_), Exit.CORRUPT)


def _newest(runs_root: str, ref: str) -> RunDir:
    if ref not in ("@last", "@failed"):
        raise OrchError(Problem("O604", f"there is no run `{ref}`", hint="write @last or @failed"), Exit.USAGE)
    for run in newest(runs_root):
        if ref == "@last" or glance(run.journal).status == "failed":
            return run
    said = "there is no run yet" if ref == "@last" else "no run has failed"
    raise OrchError(Problem("O604", said, hint="orch runs list"), Exit.USAGE)


def _make_root(root: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(root, 0o700)
    _check_ours(root, root)
    ignore = f"{root}/.gitignore"
    if not os.path.lexists(ignore):
        write_file(ignore, b"*\n", mode=0o644, unique=True)


def make_folder(path: str, runs_root: str) -> None:
    """A folder below `.runs`, new or safe to use. Raises OrchError (5) for one that is not."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        _check_ours(path, runs_root)


def _check_ours(path: str, runs_root: str) -> None:
    """A folder that somebody else could exchange or fill is not used. Who could change the project itself gains nothing
    by it: its owner where root runs, anybody where the project's own folder is open to all, as everything is on a disk
    that knows no modes."""
    found, project = os.lstat(path), os.stat(os.path.dirname(runs_root) or ".")
    given = os.geteuid() == 0 and found.st_uid == project.st_uid
    if stat.S_ISLNK(found.st_mode):
        why, hint = "is a symbolic link", f"move it out of the way: {_move(path)}"
    elif not stat.S_ISDIR(found.st_mode):
        why, hint = "is not a folder", f"move it out of the way: {_move(path)}"
    elif found.st_uid != os.geteuid() and not given:
        why, hint = f"belongs to user {found.st_uid}, not to you", "run orch as the user who owns it"
    elif _is_open(found) and not _is_open(project):
        why, hint = "can be changed by every user of this machine", f"chmod -R o-w {shlex.quote(runs_root)}"
    else:
        return
    raise OrchError(Problem("O606", f"{path} {why}", hint=hint), Exit.REFUSED)


def _move(path: str) -> str:
    return f"mv {shlex.quote(path)} {shlex.quote(path + '.old')}"


def _is_open(folder: os.stat_result) -> bool:
    return bool(folder.st_mode & stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX


def _claim(folder: str, task: str, now_ms: int, random: Callable[[int], bytes]) -> RunDir:
    # 10 bits of milliseconds before the 14 random ones: ids of the same second sort by time as well
    stamp = re.sub(r"[-:]", "", to_iso(now_ms)[:19]) + "Z"
    while True:
        tail = now_ms % 1000 << 14 | int.from_bytes(random(2), "big") & 0x3FFF
        run_id = f"{stamp}-{tail:06x}"
        try:
            os.mkdir(f"{folder}/{run_id}", 0o700)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        else:
            return RunDir(f"{folder}/{run_id}", task, run_id)


def _folders(path: str) -> Iterator[str]:
    try:
        with os.scandir(path) as entries:
            yield from (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return


def _is_run(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(f"{path}/plan.json").st_mode)
    except OSError:
        return False

"""Runs of a group wait for a place: in the foreground, in the order in which they came, for nobody who is dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from command import ENGINE, PROJECT, Desk

from orch.problems.problem import Exit, OrchError
from orch.store.groups import Queue
from orch.store.rundir import RunDir

ONE = 'concurrency: { group: "ship-${{ inputs.task }}" }\ninputs: { task: { type: string, default: "0042" } }\n'
WORK = "  work:\n    nodes:\n      go: { run: 'echo > ../reached; read -r _ < ../go' }\n"
NOW = 1_795_374_312_345


class Busy:
    """A project whose one step says on the fifo `reached` that it runs, and waits for a line in `go`."""

    def __init__(self, base: Path, phases: str = WORK, head: str = ONE) -> None:
        self.base, self.desk, self.started = base, Desk.at(base), list[subprocess.Popen[str]]()
        self.desk.write("orch.yaml", PROJECT)
        self.desk.pipeline(phases, head)
        for fifo in ("reached", "go"):
            os.mkfifo(base / fifo)

    def orch(self, *words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "orch", *words]
        env = {**self.desk.environment(), **ENGINE}
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, cwd=self.desk.folder, env=env, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def holder(self, *words: str) -> subprocess.Popen[str]:
        """An `apply` whose step runs."""
        process = self.orch("apply", *words)
        self.wait_until_it_runs()
        return process

    def queued(self, *words: str) -> tuple[subprocess.Popen[str], str]:
        """An `apply` that says that it waits, and what it says."""
        process = self.orch(*(words or ("apply",)))
        return process, until(process.stderr, "waiting for a place")

    def wait_until_it_runs(self) -> None:
        (self.base / "reached").read_text()

    def let_it_end(self) -> None:
        (self.base / "go").write_text("go\n")

    def owner(self, run: str = "@last") -> int:
        return json.loads((self.folder(run) / "owner.json").read_text())["pid"]

    def folder(self, run: str = "@last") -> Path:
        found = sorted(self.desk.folder.glob(".runs/*/cli/*"), key=lambda path: path.name)
        return found[-1] if run == "@last" else next(path for path in found if path.name == run)


def until(stream: IO[str] | None, word: str) -> str:
    """The first line of the stream that has this word."""
    assert stream is not None
    for line in stream:
        if word in line:
            return line
    raise AssertionError(f"no line with {word!r}")


def ended(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=60)
    return process.returncode


@pytest.fixture
def busy_with(tmp_path: Path) -> Iterator[Callable[[str], Busy]]:
    """Makes the project with these phases; what was started is ended."""
    made: list[Busy] = []

    def make(phases: str) -> Busy:
        made.append(Busy(tmp_path, phases))
        return made[-1]

    yield make
    for busy in made:
        for process in busy.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for pid in busy.desk.processes():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def busy(busy_with: Callable[[str], Busy]) -> Busy:
    return busy_with(WORK)


# --- the command


def test_apply_waits_in_the_foreground_and_says_for_whom(busy: Busy) -> None:
    first = busy.holder()
    holder = busy.folder().name
    second, said = busy.queued()
    assert f'waiting for a place in "ship-0042": held by run {holder} (pid {busy.owner(holder)}) since ' in said
    busy.let_it_end()
    assert ended(first) == 0
    busy.wait_until_it_runs()
    busy.let_it_end()
    assert ended(second) == 0


def test_a_run_that_waits_for_a_place_reads_queued_and_holds_none(busy: Busy) -> None:
    busy.holder()
    busy.queued()
    document = json.loads(busy.desk.orch("poll", "@last", "--json").out)
    assert (document["status"], document["status_detail"]) == ("queued", 'for a place in "ship-0042"')
    for words in (["poll", "@last"], ["runs", "show", "@last"], ["runs", "list"]):
        assert 'queued (for a place in "ship-0042")' in busy.desk.orch(*words).out
    assert not (busy.folder() / "journal.ndjson").exists() or not (busy.folder() / "journal.ndjson").read_bytes()


def test_runs_of_another_group_do_not_wait(busy: Busy) -> None:
    busy.holder()
    busy.desk.pipeline("  work: { nodes: { go: { run: 'true' } } }\n", ONE)
    said = busy.desk.orch("apply", "--input", "task=0043")
    assert "waiting for a place" not in said.text


def test_sigint_ends_the_wait_with_130_and_the_run_can_be_resumed(busy: Busy) -> None:
    first = busy.holder()
    second, _ = busy.queued()
    run = busy.folder().name
    second.send_signal(signal.SIGINT)
    out, _ = second.communicate(timeout=60)
    assert second.returncode == Exit.INTERRUPTED
    assert f"orch resume {run}" in out
    assert "interrupted" in busy.desk.orch("poll", run).out
    busy.let_it_end()
    assert ended(first) == 0
    third = busy.orch("resume", run)
    busy.wait_until_it_runs()
    busy.let_it_end()
    assert ended(third) == 0
    assert busy.desk.orch("verify", run).code == 0


@pytest.mark.parametrize("whom", ["the engine", "the command that was called"])
def test_the_end_of_the_holder_lets_the_next_in_however_it_ended(busy: Busy, whom: str) -> None:
    first = busy.holder()
    holder = busy.folder().name
    second, _ = busy.queued()
    waiting = busy.folder().name
    os.kill(busy.owner(holder) if whom == "the engine" else first.pid, signal.SIGKILL)
    busy.wait_until_it_runs()
    assert json.loads((busy.folder(waiting) / "owner.json").read_text())["run_id"] == waiting
    assert "running" in busy.desk.orch("poll", waiting).out
    assert "interrupted" in busy.desk.orch("poll", holder).out
    busy.let_it_end()
    assert ended(second) == 0
    busy.desk.orch("verify", waiting)


def test_a_retry_waits_for_a_place_too_and_changes_nothing_before_it_has_one(
    busy_with: Callable[[str], Busy],
) -> None:
    busy = busy_with(WORK.replace("echo > ../reached", "test -e ok; echo > ../reached"))
    busy.desk.orch("apply", code=1)
    failed = busy.folder().name
    before = (busy.folder() / "journal.ndjson").read_bytes()
    busy.desk.write("ok", "")
    busy.holder()
    again, _ = busy.queued("retry", failed, "--failed")
    assert json.loads(busy.desk.orch("poll", failed, "--json").out)["status"] == "queued"
    assert f"next  orch poll {failed} --watch" in busy.desk.orch("explain", failed, "work.go").out
    again.send_signal(signal.SIGINT)
    assert ended(again) == Exit.INTERRUPTED
    assert (busy.folder(failed) / "journal.ndjson").read_bytes() == before
    assert "failed" in busy.desk.orch("poll", failed).out


def test_a_run_that_was_killed_while_it_waited_reads_interrupted_and_is_whole(busy: Busy) -> None:
    busy.holder()
    busy.queued()
    run = busy.folder().name
    os.kill(busy.owner(), signal.SIGKILL)
    ended(busy.started[-1])
    document = json.loads(busy.desk.orch("poll", run, "--json").out)
    assert (document["status"], document["next"]) == ("interrupted", f"orch resume {run}")
    busy.desk.orch("verify", run)


def test_a_place_is_free_while_its_run_waits_at_a_gate(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("rules.md", "text\n")
    gates = "gates: { agreed: { approval: { subject: [rules.md], require: { editor: 1 } } } }"
    desk.pipeline(f"  work:\n    {gates}\n    nodes: {{ go: {{ run: 'true' }} }}\n", ONE)
    desk.orch("apply", code=4)
    said = desk.orch("apply", code=4)
    assert "waiting for a place" not in said.text


def test_a_step_of_a_run_does_not_inherit_its_place(busy: Busy) -> None:
    busy.holder()
    waits = {os.readlink(f"/proc/{pid}/fd/{fd}") for pid in busy.desk.processes() for fd in _fds(pid, busy)}
    assert not {path for path in waits if "/.groups/" in path}


def _fds(pid: int, busy: Busy) -> list[str]:
    """The open files of a step's process: the engine's own has the place."""
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    return os.listdir(f"/proc/{pid}/fd") if b"ORCH_ADDRESS=" in environment else []


def test_a_queued_run_without_finally_is_cancelled_without_a_place(busy: Busy) -> None:
    busy.holder()
    second, _ = busy.queued()
    run = busy.folder().name
    busy.desk.orch("cancel", run)
    assert ended(second) == 1
    assert "cancelled" in busy.desk.orch("poll", run).out


def test_a_queued_run_with_finally_is_cancelled_once_it_has_a_place(busy_with: Callable[[str], Busy]) -> None:
    busy = busy_with(WORK.rstrip() + "\nfinally: { tell: { run: echo told >> told } }\n")
    first = busy.holder()
    second, _ = busy.queued()
    busy.orch("cancel", busy.folder().name)
    assert busy.desk.lines("told") == 0
    busy.let_it_end()
    assert (ended(first), ended(second)) == (0, 1)
    assert ended(busy.started[-1]) == 0
    assert busy.desk.lines("told") == 2


def test_a_queued_run_that_had_opened_a_child_with_finally_is_cancelled_once_it_has_a_place(
    busy_with: Callable[[str], Busy],
) -> None:
    busy = busy_with("  work: { nodes: { kid: { pipeline: ./kid.yaml } } }\n")
    head = "apiVersion: orch/v1\nkind: Pipeline\nname: kid\nphases:\n"
    busy.desk.write("pipelines/kid.yaml", head + WORK + "finally: { tell: { run: echo told >> told } }\n")
    killed = busy.holder("pipelines/main.yaml")
    run = busy.folder().name
    os.kill(busy.owner(run), signal.SIGKILL)
    ended(killed)
    holder = busy.holder("pipelines/main.yaml")
    second, _ = busy.queued("resume", run)
    busy.orch("cancel", run)
    assert busy.desk.lines("told") == 0
    busy.let_it_end()
    assert (ended(holder), ended(second), ended(busy.started[-1])) == (0, 1, 0)
    assert busy.desk.lines("told") == 2


def test_json_tells_of_the_wait_as_a_line_of_its_own(busy: Busy) -> None:
    busy.holder()
    second = busy.orch("apply", "--json")
    line = json.loads(until(second.stdout, '"queued"'))
    holder = line.pop("holders")[0]
    assert line == {"type": "queued", "group": "ship-0042", "limit": 1, "ahead": 0}
    assert set(holder) == {"run_id", "pid", "since"}


def test_the_plan_names_the_group_and_its_places(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(WORK, ONE)
    assert 'concurrency  1 run at a time of "ship-0042"' in desk.orch("plan").out
    assert json.loads(desk.orch("plan", "--json").out)["concurrency"] == {"group": "ship-0042", "limit": 1}
    desk.pipeline(WORK)
    assert "concurrency" not in desk.orch("plan").out + desk.orch("plan", "--json").out


@pytest.mark.parametrize(("value", "code"), [("", 3), ("a b/c", 0)])
def test_a_group_has_a_name_when_its_inputs_are_known(tmp_path: Path, value: str, code: int) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(WORK, ONE.replace("ship-", ""))
    said = desk.orch("plan", "--input", f"task={value}", code=code)
    assert ("error[O283]: the group of `concurrency` is empty" in said.err) == bool(code)
    if code:
        assert "pipelines/main.yaml:4:" in said.err


# --- the queue


def queue(folder: Path, run: str, at: int, limit: int = 1, group: str = "g") -> Queue:
    (folder / ".runs").mkdir(exist_ok=True)
    return Queue(str(folder / ".runs"), RunDir("", "-", run), group, limit, pid=4711, at=at)


def test_who_came_first_is_let_in_first(tmp_path: Path) -> None:
    first, second, third = (queue(tmp_path, name, at) for at, name in enumerate("abc"))
    place = first.take(NOW)
    assert place is not None
    first.leave()
    assert (second.look().ahead, third.look().ahead) == (0, 1)
    place.release()
    assert third.take(NOW) is None
    assert second.take(NOW) is not None


def test_who_has_left_or_died_is_before_nobody(tmp_path: Path) -> None:
    first, second = queue(tmp_path, "a", 1), queue(tmp_path, "b", 2)
    assert second.take(NOW) is None
    first.leave()
    assert second.take(NOW) is not None
    (next((tmp_path / ".runs/.groups").iterdir()) / "waiting" / f"{0:015d}-dead").touch()
    third = queue(tmp_path, "c", 3, limit=2)
    second.leave()
    assert third.look().ahead == 0


def test_a_group_has_as_many_places_as_its_limit_says(tmp_path: Path) -> None:
    queues = [queue(tmp_path, name, at, 2) for at, name in enumerate("abc")]
    for one in queues[:2]:
        assert one.take(NOW) is not None
        one.leave()
    assert queues[2].take(NOW) is None
    assert [holder.run_id for holder in queues[2].look().holders] == ["a", "b"]


@pytest.mark.parametrize("other", ["G", "g/", "g "])
def test_groups_whose_names_differ_have_places_of_their_own(tmp_path: Path, other: str) -> None:
    assert queue(tmp_path, "a", 1).take(NOW) is not None
    assert queue(tmp_path, "b", 2, group=other).take(NOW) is not None


def test_a_damaged_place_names_nobody_and_is_held_all_the_same(tmp_path: Path) -> None:
    first = queue(tmp_path, "a", 1)
    place = first.take(NOW)
    assert place is not None
    first.leave()
    place.write(b"{")
    second = queue(tmp_path, "b", 2)
    assert (second.take(NOW), second.look().holders) == (None, ())


def test_the_folder_of_groups_must_be_safe(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".runs").mkdir()
    (tmp_path / ".runs" / ".groups").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OrchError, match=r"\.groups is a symbolic link"):
        queue(tmp_path, "a", 1)

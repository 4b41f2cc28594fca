"""The command as users run it, in real processes: killed, interrupted, doubled, and on disks that refuse."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import ENGINE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containment and /proc are Linux's")

TWO_STEPS = """\
apiVersion: orch/v1
kind: Pipeline
name: two
phases:
  work:
    nodes:
      first:
        run: echo first >> ../effects
      second:
        needs: [first]
        run: |
          echo second >> ../effects
          echo > ../reached
          read -r _ < ../go
"""


class Project:
    """A project below `base`; its second step says on the fifo `reached` that it runs, and waits for a line in `go`."""

    def __init__(self, base: Path, pipeline: str = TWO_STEPS) -> None:
        self.base, self.root = base, base / "project"
        self.root.mkdir(exist_ok=True)
        (self.root / "orch.yaml").write_text("apiVersion: orch/v1\nkind: Project\n")
        (self.root / "pipelines").mkdir()
        (self.root / "pipelines" / "two.yaml").write_text(pipeline)
        for fifo in ("reached", "go"):
            os.mkfifo(base / fifo)

    def orch(self, *arguments: str) -> subprocess.Popen[str]:
        env = {**ENGINE, "PATH": os.environ["PATH"], "HOME": str(self.base)}
        command = [sys.executable, "-m", "orch", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.root, env=env, stdout=pipe, stderr=pipe, text=True)

    def done(self, *arguments: str) -> tuple[int, str]:
        with self.orch(*arguments) as process:
            _, said = process.communicate()
        return process.returncode, said

    def wait_until_second_runs(self) -> None:
        (self.base / "reached").read_text()

    def let_second_end(self) -> None:
        (self.base / "go").write_text("go\n")

    def effects(self) -> list[str]:
        return (self.base / "effects").read_text().split()

    @property
    def run_dir(self) -> Path:
        return next((self.root / ".runs" / "-" / "cli").iterdir())

    def owner(self) -> int:
        return json.loads((self.run_dir / "owner.json").read_text())["pid"]

    def processes(self) -> list[int]:
        """The processes of the run's steps, by what orch put into their environment."""
        mark, found = os.fsencode(self.root / ".runs"), []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            try:
                if mark in Path(f"/proc/{name}/environ").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
        return found

    def nothing_runs(self) -> bool:
        """Within a second nothing of the run is left."""
        until = time.monotonic() + 1
        while self.processes():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def picture(self) -> dict[str, bytes]:
        moved = ("lock", "beat", "owner.json")
        paths = (path for path in self.run_dir.rglob("*") if path.is_file() and path.name not in moved)
        return {str(path): path.read_bytes() for path in paths}

    def assert_resumes_twice(self) -> None:
        with self.orch("resume", "@last") as resumed:
            self.wait_until_second_runs()
            self.let_second_end()
            _, said = resumed.communicate()
        assert resumed.returncode == 0, said
        assert self.effects() == ["first", "second", "second"]
        before = self.picture()
        assert self.done("resume", "@last")[0] == 0
        assert self.picture() == before
        assert self.done("verify", "@last")[0] == 0


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    for pid in made.processes():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("whom", ["engine", "relay"])
def test_after_kill_9_of_engine_or_relay_nothing_runs_on_and_resume_finishes_what_was_unfinished(project, whom):
    with project.orch("apply") as process:
        project.wait_until_second_runs()
        assert project.processes()
        os.kill(project.owner() if whom == "engine" else process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode in (137, -9)
    assert project.nothing_runs()
    project.assert_resumes_twice()


def test_of_two_resumes_at_once_one_works_and_the_other_exits_6_and_names_the_owner(project):
    with project.orch("apply") as process:
        project.wait_until_second_runs()
        process.kill()
        process.communicate()
    assert project.nothing_runs()

    with project.orch("resume", "@last") as one, project.orch("resume", "@last") as other:
        project.wait_until_second_runs()
        fds = {os.pidfd_open(process.pid): process for process in (one, other)}
        poll = select.poll()
        for fd in fds:
            poll.register(fd, select.POLLIN)
        loser = fds[poll.poll()[0][0]]
        _, said = loser.communicate()
        assert loser.returncode == 6
        assert f"process {project.owner()} " in said
        project.let_second_end()
        winner = other if loser is one else one
        winner.communicate()
        assert winner.returncode == 0
        for fd in fds:
            os.close(fd)
    assert project.effects() == ["first", "second", "second"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_no_process_says_how_to_go_on_and_resumes(project, number, code):
    with project.orch("apply") as process:
        project.wait_until_second_runs()
        process.send_signal(number)
        shown, _ = process.communicate()
    assert process.returncode == code
    assert f"orch resume {project.run_dir.name}" in shown
    assert project.nothing_runs()
    last = (project.run_dir / "journal.ndjson").read_text().splitlines()[-1]
    assert json.loads(last)["type"] == "started"
    project.assert_resumes_twice()


def test_a_step_cannot_end_the_run_by_a_signal_to_its_parent(tmp_path):
    signals = "for n in INT TERM HUP QUIT; do kill -$n $PPID; done"
    project = Project(tmp_path, TWO_STEPS.replace("echo first", f"{signals}; echo first"))
    with project.orch("apply") as process:
        project.wait_until_second_runs()
        project.let_second_end()
        process.communicate()
    assert process.returncode == 0


def test_a_program_that_does_not_exist_is_a_step_that_failed_to_start(tmp_path):
    pipeline = TWO_STEPS.replace("echo first >> ../effects", "[no-such-program, --now]")
    project = Project(tmp_path, pipeline)
    code, said = project.done("apply")
    assert code == 1
    assert "no-such-program" in said
    manifest = json.loads((project.run_dir / "nodes" / "work.first.json").read_text())
    assert (manifest["status"], manifest["reason"]) == ("failed", "start-failed")


@pytest.fixture
def small_disk(tmp_path):
    """A project on a file system of its own, and a way to mount it anew with other options."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root")
    where = tmp_path / "project"
    where.mkdir()

    def mount(options: str) -> bool:
        command = ["mount", "-o", options, "-t", "tmpfs", "none", where]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not mount("size=256k"):
        pytest.skip("this machine does not let root mount")
    yield mount
    subprocess.run(["umount", "-l", where], check=True)


FILLS = """\
apiVersion: orch/v1
kind: Pipeline
name: fills
phases:
  work:
    nodes:
      first: { run: echo first >> ../effects }
      fill: { needs: [first], run: "test -e ../room || head -c 1000000 /dev/zero > filling || true" }
      last: { needs: [fill], run: "echo last >> ../effects; echo it is said" }
"""


def test_a_full_disk_is_74_with_one_line_of_cause_and_with_room_the_run_resumes(tmp_path, small_disk):
    project = Project(tmp_path, FILLS)
    code, said = project.done("apply")
    assert code == 74, said
    assert "No space left on device" in said
    assert ".runs" in said
    assert "Traceback" not in said
    (project.root / "filling").unlink()
    assert small_disk("remount,size=4m")
    (tmp_path / "room").touch()
    assert project.done("resume", "@last")[0] == 0
    assert project.effects().count("first") == 1  # `last` may have run when the record of its end found no room
    assert "last" in project.effects()
    assert project.done("verify", "@last")[0] == 0


def test_a_folder_that_cannot_be_written_is_74_and_nothing_starts(tmp_path, small_disk):
    project = Project(tmp_path, FILLS)
    assert small_disk("remount,ro")
    code, said = project.done("apply")
    assert code == 74
    assert "Read-only file system" in said
    assert "Traceback" not in said
    assert not (tmp_path / "effects").exists()

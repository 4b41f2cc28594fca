"""The embedded executor: what an attempt gets, how it ends, and what is said of it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orch.local import linux
from orch.local.executor import LocalExecutor, Running
from orch.local.identity import boot_id, is_alive, start_time
from orch.local.kill import children, children_by_scan, family
from orch.model.attempt import Attempt, Result, StartError

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[LocalExecutor]:
    linux.adopt_orphans()
    made = LocalExecutor(str(tmp_path), grace_seconds=0.2)
    yield made
    made.close()
    linux.adopt_orphans(False)


def attempt(*argv: str, address: str = "build.test", number: int = 1, **fields: object) -> Attempt:
    given: dict[str, object] = {
        "env": ENV,
        "cwd": "/",
        "timeout_seconds": None,
        "stem": f"{address}.{number}",
        **fields,
    }
    return Attempt(address, number, argv, **given)  # type: ignore[arg-type]  # the fields of a case, by name


def sh(script: str, **fields: object) -> Attempt:
    return attempt("sh", "-c", script, **fields)


def finish(executor: LocalExecutor, running: Running) -> Result:
    while running not in executor.wait(10):
        pass
    return executor.collect(running)


def perform(executor: LocalExecutor, wanted: Attempt) -> Result:
    return finish(executor, executor.begin(wanted))


def output(tmp_path: Path, result: Result) -> bytes:
    assert result.stdout is not None
    return (tmp_path / result.stdout.path).read_bytes()


def logs(tmp_path: Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "logs"))


def until(condition: object, seconds: float = 5.0) -> None:
    """Look every 5 ms whether it holds."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]  # a zero-argument predicate
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_quiet_attempt_leaves_no_file(executor: LocalExecutor, tmp_path: Path) -> None:
    assert perform(executor, sh("true")) == Result(0, None, None, None, None, 0)
    assert logs(tmp_path) == []


def test_the_exit_code_is_the_leaders(executor: LocalExecutor) -> None:
    assert perform(executor, sh("exit 3")).exit_code == 3


def test_a_leader_ended_by_a_signal_has_a_signal_and_no_exit_code(executor: LocalExecutor) -> None:
    result = perform(executor, sh("kill -9 $$"))
    assert (result.exit_code, result.signal, result.stopped) == (None, 9, None)


def test_a_step_gets_its_environment_its_marks_its_folder_and_nothing_else(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    wanted = attempt("/usr/bin/env", env={"A": "1", "B": "ü\udcff="}, cwd=str(tmp_path), number=7)
    lines = output(tmp_path, perform(executor, wanted)).splitlines()
    assert sorted(lines) == [b"A=1", b"B=\xc3\xbc\xff=", b"ORCH_ADDRESS=build.test", b"ORCH_ATTEMPT=7"]
    assert output(tmp_path, perform(executor, sh("pwd", cwd=str(tmp_path), number=8))).strip() == os.fsencode(tmp_path)


def test_an_argument_reaches_the_program_byte_for_byte(executor: LocalExecutor, tmp_path: Path) -> None:
    nasty = ["", " ", "$(touch x)", "`id`", "a\nb", "'\"\\", "*", "--", "\udcff", "ü", ";|&<>"]
    result = perform(executor, attempt("printf", r"%s\0", *nasty))
    assert output(tmp_path, result) == b"".join(os.fsencode(word) + b"\0" for word in nasty)


def test_stdin_is_empty_and_there_is_no_terminal(executor: LocalExecutor) -> None:
    assert perform(executor, sh('test -z "$(cat)" && ! (: </dev/tty) 2>/dev/null')).exit_code == 0


def test_no_descriptor_of_the_engine_reaches_a_step(executor: LocalExecutor, tmp_path: Path) -> None:
    with open(tmp_path / "secret", "w") as file:
        os.set_inheritable(file.fileno(), True)
        result = perform(executor, sh('test "$(ls /proc/self/fd | wc -l)" -eq 4'))
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("argv", "fields", "message"),
    [
        (("no-such-program",), {}, "'no-such-program' is not on PATH"),
        (("",), {}, "'' is not on PATH"),
        (("ls",), {"env": {"PATH": "/nowhere"}}, "'ls' is not on PATH"),
        (("/no/such/program",), {}, "the program /no/such/program does not exist"),
        (("./tool",), {}, "the program ./tool does not exist"),
        (("true",), {"cwd": "/no/such/folder"}, "the folder /no/such/folder does not exist"),
        (("/etc/passwd",), {}, "/etc/passwd is not executable"),
        (("/etc",), {}, "/etc is not executable"),
        (("true", "x" * 3_000_000), {}, "too long"),
        (("true", "a\0b"), {}, "null byte"),
        (("true",), {"env": {"A=B": "1"}}, "environment"),
        (("true", "\ud800"), {}, "cannot be passed"),
        ((), {}, "empty list"),
    ],
)
def test_what_cannot_be_started_says_why(
    executor: LocalExecutor, tmp_path: Path, argv: tuple[str, ...], fields: dict[str, object], message: str
) -> None:
    with pytest.raises(StartError, match=re.escape(message)) as caught:
        executor.begin(attempt(*argv, **fields))
    assert caught.value.hint
    assert logs(tmp_path) == []
    assert perform(executor, sh("true")).exit_code == 0


def test_a_step_does_not_begin_outside_the_project(executor: LocalExecutor, tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path)) / "project"
    (root / "inside").mkdir(parents=True)
    (root.parent / "project-2").mkdir()
    (root / "out").symlink_to("../project-2")
    (root / "stays").symlink_to(root / "inside")
    (root / "loop").symlink_to("loop")
    with pytest.raises(StartError, match=r"leads out of the project, to .*/project-2$") as caught:
        executor.begin(attempt("pwd", cwd=f"{root}/out", root=str(root)))
    assert "`cwd`" in caught.value.hint
    with pytest.raises(StartError, match="does not exist"):
        executor.begin(attempt("pwd", cwd=f"{root}/loop", root=str(root)))
    for number, name in enumerate(("stays", "inside")):
        result = perform(executor, attempt("pwd", cwd=f"{root}/{name}", root=str(root), number=number))
        assert output(tmp_path, result).decode() == f"{root}/inside\n"


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_script_without_a_first_line_or_with_a_missing_interpreter_says_so(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    script(tmp_path / "plain", "exit 0\n")
    script(tmp_path / "lost", "#!/no/interpreter\n")
    with pytest.raises(StartError, match="no known format"):
        executor.begin(attempt("./plain", cwd=str(tmp_path)))
    with pytest.raises(StartError, match=r"interpreter of \./lost"):
        executor.begin(attempt("./lost", cwd=str(tmp_path)))


def test_a_program_is_looked_for_on_the_steps_own_path_each_time(executor: LocalExecutor, tmp_path: Path) -> None:
    env = {"PATH": f"bin:{tmp_path}/late"}
    (tmp_path / "bin").mkdir()
    (tmp_path / "late").mkdir()
    script(tmp_path / "bin" / "tool", "#!/bin/sh\necho unusable\n", 0o644)
    with pytest.raises(StartError, match="is not executable"):
        executor.begin(attempt("tool", env=env, cwd=str(tmp_path)))
    script(tmp_path / "late" / "tool", "#!/bin/sh\necho late\n")
    assert output(tmp_path, perform(executor, attempt("tool", env=env, cwd=str(tmp_path)))) == b"late\n"
    script(tmp_path / "bin" / "tool", "#!/bin/sh\necho early\n")
    assert output(tmp_path, perform(executor, attempt("tool", env=env, cwd=str(tmp_path), number=2))) == b"early\n"


@pytest.mark.timeout(30)
def test_a_timeout_ends_the_attempt_and_says_so(executor: LocalExecutor) -> None:
    result = perform(executor, sh("sleep 60", timeout_seconds=0.1))
    assert (result.exit_code, result.signal, result.stopped) == (None, signal.SIGTERM, "timeout")


def test_a_step_that_ignores_sigterm_is_killed_after_the_grace(executor: LocalExecutor) -> None:
    result = perform(executor, sh("trap '' TERM; sleep 60 & wait; sleep 60", timeout_seconds=0.1))
    assert (result.signal, result.stopped) == (signal.SIGKILL, "timeout")


def test_a_step_that_cleans_up_on_sigterm_keeps_its_exit_code(executor: LocalExecutor, tmp_path: Path) -> None:
    running = executor.begin(sh("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.01; done"))
    until(lambda: running.stdout.size() > 0)
    executor.stop(running, "cancel")
    result = finish(executor, running)
    assert (result.exit_code, result.stopped) == (9, "cancel")
    assert output(tmp_path, result) == b"up\nbye\n"


def test_a_grandchild_has_the_whole_grace_though_the_leader_is_gone(executor: LocalExecutor, tmp_path: Path) -> None:
    child = "trap 'sleep 0.1; echo saved; exit 0' TERM; echo up; while :; do sleep 0.01; done"
    running = executor.begin(attempt("sh", "-c", f'sh -c "{child}" & wait'))
    until(lambda: running.stdout.size() > 0)
    executor.stop(running, "cancel")
    result = finish(executor, running)
    assert output(tmp_path, result) == b"up\nsaved\n"
    assert result.killed == 0


def test_a_stopped_process_wakes_up_to_its_sigterm(executor: LocalExecutor) -> None:
    running = executor.begin(sh("kill -STOP $$; sleep 60"))
    until(lambda: Path(f"/proc/{running.pid}/stat").read_text().split()[2] == "T")
    executor.stop(running, "cancel")
    assert finish(executor, running).signal == signal.SIGTERM


def test_stopping_what_has_ended_changes_nothing(executor: LocalExecutor) -> None:
    running = executor.begin(sh("exit 0"))
    until(lambda: Path(f"/proc/{running.pid}/stat").read_text().split()[2] == "Z")
    executor.stop(running, "cancel")
    result = finish(executor, running)
    assert (result.exit_code, result.stopped) == (0, None)


def test_stopping_twice_keeps_the_first_reason(executor: LocalExecutor) -> None:
    running = executor.begin(sh("sleep 60"))
    executor.stop(running, "cancel")
    executor.stop(running, "timeout")
    assert finish(executor, running).stopped == "cancel"


def test_left_over_processes_are_killed_and_counted(executor: LocalExecutor) -> None:
    result = perform(executor, sh("sleep 60 & setsid sleep 60 & (setsid sleep 60 &) ; exit 0"))
    assert (result.exit_code, result.killed) == (0, 3)


def test_the_end_of_one_attempt_leaves_the_processes_of_another_alone(executor: LocalExecutor) -> None:
    other = executor.begin(
        sh("(setsid sleep 60 &); (env -u A setsid sleep 60 &); echo up; sleep 60", address="build.other")
    )
    until(lambda: other.stdout.size() > 0)
    assert perform(executor, sh("setsid sleep 60 & exit 0")).killed == 1
    assert perform(executor, sh("setsid sleep 60 & exit 0", address="build.other", number=2)).killed == 1
    assert len(children(os.getpid())) == 3
    executor.stop(other, "cancel")
    assert finish(executor, other).stopped == "cancel"


@pytest.mark.parametrize(
    ("sign", "runaway"),
    [
        ("session", "env -i sleep 60 </dev/null >/dev/null 2>&1"),
        ("environment", "setsid sleep 60 </dev/null >/dev/null 2>&1"),
        ("log", "env -i setsid sleep 60"),
    ],
)
def test_an_orphan_is_known_by_any_one_sign(executor: LocalExecutor, sign: str, runaway: str) -> None:
    # `exit` only after the runaway has become what it is: until then it has the signs of the shell
    script = f'{runaway} & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; exit 0'
    assert perform(executor, sh(script)).killed == 1, sign


CHAINS = {
    "one after another": """(setsid sh -c 'setsid sh -c "setsid sleep 60 & sleep 0" &' &)""",
    "in one session": """sh -c 'sh -c "sleep 60 & :" & :' & :""",
    "at once": """(setsid sleep 60 &); (setsid sleep 60 &); sh -c 'exec setsid sh -c "sleep 60 & setsid sleep 60"' &""",
}


@pytest.mark.parametrize("chain", CHAINS)
def test_what_forks_execs_and_exits_at_that_very_moment_is_found(executor: LocalExecutor, chain: str) -> None:
    for number in range(60):
        perform(executor, sh(CHAINS[chain], number=number))
        assert children(os.getpid()) == []


def test_the_family_includes_what_other_threads_started(executor: LocalExecutor) -> None:
    code = (
        "import subprocess, threading\n"
        "t = threading.Thread(target=lambda: subprocess.run(['sh', '-c', 'echo up; sleep 60; :']))\n"
        "t.start()\nt.join()"
    )
    running = executor.begin(attempt(sys.executable, "-c", code))
    until(lambda: running.stdout.size() > 0)
    until(lambda: len(family([running.pid])) == 3)
    executor.stop(running, "cancel")
    assert finish(executor, running).stopped == "cancel"


def test_another_attempts_exit_status_is_never_taken(executor: LocalExecutor) -> None:
    first = executor.begin(sh("exit 4", address="build.first"))
    second = executor.begin(sh("setsid sleep 60 & exit 5", address="build.second"))
    assert finish(executor, second).exit_code == 5
    assert executor.collect(first).exit_code == 4


def test_wait_names_each_attempt_once(executor: LocalExecutor) -> None:
    running = executor.begin(sh("true"))
    assert executor.wait(10) == [running]
    assert executor.wait(0) == []
    executor.collect(running)


def test_wait_comes_back_when_its_time_is_up(executor: LocalExecutor) -> None:
    running = executor.begin(sh("sleep 60"))
    assert executor.wait(0.01) == []
    executor.stop(running, "cancel")
    finish(executor, running)


def test_wait_comes_back_when_a_watched_descriptor_can_be_read(executor: LocalExecutor) -> None:
    read, write = os.pipe()
    executor.watch(read)
    os.write(write, b"x")
    assert executor.wait(None) == []
    os.close(read)
    os.close(write)


def test_many_attempts_at_once_each_end_as_they_should(executor: LocalExecutor, tmp_path: Path) -> None:
    # more children than fit one page of /proc/…/children
    begun = {executor.begin(sh(f"echo {n}; exit {n % 7}", address=f"build.n{n}")): n for n in range(900)}
    seen = 0
    while seen < len(begun):
        for running in executor.wait(10):
            result = executor.collect(running)
            assert result.exit_code == begun[running] % 7
            assert output(tmp_path, result) == b"%d\n" % begun[running]
            seen += 1


def test_kill_all_ends_everything_at_once(executor: LocalExecutor) -> None:
    running = executor.begin(sh("trap '' TERM; setsid env -i sleep 60 >/dev/null 2>&1 & echo up; sleep 60"))
    until(lambda: running.stdout.size() > 0)
    executor.kill_all()
    own = os.getpid()
    assert Path(f"/proc/{own}/task/{own}/children").read_text() == ""


def test_without_the_kernels_list_of_children_a_scan_gives_the_same(executor: LocalExecutor) -> None:
    running = executor.begin(sh("sleep 60 & echo up; wait"))
    until(lambda: running.stdout.size() > 0)
    assert children_by_scan(os.getpid()) == [running.pid]
    assert children_by_scan(running.pid) == children(running.pid)
    executor.stop(running, "cancel")
    finish(executor, running)


def test_a_process_is_known_by_its_start_time_whatever_its_name(executor: LocalExecutor, tmp_path: Path) -> None:
    odd = script(tmp_path / "a) R 1 (b", "#!/bin/sh\necho up; read x </dev/zero\n")
    running = executor.begin(attempt(str(odd)))
    until(lambda: running.stdout.size() > 0)
    started = start_time(running.pid)
    own = start_time(os.getpid())
    assert started is not None
    assert own is not None
    assert started >= own
    assert is_alive(boot_id(), running.pid, started)
    assert not is_alive(boot_id(), running.pid, started + 1)
    assert not is_alive("another boot", running.pid, started)
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: not is_alive(boot_id(), running.pid, started))
    executor.collect(running)
    assert start_time(running.pid) is None

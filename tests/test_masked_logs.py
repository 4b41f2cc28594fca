"""What a step with secrets writes reaches its logs masked, bounded and in time; nothing of it waits for ever."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_executor import attempt, finish, perform, until

from orch.local import linux
from orch.local.executor import LocalExecutor
from orch.model.attempt import Attempt, Result, StartError
from orch.model.masking import Mask, Secrets

VALUE = "hunter2-hunter2-hunter2"
SECRETS = Secrets({"TOKEN": VALUE}, Mask({"TOKEN": VALUE.encode()}))
CAP, HEAD = 4096 * 64, 4096


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[LocalExecutor]:
    linux.adopt_orphans()
    made = LocalExecutor(str(tmp_path), grace_seconds=0.2, log_cap_bytes=CAP, log_head_bytes=HEAD)
    yield made
    made.close()
    linux.adopt_orphans(False)


def masked(script: str, **fields: object) -> Attempt:
    return attempt("sh", "-c", script, secrets=SECRETS, **fields)


def python(code: str, **fields: object) -> Attempt:
    return attempt(sys.executable, "-c", code, secrets=SECRETS, **fields)


def written(tmp_path: Path, result: Result, stream: str = "stdout") -> bytes:
    log = getattr(result, stream)
    data = (tmp_path / log.path).read_bytes()
    assert (log.bytes, log.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return data


def test_a_step_gets_its_secrets_and_neither_of_its_streams_shows_them(executor: LocalExecutor, tmp_path: Path) -> None:
    result = perform(executor, masked('test ${#TOKEN} = 23; echo "<$TOKEN>"; echo "[$TOKEN]" >&2'))
    assert result.exit_code == 0
    assert written(tmp_path, result) == b"<***>\n"
    assert written(tmp_path, result, "stderr") == b"[***]\n"


def test_a_step_without_secrets_has_neither_pipe_nor_mask(executor: LocalExecutor, tmp_path: Path) -> None:
    running = executor.begin(attempt("sh", "-c", f"echo {VALUE} $TOKEN"))
    assert running.pipes == ()
    assert written(tmp_path, finish(executor, running)) == f"{VALUE}\n".encode()


def test_a_quiet_step_with_secrets_leaves_no_file(executor: LocalExecutor, tmp_path: Path) -> None:
    assert perform(executor, masked("true")) == Result(0, None, None, None, None, 0)
    assert os.listdir(tmp_path / "logs") == []


def test_a_secret_that_is_written_byte_by_byte_around_the_edge_of_a_block_is_masked(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    code = (
        "import os\n"
        "for gap in range(65536 - 30, 65536 + 5):\n"
        "    os.write(1, b'.' * gap)\n"
        "    for byte in os.environb[b'TOKEN']: os.write(1, bytes([byte]))\n"
        "    os.write(1, b'\\n')\n"
    )
    lines = written(tmp_path, perform(executor, python(code, address="a.b"))).split(b"\n")
    assert set(lines[-3:-1]) == {b"." * (65536 + 3) + b"***", b"." * (65536 + 4) + b"***"}
    assert VALUE.encode() not in b"\n".join(lines)


def test_nothing_raw_is_in_the_file_that_has_no_name_yet(executor: LocalExecutor) -> None:
    running = executor.begin(masked('printf "%s" "$TOKEN"; sleep 60'))
    until(lambda: executor.wait(0.005) == [] and running.stdout.size() > 0)
    assert os.pread(running.stdout.fd, 100, 0) == b"***"
    executor.stop(running, "cancel")
    finish(executor, running)


def test_what_could_begin_a_secret_is_kept_back_and_everything_before_it_can_be_read_at_once(
    executor: LocalExecutor,
) -> None:
    running = executor.begin(masked(f'echo started; printf "%s" {VALUE[:5]}; sleep 60'))
    until(lambda: executor.wait(0.005) == [] and running.stdout.size() > 0)
    assert os.pread(running.stdout.fd, 100, 0) == b"started\n"
    executor.stop(running, "cancel")
    result = finish(executor, running)
    assert result.stdout is not None
    assert result.stdout.bytes == len("started\n") + 5


def test_a_grandchild_that_holds_the_pipe_is_killed_and_holds_up_nothing(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    runaway = 'env -i setsid sleep 60 & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; echo "$TOKEN"; exit 0'
    result = perform(executor, masked(runaway))
    assert (result.exit_code, result.killed) == (0, 1)
    assert written(tmp_path, result) == b"***\n"


def test_a_process_that_cannot_be_found_keeps_the_pipe_and_still_nobody_waits_for_it(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    running = executor.begin(masked('echo "$TOKEN"'))
    held = os.open(f"/proc/self/fd/{running.pipes[0].fd}", os.O_WRONLY)  # like one that had got away
    result = finish(executor, running)
    assert written(tmp_path, result) == b"***\n"
    with pytest.raises(BrokenPipeError):
        os.write(held, b"more")
    os.close(held)


def test_a_step_that_never_stops_writing_is_stopped_at_its_time_limit(executor: LocalExecutor, tmp_path: Path) -> None:
    result = perform(executor, masked('trap "" PIPE; while :; do echo "$TOKEN"; done', timeout_seconds=0.3))
    assert result.stopped == "timeout"
    assert set(written(tmp_path, result).split(b"\n")) <= {b"***", b"", b"*", b"**"}


def test_a_log_over_its_cap_keeps_head_and_tail_of_what_was_masked(executor: LocalExecutor, tmp_path: Path) -> None:
    code = "import os\nfor n in range(40000): print('%07d' % n, os.environ['TOKEN'])"
    data = b"".join(b"%07d ***\n" % number for number in range(40000))
    result = perform(executor, python(code))
    assert result.stdout is not None
    assert result.stdout.truncated_bytes == len(data) - CAP
    assert written(tmp_path, result) == data[:HEAD] + data[len(data) - (CAP - HEAD) :]


def test_a_step_whose_log_cannot_be_written_ends_and_the_log_is_named(executor: LocalExecutor) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    running = executor.begin(masked("head -c 3000000 /dev/zero", address="big.one"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"logs/big\.one\.1\.out") as caught:
            finish(executor, running)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG


def test_what_was_written_before_the_engine_is_interrupted_stays_masked(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    executor.begin(masked('echo "<$TOKEN>"; touch written; sleep 60', cwd=str(tmp_path)))
    until((tmp_path / "written").exists)
    executor.kill_all()
    assert (tmp_path / "logs" / "build.test.1.out").read_bytes() == b"<***>\n"


def test_a_step_that_cannot_start_leaves_no_descriptor_open(executor: LocalExecutor, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(StartError, match="not on PATH"):
            executor.begin(attempt("no-such-program", secrets=SECRETS))
        with pytest.raises(StartError, match="env TOKEN is not set"):
            executor.begin(attempt("true", secrets=Secrets({}, Mask({}), "secret TOKEN: env TOKEN is not set")))
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # the two empty logs, kept for the next attempt
    assert os.listdir(tmp_path / "logs") == []


def test_an_attempt_shows_nothing_of_its_secrets() -> None:
    assert VALUE not in repr(masked("true"))

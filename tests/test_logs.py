"""Logs: raw, bounded while they are written, one file for a stream that has a byte, none for one that has not."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orch.local import linux
from orch.local.executor import LocalExecutor
from orch.local.logs import LogFiles, Stream
from orch.model.attempt import Attempt, Log, Result
from orch.store.logs import pieces

MIB = 1 << 20
CAP, HEAD = 4096 * 4, 4096
ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[LogFiles]:
    made = LogFiles(str(tmp_path), CAP, HEAD)
    yield made
    made.close()


@pytest.fixture
def unlinkable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogFiles]:
    """The logs of a system without unnamed files."""
    monkeypatch.delattr(os, "O_TMPFILE")
    made = LogFiles(str(tmp_path), CAP, HEAD)
    yield made
    made.close()


def one(files: LogFiles) -> Stream:
    stream, other = files.open_pair()
    files.keep(other, "never.err")
    return stream


def names(tmp_path: Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "logs"))


def numbered(size: int) -> bytes:
    """Bytes of which no two stretches are alike."""
    return b"".join(b"%015d\n" % number for number in range(size // 16 + 1))[:size]


def cut(data: bytes, cap: int = CAP, head: int = HEAD) -> bytes:
    return data if len(data) <= cap else data[:head] + data[len(data) - (cap - head) :]


def check(tmp_path: Path, log: Log | None, data: bytes) -> None:
    assert log is not None
    kept = (tmp_path / log.path).read_bytes()
    assert kept == cut(data)
    assert log == Log(log.path, hashlib.sha256(kept).hexdigest(), len(kept), len(data) - len(kept))


@pytest.mark.parametrize("size", [1, HEAD, CAP - 1, CAP, CAP + 1, CAP + 4097, 2 * CAP, 40 * CAP + 13])
def test_the_kept_file_is_head_and_tail_and_its_digest(logs: LogFiles, tmp_path: Path, size: int) -> None:
    stream, data = one(logs), numbered(size)
    os.write(stream.fd, data)
    check(tmp_path, logs.keep(stream, "a.1.out"), data)
    assert names(tmp_path) == ["a.1.out"]


def test_trimming_while_it_is_written_changes_nothing_of_the_result(logs: LogFiles, tmp_path: Path) -> None:
    stream, data = one(logs), numbered(50 * CAP)
    for start in range(0, len(data), 5000):
        os.write(stream.fd, data[start : start + 5000])
        logs.trim(stream)
        assert os.fstat(stream.fd).st_blocks * 512 <= CAP + 5000 + 2 * 4096
    check(tmp_path, logs.keep(stream, "a.1.out"), data)


def test_where_holes_cannot_be_punched_the_result_is_the_same(
    logs: LogFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "no holes")

    monkeypatch.setattr(linux, "punch_hole", refuse)
    stream, data = one(logs), numbered(20 * CAP)
    os.write(stream.fd, data)
    logs.trim(stream)
    check(tmp_path, logs.keep(stream, "a.1.out"), data)


def test_a_step_that_empties_its_own_log_leaves_what_it_wrote_after(logs: LogFiles, tmp_path: Path) -> None:
    stream = one(logs)
    os.write(stream.fd, numbered(3 * CAP))
    logs.trim(stream)
    os.ftruncate(stream.fd, 0)
    data = numbered(2 * CAP)[::-1]
    os.write(stream.fd, data[:100])
    logs.trim(stream)
    os.write(stream.fd, data[100:])
    logs.trim(stream)
    check(tmp_path, logs.keep(stream, "a.1.out"), data)


def test_no_cap_cuts_the_head_alone(tmp_path: Path) -> None:
    files = LogFiles(str(tmp_path), 100, 400)
    stream = one(files)
    os.write(stream.fd, numbered(1000))
    log = files.keep(stream, "a.1.out")
    files.close()
    assert log is not None
    assert (log.bytes, log.truncated_bytes) == (100, 900)
    assert (tmp_path / log.path).read_bytes() == numbered(100)


def test_an_empty_stream_is_used_again_and_a_written_one_never(logs: LogFiles) -> None:
    first = one(logs)
    assert logs.keep(first, "a.1.out") is None
    again = one(logs)
    assert again is first
    os.write(again.fd, b"x")
    inode = again.identity()
    logs.keep(again, "a.2.out")
    assert one(logs).identity() != inode


def test_the_log_of_a_lost_attempt_of_the_same_number_is_replaced(logs: LogFiles, tmp_path: Path) -> None:
    (tmp_path / "logs" / "a.1.out").write_bytes(b"lost")
    stream = one(logs)
    os.write(stream.fd, b"new")
    check(tmp_path, logs.keep(stream, "a.1.out"), b"new")


def test_without_unnamed_files_named_ones_do_the_same(unlinkable: LogFiles, tmp_path: Path) -> None:
    stream = one(unlinkable)
    os.write(stream.fd, numbered(3 * CAP))
    (tmp_path / "logs" / "a.1.out").write_bytes(b"lost")
    check(tmp_path, unlinkable.keep(stream, "a.1.out"), numbered(3 * CAP))
    assert [name for name in names(tmp_path) if not name.endswith(".tmp")] == ["a.1.out"]


def test_named_temporary_files_are_gone_in_the_end(unlinkable: LogFiles, tmp_path: Path) -> None:
    for stream in unlinkable.open_pair():
        unlinkable.keep(stream, "never.out")
    assert len(names(tmp_path)) == 2
    unlinkable.close()
    assert names(tmp_path) == []
    unlinkable.__init__(str(tmp_path), CAP, HEAD)  # type: ignore[misc]  # so that the fixture may close it again


def test_a_disk_that_refuses_names_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = LogFiles(str(tmp_path), CAP, HEAD)
    stream = one(files)
    os.write(stream.fd, b"x")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/proc/self/fd/9")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        with pytest.raises(OSError, match="No space left") as caught:
            files.keep(stream, "a.1.out")
    assert caught.value.filename == str(tmp_path / "logs" / "a.1.out")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(stream.fd)
    files.close()


def test_what_is_written_can_be_seen_while_it_is_and_an_empty_stream_cannot(logs: LogFiles, tmp_path: Path) -> None:
    stream, other = logs.open_pair()
    os.write(stream.fd, b"begun")
    assert (logs.tend(stream, "a.1.out"), logs.tend(other, "a.1.err")) == (5, 0)
    os.write(stream.fd, b" and done")
    assert (tmp_path / "logs" / "a.1.out").read_bytes() == b"begun and done"
    inode = stream.identity()
    check(tmp_path, logs.keep(stream, "a.1.out"), b"begun and done")
    assert (tmp_path / "logs" / "a.1.out").stat().st_ino == inode[1]
    assert logs.keep(other, "a.1.err") is None
    assert names(tmp_path) == ["a.1.out"]


def test_a_log_over_the_cap_that_was_seen_is_replaced_whole(logs: LogFiles, tmp_path: Path) -> None:
    stream, data = one(logs), numbered(9 * CAP)
    os.write(stream.fd, data)
    logs.tend(stream, "a.1.out")
    with open(tmp_path / "logs" / "a.1.out", "rb") as seen:
        check(tmp_path, logs.keep(stream, "a.1.out"), data)
        assert seen.seek(0, os.SEEK_END) == len(data)
    assert names(tmp_path) == ["a.1.out"]


def test_a_log_that_was_seen_and_emptied_by_its_step_is_gone(logs: LogFiles, tmp_path: Path) -> None:
    stream = one(logs)
    os.write(stream.fd, b"x")
    logs.tend(stream, "a.1.out")
    os.ftruncate(stream.fd, 0)
    assert logs.keep(stream, "a.1.out") is None
    assert names(tmp_path) == []
    again = one(logs)
    os.write(again.fd, b"y")
    check(tmp_path, logs.keep(again, "a.2.out"), b"y")


def test_without_unnamed_files_what_is_written_is_seen_all_the_same(unlinkable: LogFiles, tmp_path: Path) -> None:
    stream = one(unlinkable)
    os.write(stream.fd, b"x")
    unlinkable.tend(stream, "a.1.out")
    assert (tmp_path / "logs" / "a.1.out").read_bytes() == b"x"
    check(tmp_path, unlinkable.keep(stream, "a.1.out"), b"x")


def told(path: Path, position: int, left_out: int) -> list[bytes | int]:
    """The pieces of a log, with bytes that lie side by side in one."""
    fd = os.open(path, os.O_RDONLY)
    found: list[bytes | int] = []
    for piece in pieces(fd, position, left_out, head=HEAD, cap=CAP):
        if found and isinstance(piece, bytes) and isinstance(last := found[-1], bytes):
            found[-1] = last + piece
        else:
            found.append(piece)
    os.close(fd)
    return found


def test_a_cut_log_is_read_with_the_gap_in_its_place_from_any_position(logs: LogFiles, tmp_path: Path) -> None:
    stream, data = one(logs), numbered(5 * CAP + 77)
    os.write(stream.fd, data)
    log = logs.keep(stream, "a.1.out")
    assert log is not None
    path, gap, tail = tmp_path / log.path, log.truncated_bytes, data[-(CAP - HEAD) :]
    assert told(path, 0, gap) == [data[:HEAD], gap, tail]
    assert told(path, 100, gap) == [data[100:HEAD], gap, tail]
    assert told(path, HEAD + 10, gap) == [gap - 10, tail]
    assert told(path, len(data) - 5, gap) == [data[-5:]]
    assert told(path, len(data), gap) == []


def test_the_middle_that_a_running_or_interrupted_log_lacks_is_told_without_a_record(
    logs: LogFiles, tmp_path: Path
) -> None:
    stream, data = one(logs), numbered(9 * CAP + 77)
    os.write(stream.fd, data)
    logs.tend(stream, "a.1.out")
    head, gap, tail = told(tmp_path / "logs" / "a.1.out", 0, 0)
    if isinstance(gap, bytes):
        pytest.skip("no holes on this file system")
    assert isinstance(tail, bytes)
    assert head == data[:HEAD]
    assert tail == data[-len(tail) :]
    assert HEAD + gap + len(tail) == len(data)
    assert CAP - HEAD <= len(tail) <= CAP
    logs.keep(stream, "a.1.out")


@pytest.fixture
def execute(tmp_path: Path) -> Iterator[Callable[..., tuple[Result, int]]]:
    linux.adopt_orphans()
    made: list[LocalExecutor] = []

    def perform(script: str, look: Callable[[int], int] = lambda fd: 0, **caps: int) -> tuple[Result, int]:
        """The result, and the most that `look` saw on the descriptor of stdout while it ran."""
        executor = LocalExecutor(str(tmp_path), **caps)
        made.append(executor)
        running = executor.begin(Attempt("a.b", len(made), ("sh", "-c", script), ENV, "/", 60, f"a.b.{len(made)}"))
        most = 0
        while not executor.wait(0.01):
            most = max(most, look(running.stdout.fd))
        return executor.collect(running), most

    yield perform
    for executor in made:
        executor.close()
    linux.adopt_orphans(False)


def test_each_stream_has_its_own_log_only_if_it_was_written(
    execute: Callable[..., tuple[Result, int]], tmp_path: Path
) -> None:
    both, _ = execute("echo out; echo err >&2")
    assert both.stdout is not None
    assert both.stderr is not None
    assert (both.stdout.path, both.stderr.path) == ("logs/a.b.1.out", "logs/a.b.1.err")
    assert (tmp_path / both.stderr.path).read_bytes() == b"err\n"
    one_only, _ = execute("echo err >&2")
    assert one_only.stdout is None
    assert names(tmp_path) == ["a.b.1.err", "a.b.1.out", "a.b.2.err"]


@pytest.mark.timeout(60)
def test_the_output_of_an_attempt_is_seen_while_it_runs_and_stays_when_it_is_not_collected(tmp_path: Path) -> None:
    linux.adopt_orphans()
    executor = LocalExecutor(str(tmp_path))
    try:
        os.mkfifo(tmp_path / "go")
        script = f"echo begun; read -r word < {tmp_path}/go"
        executor.begin(Attempt("a.b", 1, ("sh", "-c", script), ENV, "/", 60, "a.b.1"))
        executor.begin(Attempt("a.c", 1, ("sh", "-c", f"read -r word < {tmp_path}/go"), ENV, "/", 60, "a.c.1"))
        while not names(tmp_path):
            assert executor.wait(0.01) == []
        assert (tmp_path / "logs" / "a.b.1.out").read_bytes() == b"begun\n"
        executor.begin(
            Attempt("a.d", 1, ("sh", "-c", "echo late; echo > late; sleep 60"), ENV, str(tmp_path), 60, "a.d.1")
        )
        while not (tmp_path / "late").exists():
            pass
    finally:
        executor.close()
        linux.adopt_orphans(False)
    assert names(tmp_path) == ["a.b.1.out", "a.d.1.out"]


def test_bytes_are_kept_raw(execute: Callable[..., tuple[Result, int]], tmp_path: Path) -> None:
    result, _ = execute(r"printf 'a\0b\377\376\r\033[31mc'")
    assert result.stdout is not None
    assert (tmp_path / result.stdout.path).read_bytes() == b"a\0b\xff\xfe\r\x1b[31mc"


def test_many_writers_to_one_stream_lose_no_line(execute: Callable[..., tuple[Result, int]], tmp_path: Path) -> None:
    # echo of a shell writes a line at once; what buffers, like seq, cuts its lines anywhere
    count = "while [ $n -le 8000 ]; do echo $n; n=$((n + 4)); done"
    result, _ = execute(f"for n in 1 2 3 4; do ({count}) & done; wait")
    assert result.stdout is not None
    lines = (tmp_path / result.stdout.path).read_bytes().split()
    assert sorted(map(int, lines)) == list(range(1, 8001))


def test_a_flood_keeps_disk_and_memory_bounded(execute: Callable[..., tuple[Result, int]], tmp_path: Path) -> None:
    total = int(os.environ.get("ORCH_TEST_FLOOD_MIB", "200")) * MIB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result, _ = execute(f"yes 0123456789abcde | head -c {total}", log_cap_bytes=MIB, log_head_bytes=MIB // 4)
    assert result.exit_code == 0
    assert result.stdout is not None
    assert (result.stdout.bytes, result.stdout.truncated_bytes) == (MIB, total - MIB)
    kept = (tmp_path / result.stdout.path).read_bytes()
    assert kept == b"0123456789abcde\n" * (MIB // 16)
    assert (tmp_path / result.stdout.path).stat().st_blocks * 512 <= MIB + 8192
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
    assert result.killed == 0


@pytest.mark.timeout(60)
def test_what_is_over_the_cap_is_given_back_while_it_is_written(
    execute: Callable[..., tuple[Result, int]], tmp_path: Path
) -> None:
    pieces, given = 16, 0
    os.mkfifo(tmp_path / "go")
    go = os.open(tmp_path / "go", os.O_RDWR)

    def look(fd: int) -> int:
        """Lets the step write the next piece when the one before has been given back."""
        nonlocal given
        status = os.fstat(fd)
        if status.st_size == given * MIB and status.st_blocks * 512 <= MIB + 8192:
            given += 1
            os.write(go, b"next\n" if given <= pieces else b"end\n")
        return status.st_blocks * 512

    script = f"while read -r word; do test $word = next || break; head -c {MIB} /dev/zero; done < {tmp_path}/go"
    result, most = execute(script, look=look, log_cap_bytes=MIB, log_head_bytes=MIB // 4)
    os.close(go)
    assert result.stdout is not None
    assert (result.stdout.bytes, result.stdout.truncated_bytes) == (MIB, (pieces - 1) * MIB)
    assert most <= 2 * MIB + 8192

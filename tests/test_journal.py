"""The journal: an append-only chain that survives its owner, and that nobody changes unseen."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orch.model.codec import digest
from orch.model.events import Closed, Event, Finished, Opened, Skipped, Started
from orch.problems.problem import Exit, OrchError
from orch.store.journal import FileJournal, Tail, read
from orch.store.records import Chain

PLAN = "ab" * 32
EVENTS: list[Event] = [
    Opened(1000, 1, {"run_id": "r"}, PLAN, "none", {"orch": "0.1.0"}),
    Started(2000, "build.compile", 1),
    Finished(3000, "build.compile", 1, True, "succeeded", "ok", exit_code=0, artifacts=({"name": "a"},)),
    Skipped(4000, "build.ä", "if-false"),
    Closed(5000, "succeeded", "ok", {"x": {"value": [1, None]}}, "1 succeeded"),
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal.ndjson")


@pytest.fixture
def whole(path: str) -> str:
    journal = FileJournal.create(path, PLAN)
    journal.append(EVENTS[:2])
    journal.append(EVENTS[2:])
    journal.sync()
    journal.close()
    return path


def reopened(path: str) -> tuple[list[Event], int]:
    journal, events, torn = FileJournal.open(path, PLAN, durability="full")
    journal.close()
    return events, torn


def lines(path: str) -> list[bytes]:
    return Path(path).read_bytes().splitlines(keepends=True)


def refused(path: str) -> OrchError:
    with pytest.raises(OrchError) as caught:
        FileJournal.open(path, PLAN, durability="none")
    return caught.value


def test_what_was_written_is_read_back(whole: str) -> None:
    found = read(whole, PLAN)
    assert found.events == EVENTS
    assert (found.torn_bytes, found.lines) == (0, 5)
    assert found.head == digest(lines(whole)[-1])
    assert reopened(whole) == (EVENTS, 0)


def test_a_run_without_a_record_has_an_empty_journal(path: str) -> None:
    assert read(path, PLAN) == ([], PLAN, 0, 0)
    assert Tail(path, PLAN).poll() == []
    assert reopened(path) == ([], 0)


def test_the_chain_goes_on_after_reopening(path: str) -> None:
    for event in EVENTS:
        journal, _, _ = FileJournal.open(path, PLAN, durability="none")
        journal.append([event])
        journal.close()
    assert read(path, PLAN).events == EVENTS


def test_a_journal_is_created_once(whole: str) -> None:
    with pytest.raises(FileExistsError):
        FileJournal.create(whole, PLAN)


def test_a_tail_cut_at_any_byte_is_cut_off_and_the_chain_goes_on(whole: str) -> None:
    data = Path(whole).read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == 10]
    for cut in range(len(data)):
        Path(whole).write_bytes(data[:cut])
        kept = sum(end <= cut for end in ends)
        torn = cut - max([end for end in ends if end <= cut], default=0)
        observed = read(whole, PLAN)
        assert (len(observed.events), observed.torn_bytes) == (kept, torn)
        assert Path(whole).stat().st_size == cut, "an observer writes nothing"
        assert [(len(events), found) for events, found in (reopened(whole), reopened(whole))] == [
            (kept, torn),
            (kept, 0),
        ]
        journal, _, _ = FileJournal.open(whole, PLAN, durability="none")
        journal.append(EVENTS[-1:])
        journal.close()
        assert len(read(whole, PLAN).events) == kept + 1


@pytest.mark.parametrize("line", range(5))
def test_a_changed_byte_in_any_line_but_the_last_stops_the_run(whole: str, line: int) -> None:
    good = lines(whole)
    for at in range(0, len(good[line]) - 1, 7):
        bad = bytearray(good[line])
        bad[at] ^= 1
        if bad[at] == 10:
            continue
        Path(whole).write_bytes(b"".join([*good[:line], bytes(bad), *good[line + 1 :]]))
        if line < 4:
            error = refused(whole)
            assert error.exit in (Exit.CORRUPT, Exit.CONFLICT)
            assert f":{line + 1}:" in error.problems[0].message or f":{line + 2}:" in error.problems[0].message


def test_dropped_swapped_and_doubled_lines_stop_the_run(whole: str) -> None:
    a, b, c, d, e = lines(whole)
    for wrong in ([b, c, d, e], [a, c, d, e], [a, c, b, d, e], [a, b, b, c, d, e], [a, b"\n", b, c, d, e]):
        Path(whole).write_bytes(b"".join(wrong))
        assert refused(whole).exit == Exit.CORRUPT
    Path(whole).write_bytes(b"".join([a, b, c, d, e]))
    assert reopened(whole)[0] == EVENTS


def test_another_plan_is_not_the_journals_plan(whole: str) -> None:
    with pytest.raises(OrchError) as caught:
        read(whole, "cd" * 32)
    assert caught.value.problems[0].code == "O602"
    assert ":1:" in caught.value.problems[0].message


def chained(*bodies: str) -> bytes:
    """Lines whose chain is right, whatever they say."""
    data, head = b"", PLAN
    for seq, body in enumerate(bodies, 1):
        line = f'{{"seq":{seq},"prev":"{head}","at":"2026-11-22T19:05:12.345Z",{body}}}'.encode()
        data, head = data + line + b"\n", digest(line)
    return data


@pytest.mark.parametrize(
    "body",
    [
        '"type":"skipped","address":"a"',
        '"type":"skipped","address":1,"reason":"x"',
        '"type":"skipped","address":"a","reason":"x","more":1',
        '"type":"started","address":"a","attempt":true',
        '"type":"started","address":"a","attempt":1,"command":"ls"',
        '"type":"finished","address":"a","attempt":1,"final":true,"status":"good","reason":"ok"',
        '"type":["skipped"],"address":"a","reason":"x"',
        '"type":"skipped","address":' + "[" * 100_000,
    ],
)
def test_a_record_of_the_wrong_shape_stops_the_run(path: str, body: str) -> None:
    Path(path).write_bytes(chained(body))
    assert refused(path).exit == Exit.CORRUPT


def test_an_unknown_record_type_refuses_with_the_version_as_the_reason(path: str) -> None:
    Path(path).write_bytes(chained('"type":"skipped","address":"a","reason":"x"', '"type":"promoted","address":"a"'))
    error = refused(path)
    assert (error.exit, error.problems[0].code) == (Exit.CONFLICT, "O603")
    assert "promoted" in error.problems[0].message


def test_a_follower_gets_each_event_once_and_never_half_a_line(whole: str) -> None:
    data = Path(whole).read_bytes()
    Path(whole).write_bytes(b"")
    tail, found = Tail(whole, PLAN), []
    for size in range(0, len(data) + 1, 13):
        with open(whole, "ab") as file:
            file.write(data[Path(whole).stat().st_size : size])
        found += tail.poll()
    with open(whole, "ab") as file:
        file.write(data[Path(whole).stat().st_size :])
    assert found + tail.poll() == EVENTS
    assert tail.poll() == []


class Disk:
    """Writes and syncs as told: `takes` is how much of a write it takes, `error` what it answers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.takes: int | None = None
        self.error: int | None = None

    def write(self, fd: int, data: bytes) -> int:
        self._call("write")
        return os.write(fd, data if self.takes is None else data[: self.takes])

    def sync(self, fd: int) -> None:
        self._call("sync")

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))

    def journal(self, path: str, *, durable: bool = True) -> FileJournal:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        return FileJournal(path, fd, Chain(PLAN), durable, write=self.write, sync=self.sync)


def test_an_append_is_one_write_and_a_turn_is_one_sync(path: str) -> None:
    disk = Disk()
    journal = disk.journal(path)
    journal.append(EVENTS)
    journal.sync()
    journal.sync()
    journal.close()
    assert disk.calls == ["write", "sync"]


def test_without_durability_nothing_is_synced(path: str) -> None:
    disk = Disk()
    journal = disk.journal(path, durable=False)
    journal.append(EVENTS)
    journal.sync()
    journal.close()
    assert disk.calls == ["write"]


def poisoned(journal: FileJournal, match: str) -> None:
    for again in (lambda: journal.append(EVENTS[1:2]), journal.sync):
        with pytest.raises(OSError, match=match):
            again()
    journal.close()


def test_after_a_full_disk_nothing_more_is_written(path: str) -> None:
    disk = Disk()
    journal = disk.journal(path)
    journal.append(EVENTS[:1])
    disk.error = errno.ENOSPC
    with pytest.raises(OSError, match="No space left") as caught:
        journal.append(EVENTS[1:2])
    assert caught.value.filename == path
    disk.error = None
    poisoned(journal, "No space left")
    assert reopened(path) == (EVENTS[:1], 0)


def test_a_short_write_poisons_and_the_next_owner_cuts_it_off(path: str) -> None:
    disk = Disk()
    journal = disk.journal(path)
    disk.takes = 300
    with pytest.raises(OSError, match="only 300"):
        journal.append(EVENTS[:2])
    disk.takes = None
    poisoned(journal, "only 300")
    events, torn = reopened(path)
    assert events == EVENTS[:1]
    assert torn > 0
    assert reopened(path) == (EVENTS[:1], 0)


def test_a_failed_sync_poisons_even_if_the_next_would_succeed(path: str) -> None:
    disk = Disk()
    journal = disk.journal(path)
    journal.append(EVENTS[:1])
    disk.error = errno.EIO
    with pytest.raises(OSError, match="Input/output") as caught:
        journal.sync()
    assert caught.value.filename == path
    disk.error = None
    poisoned(journal, "Input/output")


def test_a_real_size_limit_ends_in_an_error_and_a_journal_that_can_be_taken_up(path: str) -> None:
    program = (
        "import resource, signal, sys\n"
        "from orch.store.journal import FileJournal\n"
        "from orch.model.events import Skipped\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"journal = FileJournal.create(sys.argv[1], {PLAN!r})\n"
        "for number in range(100):\n"
        "    journal.append([Skipped(number, 'build.a', 'if-false')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "OSError" in ended.stderr
    assert Path(path).stat().st_size == 1000
    events, torn = reopened(path)
    assert len(events) >= 3
    assert torn > 0
    assert reopened(path) == (events, 0)


def test_an_owner_killed_while_it_writes_loses_nothing_that_it_showed(path: str) -> None:
    program = (
        "import sys\n"
        "from orch.store.journal import FileJournal\n"
        "from orch.model.events import Skipped\n"
        f"journal = FileJournal.create(sys.argv[1], {PLAN!r}, durability='none')\n"
        "number = 0\n"
        "while True:\n"
        "    number += 1\n"
        "    journal.append([Skipped(number, 'build.a', 'if-false')] * 3)\n"
        "    print(number * 3, flush=True)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    for _ in range(200):
        shown = int(owner.stdout.readline())
    assert len(read(path, PLAN).events) >= shown, "an observer may read while the owner writes"
    owner.send_signal(signal.SIGKILL)
    rest = owner.stdout.read().split("\n")
    owner.stdout.close()
    owner.wait()
    shown = int(rest[-2]) if len(rest) > 1 else shown
    events, _ = reopened(path)
    assert len(events) >= shown
    assert reopened(path) == (events, 0)


def test_a_symbolic_link_is_not_followed(whole: str, tmp_path: Path) -> None:
    link = str(tmp_path / "link")
    os.symlink(whole, link)
    for opening in (lambda: FileJournal.open(link, PLAN, durability="none"), lambda: read(link, PLAN)):
        with pytest.raises(OSError, match="symbolic links"):
            opening()

"""One owner a run: the lock dies with its process, and those who find it taken learn whose it is."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from orch.problems.problem import Exit, OrchError
from orch.store.beat import Beat, Pulse, beat_bytes, read_beat
from orch.store.lock import Lock, is_held
from orch.store.owner import Owner, read_owner, write_owner
from orch.store.requests import Inbox, ask
from orch.store.rundir import RunDir

HOLD = (
    "import os, sys\n"
    "from orch.store.lock import Lock\n"
    "from orch.store.rundir import RunDir\n"
    "lock = Lock.acquire(RunDir(sys.argv[1], '-', 'r'))\n"
    "os.write(1, b'held\\n')\n"
    "sys.stdin.read()\n"
)
OWNER = Owner("r", 3, 4711, 99, "boot", "build-host")
NOW = 1_795_374_312_345


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(str(tmp_path), "-", "r")


def holder(run: RunDir) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_run_that_nobody_owned_is_free_and_asking_leaves_nothing(run: RunDir) -> None:
    assert not is_held(run)
    assert os.listdir(run.path) == []


def test_the_lock_dies_with_its_process(run: RunDir) -> None:
    process = holder(run)
    assert is_held(run)
    end(process)
    assert not is_held(run)
    Lock.acquire(run).release()


def test_a_second_owner_is_refused_and_told_who_owns_the_run_and_how_to_watch_it(run: RunDir) -> None:
    process = holder(run)
    write_owner(run, OWNER)
    with pytest.raises(OrchError) as caught:
        Lock.acquire(run)
    end(process)
    problem = caught.value.problems[0]
    assert (caught.value.exit, problem.code) == (Exit.CONFLICT, "O601")
    assert "4711 on build-host (epoch 3)" in problem.message
    assert problem.hint == "orch poll r --watch"


def test_within_one_process_the_lock_is_taken_once_too(run: RunDir) -> None:
    lock = Lock.acquire(run)
    with pytest.raises(OrchError, match="another process"):
        Lock.acquire(run)
    assert is_held(run), "a refused attempt, closing its descriptor, takes nothing away"
    lock.release()
    lock.release()
    assert not is_held(run)


def test_asking_takes_nothing(run: RunDir) -> None:
    Lock.acquire(run).release()
    for _ in range(3):
        assert not is_held(run)
    lock = Lock.acquire(run)
    assert is_held(run)
    lock.release()


def test_a_forked_child_does_not_keep_the_lock(run: RunDir) -> None:
    program = HOLD.replace(
        "os.write",  # one write each: print may take two, and both processes say something
        "import signal\nif os.fork() == 0:\n    os.write(1, b'%d\\n' % os.getpid())\n    signal.pause()\nos.write",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = {process.stdout.readline().strip(), process.stdout.readline().strip()}
    child = int((said - {"held"}).pop())
    assert is_held(run), "the child that closed its copy has not freed the parent's"
    process.kill()
    process.wait()
    assert not is_held(run)
    os.kill(child, signal.SIGKILL)
    process.communicate()


def test_a_started_command_does_not_keep_the_lock(run: RunDir) -> None:
    program = HOLD.replace(
        "os.write",
        "import subprocess\nos.write(1, b'%d\\n' % subprocess.Popen(['sleep', '60'], close_fds=False).pid)\nos.write",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.wait()
    assert not is_held(run)
    os.kill(child, signal.SIGKILL)
    process.communicate()


def test_of_many_claimants_one_gets_the_run(run: RunDir) -> None:
    gate, won = threading.Barrier(8), []

    def claim() -> None:
        gate.wait()
        try:
            won.append(Lock.acquire(run))
        except OrchError:
            return

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    won[0].release()


def test_a_planted_link_at_the_lock_is_refused_and_its_target_untouched(run: RunDir, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "lock").symlink_to(victim)
    for taking in (Lock.acquire, is_held):
        with pytest.raises(OSError, match="symbolic links"):
            taking(run)
    assert victim.read_text() == "kept"


def test_the_lock_file_is_private_and_not_inherited(run: RunDir) -> None:
    lock = Lock.acquire(run)
    assert (Path(run.path) / "lock").stat().st_mode & 0o777 == 0o600
    assert fcntl.fcntl(lock._fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    lock.release()


def test_who_owns_a_run_is_read_back_or_not_known(run: RunDir) -> None:
    assert read_owner(run) is None
    write_owner(run, OWNER)
    assert read_owner(run) == OWNER
    for bad in ("", "{}", "[]", '{"run_id": 1, "epoch": 3}', "[" * 100_000):
        (Path(run.path) / "owner.json").write_text(bad)
        assert read_owner(run) is None


def test_the_beat_moves_in_place_and_is_read_back(run: RunDir) -> None:
    beat = Beat(run, now_ms=lambda: NOW, steady=lambda: 7.5, turn=lambda: 17)
    beat.once()
    first = (Path(run.path) / "beat").stat()
    beat.once()
    assert read_beat(run) == Pulse(2, 17, NOW, 7500, 7500)
    after = (Path(run.path) / "beat").stat()
    assert (first.st_ino, first.st_size) == (after.st_ino, after.st_size)
    beat.stop()


def test_the_beat_is_moved_by_a_thread(run: RunDir) -> None:
    seen = threading.Event()
    turns = iter(range(10_000))

    def turn() -> int:
        number = next(turns)
        if number == 3:
            seen.set()
        return number

    beat = Beat(run, now_ms=lambda: NOW, steady=lambda: 0.0, turn=turn, interval_seconds=0.001)
    beat.start()
    assert seen.wait(10)
    beat.stop()
    pulse = read_beat(run)
    assert pulse is not None
    assert pulse.beats >= 4


def test_a_damaged_beat_is_no_beat(run: RunDir) -> None:
    assert read_beat(run) is None
    good = beat_bytes(Pulse(1, 2, NOW, 3, 4))
    for at in range(len(good)):
        (Path(run.path) / "beat").write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert read_beat(run) is None


def test_requests_arrive_once_and_again_after_a_restart(run: RunDir) -> None:
    inbox = Inbox(run)
    assert (inbox.changed(), inbox.drain()) == (False, ())
    first = ask(run, "cancel", "mlee", {}, now_ms=NOW, random=os.urandom)
    second = ask(run, "settle", "mlee", {"address": "a.b", "how": "done"}, now_ms=NOW, random=os.urandom)
    assert inbox.changed()
    got = inbox.drain()
    assert [(r.id, r.verb, r.actor, r.detail) for r in got] == [
        (first, "cancel", "mlee", {}),
        (second, "settle", "mlee", {"address": "a.b", "how": "done"}),
    ]
    assert (inbox.changed(), inbox.drain()) == (False, ())
    assert Inbox(run).drain() == got
    assert first != ask(run, "cancel", "mlee", {}, now_ms=NOW, random=os.urandom)


def test_half_a_request_waits_for_its_end(run: RunDir, tmp_path: Path) -> None:
    ask(run, "cancel", "mlee", {}, now_ms=NOW, random=os.urandom)
    path = tmp_path / "requests.ndjson"
    line = path.read_bytes()
    path.write_bytes(line[:20])
    inbox = Inbox(run)
    assert inbox.drain() == []
    path.write_bytes(line)
    assert [request.verb for request in inbox.drain()] == ["cancel"]


def test_torn_changed_and_foreign_lines_are_passed_over_and_spoil_no_other(run: RunDir, tmp_path: Path) -> None:
    path = tmp_path / "requests.ndjson"
    ask(run, "cancel", "mlee", {}, now_ms=NOW, random=os.urandom)
    changed = path.read_bytes().replace(b"mlee", b"evil")
    path.write_bytes(changed + b"not json\n[]\n{}\n" + changed[:30])
    ask(run, "cancel", "anna", {}, now_ms=NOW, random=os.urandom)
    inbox = Inbox(run)
    assert [request.actor for request in inbox.drain()] == ["anna"]


def test_a_request_over_four_kibibytes_is_refused(run: RunDir) -> None:
    with pytest.raises(ValueError, match="the limit is 4096"):
        ask(run, "cancel", "m" * 5000, {}, now_ms=NOW, random=os.urandom)
    assert Inbox(run).drain() == ()


def test_requests_of_many_at_once_are_all_whole(run: RunDir, tmp_path: Path) -> None:
    def many() -> None:
        for _ in range(50):
            ask(run, "cancel", "m" * 500, {}, now_ms=NOW, random=os.urandom)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({request.id for request in Inbox(run).drain()}) == 200
    assert len((tmp_path / "requests.ndjson").read_bytes().splitlines()) == 200

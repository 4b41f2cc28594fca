"""The run directory: a claim that two cannot win, files that are whole, runs that are found again."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from plans import plan_doc

from orch.model.codec import encode
from orch.model.events import Closed
from orch.model.plan import Plan, seal
from orch.problems.problem import Exit, OrchError
from orch.store import plan_cache, rundir
from orch.store.atomic import write_file
from orch.store.cas import Cas, NotKeepable
from orch.store.glance import glance
from orch.store.rundir import RunDir

NOW = 1_795_374_312_345
PLAN = seal(plan_doc({"build": {"nodes": {"a": {}}}}))


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / ".runs")


def create(
    root: str, *, at: int = NOW, random: Callable[[int], bytes] = os.urandom, plan: Plan = PLAN, **fields: object
) -> RunDir:
    blobs: dict[str, bytes] = fields.get("blobs", {})  # type: ignore[assignment]  # the fields of a case, by name
    return rundir.create(
        root, str(fields.get("task", "-")), plan, durability="full", now_ms=at, random=random, blobs=blobs
    )


def close(run: RunDir, status: str) -> None:
    Path(run.journal).write_bytes(encode(Closed(NOW, status, status, {}, ""), 1, PLAN.digest))


def runs(root: str) -> list[RunDir]:
    """Oldest first."""
    return list(rundir.newest(root))[::-1]


def code(caught: pytest.ExceptionInfo[OrchError]) -> tuple[str, int]:
    return caught.value.problems[0].code, caught.value.exit


def test_a_new_run_holds_its_plan_and_a_token_and_nothing_that_is_not_needed_yet(root: str) -> None:
    run = create(root)
    assert run.path == f"{root}/-/cli/{run.run_id}"
    assert sorted(os.listdir(run.path)) == ["plan.json", "resume-token"]
    assert Path(run.plan).read_bytes() == PLAN.data
    assert rundir.load_plan(run).digest == PLAN.digest
    assert os.stat(run.path).st_mode & 0o777 == 0o700
    assert os.stat(f"{run.path}/resume-token").st_mode & 0o777 == 0o600
    assert Path(root, ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("task", ["", "..", "a/b", "../../out", "-x", ".hidden", "x" * 65, "a\n", "é"])
def test_a_task_that_is_no_safe_name_of_a_folder_is_refused(root: str, task: str) -> None:
    with pytest.raises(OrchError) as caught:
        create(root, task=task)
    assert code(caught) == ("O289", Exit.INVALID)
    assert not os.path.exists(root)


def test_the_token_has_256_bits_and_only_its_digest_is_told(root: str) -> None:
    run = create(root)
    token = Path(run.path, "resume-token").read_text().strip()
    assert len(bytes.fromhex(token)) == 32
    assert rundir.token_digest(run) == hashlib.sha256(token.encode()).hexdigest()
    assert token not in {Path(create(root).path, "resume-token").read_text().strip()}


def test_an_id_says_when_the_run_began_and_sorts_by_it_to_the_millisecond(root: str) -> None:
    ids = [create(root, at=NOW + step).run_id for step in (0, 1, 2, 999, 61_000)]
    assert ids[0].startswith("20261122T190512Z-")
    assert ids == sorted(ids)
    assert all(rundir.RUN_ID.fullmatch(one) for one in ids)


def test_a_taken_id_leads_to_another(root: str) -> None:
    draws = itertools.chain([b"\0\0", b"x" * 32, b"\0\0", b"\0\1", b"y" * 32])
    first = create(root, random=lambda size: next(draws))
    second = create(root, random=lambda size: next(draws))
    assert first.run_id != second.run_id
    assert runs(root) == [first, second]


def test_claims_that_race_for_one_id_all_get_a_run_of_their_own(root: str) -> None:
    gate, made = threading.Barrier(8), []

    def claim() -> None:
        draws = itertools.count()
        gate.wait()
        made.append(create(root, random=lambda size: next(draws).to_bytes(size, "big")))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.run_id for run in made}) == 8
    assert runs(root) == sorted(made, key=lambda run: run.run_id)


def test_two_processes_that_race_get_two_runs(root: str) -> None:
    program = (
        "import sys\n"
        "from plans import plan_doc\n"
        "from orch.model.plan import seal\n"
        "from orch.store import rundir\n"
        "plan = seal(plan_doc({'build': {'nodes': {'a': {}}}}))\n"
        "sys.stdin.read()\n"
        "count = iter(range(100))\n"
        "run = rundir.create(sys.argv[1], '-', plan, durability='none', now_ms=1795374312345,\n"
        "                    random=lambda size: next(count).to_bytes(size, 'big'), blobs={})\n"
        "print(run.run_id)\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}:{os.path.dirname(__file__)}"}
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", program, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        for _ in range(2)
    ]
    for process in pair:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    assert len({process.communicate()[0] for process in pair}) == 2
    assert len(runs(root)) == 2


def test_a_directory_without_a_plan_was_never_a_run(root: str) -> None:
    run = create(root)
    os.unlink(run.plan)
    assert runs(root) == []


def test_a_run_is_found_by_id_and_by_a_unique_prefix(root: str) -> None:
    old, new = create(root, at=NOW - 86_400_000), create(root, task="0001")
    assert new.artifact_root == f".runs/0001/cli/{new.run_id}"
    assert rundir.find(root, new.run_id) == new
    assert rundir.find(root, new.run_id[:8]) == new
    assert rundir.find(root, old.run_id[:12]) == old


def test_a_prefix_of_several_names_the_candidates(root: str) -> None:
    runs = [create(root, at=NOW + step) for step in range(2)]
    with pytest.raises(OrchError) as caught:
        rundir.find(root, "2026")
    assert code(caught) == ("O605", Exit.USAGE)
    assert all(run.run_id in str(caught.value.problems[0].hint) for run in runs)


def test_a_prefix_of_three_characters_is_too_short(root: str) -> None:
    create(root)
    with pytest.raises(OrchError) as caught:
        rundir.find(root, "202")
    assert "at least 4" in str(caught.value.problems[0].hint)


def test_a_misspelled_id_leads_to_the_closest(root: str) -> None:
    run = create(root)
    with pytest.raises(OrchError) as caught:
        rundir.find(root, "x" + run.run_id[1:])
    assert code(caught) == ("O604", Exit.USAGE)
    assert run.run_id in str(caught.value.problems[0].hint)


def test_last_is_the_newest_and_failed_the_newest_that_failed(root: str) -> None:
    runs = [create(root, at=NOW + step) for step in range(4)]
    for run, status in zip(runs, ("failed", "failed", "succeeded", ""), strict=True):
        if status:
            close(run, status)
    assert rundir.find(root, "@last") == runs[3]
    assert rundir.find(root, "@failed") == runs[1]


@pytest.mark.parametrize("ref", ["@last", "@failed", "@first", "2026", ""])
def test_without_runs_there_is_nothing_to_find(root: str, ref: str) -> None:
    with pytest.raises(OrchError) as caught:
        rundir.find(root, ref)
    assert code(caught) == ("O604", Exit.USAGE)
    assert not os.path.exists(root)


def test_a_linked_root_is_refused(tmp_path: Path, root: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", root)
    for doing in (lambda: create(root), lambda: runs(root)):
        with pytest.raises(OrchError) as caught:
            doing()
        assert code(caught) == ("O606", Exit.REFUSED)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("below", ["-", "-/cli"])
def test_a_linked_folder_below_the_root_is_refused_and_not_looked_into(tmp_path: Path, root: str, below: str) -> None:
    run = create(root)
    os.rename(f"{root}/{below}", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", f"{root}/{below}")
    assert runs(root) == []
    with pytest.raises(OrchError) as caught:
        create(root)
    assert code(caught) == ("O606", Exit.REFUSED)
    assert run.run_id


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_root_of_somebody_else_is_refused(root: str) -> None:
    create(root)
    os.chown(root, 12345, -1)
    with pytest.raises(OrchError) as caught:
        create(root)
    assert code(caught) == ("O606", Exit.REFUSED)
    assert "12345" in caught.value.problems[0].message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_may_use_the_runs_of_the_user_who_owns_the_project(tmp_path: Path, root: str) -> None:
    run = create(root)
    for folder in (root, f"{root}/-", f"{root}/-/cli", run.path):
        os.chown(folder, 12345, -1)
    with pytest.raises(OrchError) as caught:
        rundir.find(root, "@last")
    assert code(caught) == ("O606", Exit.REFUSED)
    os.chown(tmp_path, 12345, -1)
    assert rundir.find(root, "@last") == run
    assert create(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_run_of_somebody_else_is_not_carried_on(root: str, depth: int) -> None:
    run = create(root)
    os.chown(run.path.rsplit("/", depth)[0], 12345, -1)
    with pytest.raises(OrchError) as caught:
        rundir.find(root, "@last")
    assert code(caught) == ("O606", Exit.REFUSED)


@pytest.mark.parametrize("below", ["", "/-", "/-/cli"])
@pytest.mark.parametrize(
    ("mode", "project", "refused"),
    [
        (0o777, 0o755, True),
        (0o703, 0o700, True),
        (0o777, 0o1777, True),
        (0o1777, 0o755, False),
        (0o775, 0o755, False),
        (0o700, 0o755, False),
        (0o777, 0o777, False),
    ],
)
def test_a_folder_that_all_may_write_to_is_refused_unless_the_project_is_as_open(
    tmp_path: Path, root: str, below: str, mode: int, project: int, refused: bool
) -> None:
    run = create(root)
    os.chmod(root + below, mode)
    os.chmod(tmp_path, project)
    for doing in (lambda: create(root), lambda: rundir.find(root, run.run_id)):
        if not refused:
            assert doing()
            continue
        with pytest.raises(OrchError) as caught:
            doing()
        assert code(caught) == ("O606", Exit.REFUSED)
        assert caught.value.problems[0].hint == f"chmod -R o-w {root}"


def test_what_a_new_run_is_made_of_is_nobody_elses_whatever_the_umask(root: str) -> None:
    former = os.umask(0)
    try:
        run = create(root)
    finally:
        os.umask(former)
    modes = {os.stat(folder).st_mode & 0o777 for folder in (root, f"{root}/-", f"{root}/-/cli", run.path)}
    assert modes == {0o700}
    assert rundir.find(root, "@last") == run


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"steps": 1}', b'{"steps": []}', b"\xff", b"[" * 100_000])
def test_a_damaged_plan_is_corrupt(root: str, data: bytes) -> None:
    run = create(root)
    Path(run.plan).write_bytes(data)
    with pytest.raises(OrchError) as caught:
        rundir.load_plan(run)
    assert code(caught) == ("O607", Exit.CORRUPT)


def test_a_plan_of_a_newer_format_is_left_alone(root: str) -> None:
    run = create(root, plan=seal(plan_doc({"build": {"nodes": {"a": {}}}}, format_version=2)))
    with pytest.raises(OrchError) as caught:
        rundir.load_plan(run)
    assert code(caught) == ("O608", Exit.CONFLICT)


def test_what_the_plan_was_made_from_is_kept_before_the_plan(root: str) -> None:
    data = b"# a spec\n"
    run = create(root, blobs={hashlib.sha256(data).hexdigest(): data})
    assert Path(Cas(run.path, durable=False).path_of(hashlib.sha256(data).hexdigest())).read_bytes() == data
    with pytest.raises(ValueError, match="not the bytes"):
        create(root, blobs={"0" * 64: data})
    assert len(runs(root)) == 1


def test_a_glance_sees_both_ends_of_a_long_journal(root: str) -> None:
    run = create(root)
    assert glance(run.journal).status is None
    outputs = {"text": {"value": "x" * 100_000}}
    line = encode(Closed(NOW, "succeeded", "ok", outputs, "done"), 1, PLAN.digest)
    Path(run.journal).write_bytes(line * 3)
    assert glance(run.journal)[1:] == (NOW, "succeeded", "ok", "done", None)
    Path(run.journal).write_bytes(line * 2 + line[:50_000])
    assert glance(run.journal).status == "succeeded", "a torn line is no record"
    for bad in (b"", b"\n", b"x\n", b"x", b"\n\n"):
        Path(run.journal).write_bytes(bad)
        assert glance(run.journal) == (None, None, None, None, None, None)


def test_kept_bytes_are_read_only_named_by_content_and_kept_once(tmp_path: Path) -> None:
    cas = Cas(str(tmp_path), durable=True)
    sha256 = cas.put_bytes(b"abc")
    path = Path(cas.path_of(sha256))
    assert sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"abc", 0o444)
    inode = path.stat().st_ino
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    assert (cas.put_bytes(b"abc"), cas.put_file(str(source), str(tmp_path))) == (sha256, (sha256, 3))
    assert path.stat().st_ino == inode
    assert [p.name for p in tmp_path.rglob("*.new")] == []


def test_a_kept_file_of_the_wrong_size_is_not_trusted(tmp_path: Path) -> None:
    cas = Cas(str(tmp_path), durable=False)
    path = Path(cas.path_of(cas.put_bytes(b"abc")))
    for wrong in (b"", b"abcd"):
        path.unlink()
        path.write_bytes(wrong)
        cas.put_bytes(b"abc")
        assert path.read_bytes() == b"abc"


def test_what_is_no_regular_file_is_not_kept_and_the_reason_is_said(tmp_path: Path) -> None:
    cas = Cas(str(tmp_path), durable=False)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    cases = {"link": "symbolic link", "pipe": "not a regular file", "gone": "does not exist", ".": "not a regular file"}
    for name, why in cases.items():
        with pytest.raises(NotKeepable, match=why):
            cas.put_file(str(tmp_path / name), str(tmp_path))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(str(path), b"old")
    program = (
        "import resource, signal, sys\n"
        "from orch.store.atomic import write_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    write_file(sys.argv[1], b'x' * 5000)\n"
        "except OSError as error:\n"
        "    print(error.filename)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(path)
    assert path.read_bytes() == b"old"


def test_a_cached_plan_is_given_back_and_anything_else_is_a_miss(tmp_path: Path) -> None:
    folder, key = str(tmp_path / "plans"), "ab" * 32
    value = [1, "ä", {"a": [None, True]}, (2.5,)]
    assert plan_cache.load(folder, key) is None
    plan_cache.save(folder, key, value)
    assert plan_cache.load(folder, key) == value
    assert plan_cache.load(folder, "cd" * 32) is None
    assert os.stat(folder).st_mode & 0o777 == 0o700
    path = Path(folder, key)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert plan_cache.load(folder, key) is None
        path.write_bytes(good[:at])
        assert plan_cache.load(folder, key) is None
    path.write_bytes(good)
    os.rename(path, Path(folder, "cd" * 32))
    assert plan_cache.load(folder, "cd" * 32) is None, "another key's value"


def test_a_cache_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    folder, key = str(tmp_path / "plans"), "ab" * 32
    plan_cache.save(folder, key, [1])
    os.chmod(folder, 0o777)
    assert plan_cache.load(folder, key) is None
    os.chmod(folder, 0o700)
    assert plan_cache.load(folder, key) == [1]


def test_a_cache_that_cannot_be_written_is_silently_absent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    plan_cache.save(str(tmp_path / "file" / "plans"), "ab" * 32, [1])
    assert plan_cache.load(str(tmp_path / "file" / "plans"), "ab" * 32) is None


def test_the_cache_keeps_a_bounded_number_of_plans(tmp_path: Path) -> None:
    folder = str(tmp_path / "plans")
    for number in range(plan_cache.MOST_ENTRIES + 5):
        plan_cache.save(folder, f"{number:064x}", [number])
        os.utime(Path(folder, f"{number:064x}"), (number, number))
    assert len(os.listdir(folder)) == plan_cache.MOST_ENTRIES
    assert plan_cache.load(folder, f"{plan_cache.MOST_ENTRIES + 4:064x}") == [plan_cache.MOST_ENTRIES + 4]

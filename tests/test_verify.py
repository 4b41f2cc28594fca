"""Anyone can check a run: every change of a finished run is found, and nothing is found on its untouched twin."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from command import Desk
from plans import plan_doc
from recorded import NOW, Recorded

from orch.gates.verdict import Context, Verdict
from orch.model.codec import digest, encode
from orch.model.events import Closed, Event, Expanded, Finished, Observed, Opened, Requested, Skipped, Started
from orch.plan.compile import compile_plan
from orch.store.journal import read
from orch.store.owner import Owner, write_owner
from orch.store.requests import ask
from orch.store.rundir import RunDir, load_plan
from orch.store.verify import Verified, verify

SPEC = b"# the spec\n"
FACTS = {"kind": "freshness", "value": "2026-11-20"}


def judge(gate: Mapping[str, Any], facts: Mapping[str, Any], at: float, context: Context) -> Verdict:
    """Open on one date; `at` is the time of the look in seconds."""
    if at < NOW / 1000:
        raise ValueError("before the run")
    good = facts["value"] == "2026-11-20"
    return Verdict("succeeded" if good else "waiting", "ok" if good else "stale", "", 1, 1)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A finished run with a file of every kind."""
    sha256 = hashlib.sha256(SPEC).hexdigest()
    nodes = {"a": {"retry": {"limit": 1}}, "b": {"needs": ["a"]}, "c": {"if": "inputs.no"}}
    doc = plan_doc(
        {"build": {"gates": {"fresh": {"kind": "freshness"}}, "nodes": nodes}},
        resources=[{"kind": "spec", "path": "spec.md", "sha256": sha256}],
    )
    run = Recorded(tmp_path_factory.mktemp("ended"), doc, {sha256: SPEC})
    run.open()
    asked = ask(run.run, "resume", "mlee", {}, now_ms=NOW, random=os.urandom)
    failed = {"status": "failed", "reason": "command-failed", "exit_code": 1, "error": {"summary": "exit code 1"}}
    for events in (
        [Observed(run.at(), "build.fresh", "succeeded", "ok", "fresh", FACTS)],
        [Requested(run.at(), asked, "resume", "mlee", "refused", "the run has a live owner")],
        [Started(run.at(), "build.a", 1), Skipped(run.at(), "build.c", "if-false")],
        [Finished(run.at(), "build.a", 1, False, **failed, logs={"stderr": run.log("build.a.1.err", b"no\n")})],
        [Started(run.at(), "build.a", 2)],
        [Finished(run.at(), "build.a", 2, True, "succeeded", "ok", 0, artifacts=(run.artifact("build.a", "x", b"1"),))],
        [Started(run.at(), "build.b", 1)],
        [Finished(run.at(), "build.b", 1, True, "succeeded", "ok", 0, logs={"stdout": run.log("build.b.1.out", b"y")})],
        [Closed(run.at(), "succeeded", "ok", {}, "2 succeeded, 1 skipped")],
    ):
        run.happen(*events)  # type: ignore[arg-type]  # lists of different events
    run.leave()
    return run


@pytest.fixture
def run(ended: Recorded, tmp_path: Path) -> RunDir:
    """A twin of the finished run."""
    path = tmp_path / ".runs" / "-" / "cli" / ended.run.run_id
    shutil.copytree(ended.run.path, path)
    return RunDir(str(path), "-", ended.run.run_id)


def check(run: RunDir, **fields: Any) -> Verified:
    return verify(run, compiler=compile_plan, judge=judge, **fields)


def codes(run: RunDir, **fields: Any) -> set[str]:
    return {problem.code for problem in check(run, **fields).problems}


def names(run: RunDir) -> list[str]:
    root = Path(run.path)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def journal_lines(run: RunDir) -> list[bytes]:
    return Path(run.journal).read_bytes().splitlines(keepends=True)


def test_nothing_is_found_on_an_untouched_run(run: RunDir) -> None:
    found = check(run)
    assert found.problems == []
    assert (found.records, found.files, found.live) == (11, len(names(run)), False)
    assert found.head == json.loads(Path(run.manifest).read_text())["journal_head"]
    assert check(run, head=found.head).problems == []
    assert check(run, head=f"sha256:{found.head}").problems == []


def test_the_sample_holds_every_kind_of_file(run: RunDir) -> None:
    kinds = {name.partition("/")[0] for name in names(run)}
    assert kinds == {
        "plan.json",
        "journal.ndjson",
        "requests.ndjson",
        "lock",
        "owner.json",
        "beat",
        "manifest.json",
        "resume-token",
        "nodes",
        "logs",
        "errors",
        "cas",
        "artifacts",
    }


def test_a_flipped_bit_in_any_byte_of_any_file_is_found(run: RunDir) -> None:
    for name in names(run):
        path = Path(run.path, name)
        mode = path.stat().st_mode
        path.chmod(0o600)
        good = path.read_bytes()
        step = max(1, len(good) // 12)
        for at in {*range(0, len(good), step), len(good) - 1} - {-1}:
            bit = 1 << at % 8
            path.write_bytes(good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :])
            assert check(run).problems, f"bit {bit} of byte {at} of {name}"
        path.write_bytes(good)
        path.chmod(mode)
    assert check(run).problems == []


def test_a_shorter_or_longer_file_of_any_kind_is_found(run: RunDir) -> None:
    for name in names(run):
        path = Path(run.path, name)
        path.chmod(0o600)
        good = path.read_bytes()
        for wrong in (good[:-1], good[: len(good) // 2], b"", good + b"x"):
            # a line that is gone from the requests was answered in the journal, or never was
            if wrong != good and not (name == "requests.ndjson" and wrong == b""):
                path.write_bytes(wrong)
                assert check(run).problems, f"{len(wrong)} of {len(good)} bytes of {name}"
        path.write_bytes(good)
    assert check(run).problems == []


def test_a_removed_file_of_any_kind_is_found(run: RunDir) -> None:
    for name in names(run):
        if name == "requests.ndjson":
            continue  # answered in the journal
        path = Path(run.path, name)
        os.rename(path, f"{run.path}/../aside")
        assert check(run).problems, name
        os.rename(f"{run.path}/../aside", path)
    assert check(run).problems == []


@pytest.mark.parametrize(
    "name",
    [
        "note.txt",
        "nodes/build.z.json",
        "nodes/build.a.json.new",
        "logs/build.a.1.out",
        "logs/build.b.2.out",
        "logs/build.a.1.probe.out",
        "errors/02-build-a.json",
        "cas/sha256/ab/" + "ab" * 32,
        "cas/other",
        "artifacts/build.a/y",
        "outputs/0.1.json",
        "sub/folder/file",
    ],
)
def test_an_added_file_is_named(run: RunDir, name: str) -> None:
    Path(run.path, name).parent.mkdir(parents=True, exist_ok=True)
    Path(run.path, name).write_text("added")
    problems = check(run).problems
    assert [problem.message.split()[0] for problem in problems] == [name]


def test_a_link_is_not_taken_for_the_file(run: RunDir, tmp_path: Path) -> None:
    for name in names(run):
        path = Path(run.path, name)
        os.rename(path, tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
        assert check(run).problems, name
        path.unlink()
        os.rename(tmp_path / "moved", path)
    (Path(run.path) / "extra").symlink_to(tmp_path)
    assert [problem.code for problem in check(run).problems] == ["O613"]


def test_every_dropped_swapped_doubled_and_blank_line_of_the_journal_is_found(run: RunDir) -> None:
    good = journal_lines(run)
    for at in range(len(good)):
        for wrong in (
            good[:at] + good[at + 1 :],
            [*good[:at], good[at], *good[at:]],
            [*good[:at], b"\n", *good[at:]],
            [*good[:at], *good[at + 1 : at + 2], good[at], *good[at + 2 :]],
        ):
            if wrong != good:
                Path(run.journal).write_bytes(b"".join(wrong))
                assert check(run).problems, at


def test_all_bad_lines_are_named_not_only_the_first(run: RunDir) -> None:
    lines = journal_lines(run)
    for at in (2, 6):
        lines[at] = lines[at].replace(b'"attempt":1', b'"attempt":7').replace(b'"at":"2026', b'"at":"2025')
    Path(run.journal).write_bytes(b"".join(lines))
    places = [problem.message.split(":")[1] for problem in check(run).problems if problem.code == "O602"]
    assert places == ["4", "8"]


def test_a_cut_end_is_found_by_the_head_that_was_kept_elsewhere(run: RunDir) -> None:
    head = check(run).head
    lines = journal_lines(run)
    for kept in range(len(lines)):
        Path(run.journal).write_bytes(b"".join(lines[:kept]))
        Path(run.manifest).unlink(missing_ok=True)
        assert "O614" in codes(run, head=head)


def test_a_cut_end_is_found_by_the_manifest_that_was_left(run: RunDir) -> None:
    lines = journal_lines(run)
    for kept in range(len(lines)):
        Path(run.journal).write_bytes(b"".join(lines[:kept]))
        assert "O614" in codes(run)


def rewrite(run: RunDir, events: list[Event], plan_digest: str) -> None:
    """Write the journal anew, its chain right, and every projection with it: what a forger would do."""
    from orch.store.projector import Projector
    from orch.store.rundir import load_plan

    data, head = b"", plan_digest
    for seq, event in enumerate(events, 1):
        line = encode(event, seq, head)
        data, head = data + line, digest(line)
    Path(run.journal).write_bytes(data)
    Projector(run, compile_plan(load_plan(run)), lambda: head).rebuild(events)


def test_a_rewritten_whole_is_found_only_with_the_head(run: RunDir, ended: Recorded) -> None:
    head = check(run).head
    events = read(run.journal, ended.plan.digest).events
    events[-1] = events[-1]._replace(at=events[-1].at + 1)
    rewrite(run, events, ended.plan.digest)
    assert codes(run) == set()
    assert codes(run, head=head) == {"O614"}


def altered(kind: type[Event], **fields: Any) -> Callable[[list[Event]], list[Event]]:
    def change(events: list[Event]) -> list[Event]:
        at = max(i for i, event in enumerate(events) if isinstance(event, kind))
        return [*events[:at], events[at]._replace(**fields), *events[at + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (altered(Observed, facts={"kind": "freshness", "value": "2020-01-01"}), "O615"),
        (altered(Observed, facts={}), "O615"),
        (altered(Observed, reason="cached"), "O615"),
        (altered(Opened, epoch=2), "O617"),
        (altered(Opened, plan="0" * 64), "O617"),
        (altered(Opened, owner={"run_id": "20261122T190512Z-000000"}), "O617"),
        (altered(Started, address="build.nowhere"), "O617"),
        (altered(Closed, status="failed"), "O617"),
    ],
)
def test_a_rewritten_record_that_cannot_be_true_is_found(
    run: RunDir, ended: Recorded, change: Callable[[list[Event]], list[Event]], code: str
) -> None:
    events = change(read(run.journal, ended.plan.digest).events)
    try:
        rewrite(run, events, ended.plan.digest)
    except KeyError:
        assert code == "O617", "such a journal cannot even be projected"
    assert code in codes(run)


def test_another_plan_is_found_by_the_journal(run: RunDir) -> None:
    data = Path(run.plan).read_bytes()
    Path(run.plan).write_bytes(data.replace(b'"run":"true"', b'"run":"evil"', 1))
    assert "O602" in codes(run)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format_version":1,"steps":[\n]}\n'])
def test_a_plan_that_is_none_is_found(run: RunDir, data: bytes) -> None:
    Path(run.plan).write_bytes(data)
    assert codes(run) & {"O602", "O607"}


def test_one_cause_is_reported_once(run: RunDir) -> None:
    Path(run.path, "logs/build.a.1.err").write_bytes(b"yes")
    assert [problem.code for problem in check(run).problems] == ["O611"]
    os.unlink(f"{run.path}/logs/build.a.1.err")
    assert [problem.code for problem in check(run).problems] == ["O610"]


def test_what_the_next_owner_would_repair_is_no_finding_on_a_run_that_died(run: RunDir, ended: Recorded) -> None:
    lines = journal_lines(run)
    Path(run.journal).write_bytes(b"".join(lines[:9]) + lines[9][:20])
    os.unlink(run.manifest)
    os.unlink(f"{run.path}/nodes/build.b.json")
    os.unlink(f"{run.path}/nodes/build.a.json")
    os.unlink(f"{run.path}/logs/build.b.1.out")
    Path(run.path, "nodes/build.a.json.new").write_text("half")
    Path(run.path, "logs/build.b.1.out").write_text("of an attempt that was cut short")
    assert check(run).problems == []
    assert ended.run.run_id == run.run_id


FAILED = {"status": "failed", "reason": "command-failed", "exit_code": 1, "error": {"summary": "exit code 1"}}


def test_the_manifest_of_a_step_that_runs_again_is_that_of_before_until_it_ends(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {}}}}))
    made.open()
    made.happen(Started(made.at(), "build.a", 1))
    made.happen(Finished(made.at(), "build.a", 1, True, **FAILED))
    made.happen(Closed(made.at(), "failed", "failed", {}, "1 failed"))
    made.leave()
    failed = made.text("nodes/build.a.json")
    made.open(reset=("build.a",))
    made.happen(Started(made.at(), "build.a", 2))
    made.leave()
    assert json.loads(made.text("nodes/build.a.json"))["status"] == "queued"
    assert check(made.run).problems == []
    manifest = Path(made.run.path, "nodes/build.a.json")
    manifest.write_text(failed)
    assert check(made.run).problems == [], "the owner died before it wrote what it had just recorded"
    manifest.write_text(failed.replace('"exit_code": 1', '"exit_code": 0'))
    assert [problem.code for problem in check(made.run).problems] == ["O612"]


def test_a_manifest_of_a_run_that_died_may_be_behind_the_journal_and_is_never_ahead(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {"retry": {"limit": 1}}}}}))
    made.open()
    manifest = Path(made.run.path, "nodes/build.a.json")
    made.happen(Started(made.at(), "build.a", 1))
    made.happen(Finished(made.at(), "build.a", 1, False, **FAILED))
    waiting = manifest.read_text()
    made.happen(Started(made.at(), "build.a", 2))
    assert codes_after(made) == set(), "it waited for the second attempt, which runs"
    made.happen(Finished(made.at(), "build.a", 2, True, "succeeded", "ok", 0))
    succeeded = manifest.read_text()
    manifest.write_text(waiting)
    assert codes_after(made) == set()
    manifest.write_text(succeeded)
    assert codes_after(made) == set()
    Path(made.run.journal).write_bytes(b"".join(journal_lines(made.run)[:4]))
    assert codes_after(made) == {"O612"}
    Path(made.run.journal).write_bytes(b"".join(journal_lines(made.run)[:2]))
    assert codes_after(made) == {"O613"}


def test_what_a_loop_opened_and_two_owners_left_running_is_no_finding(tmp_path: Path) -> None:
    loop = {"loop": {"until": "nodes.s.status == 'succeeded'", "nodes": {"s": {}}}}
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"round": loop}}}))
    for attempt in (1, 2):
        made.open()
        made.happen(Expanded(made.at(), "build.round", ("1",) if attempt == 1 else (), ()))
        made.happen(Started(made.at(), "build.round#1.s", attempt))
        made.leave()
        assert check(made.run).problems == []
    manifest = Path(made.run.path, "nodes/build.round#1.s.json")
    assert json.loads(manifest.read_text())["status"] == "queued"
    manifest.write_text(manifest.read_text().replace("queued", "succeeded"))
    assert [problem.code for problem in check(made.run).problems] == ["O612"]


def codes_after(made: Recorded) -> set[str]:
    """What is found once the owner is gone, whose descriptors this test keeps."""
    copy = Path(made.root).parent / "copies" / "-" / "cli" / made.run.run_id
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(made.run.path, copy)
    Path(copy, "errors/01-build-a.json").unlink(missing_ok=True)
    return codes(RunDir(str(copy), "-", made.run.run_id))


def test_an_owner_that_died_before_its_first_record_is_no_finding(run: RunDir) -> None:
    path = Path(run.path, "owner.json")
    mine = json.loads(path.read_text())
    for epoch, found in ((2, set()), (3, {"O612"})):
        write_owner(run, Owner(run.run_id, epoch, 42, 7, mine["boot_id"], mine["host"]))
        assert codes(run) == found
    beat = Path(run.path, "beat")
    whole = beat.read_bytes()
    for epoch, found in ((2, set()), (1, {"O611"})):
        write_owner(run, Owner(**{**{name: mine[name] for name in Owner._fields if name in mine}, "epoch": epoch}))
        beat.write_bytes(whole[:7])
        assert codes(run) == found, "half a beat"
        beat.write_bytes(whole)
    write_owner(run, Owner("20261122T190512Z-000000", 2, 42, 7, mine["boot_id"], mine["host"]))
    assert codes(run) == {"O612"}
    path.write_text(json.dumps(mine) + "\n")
    Path(run.path, "owner.json.new").write_text("half")
    assert codes(run) == set()


def test_behind_the_end_there_may_be_the_torn_first_record_of_another_owner_and_nothing_else(run: RunDir) -> None:
    good = Path(run.journal).read_bytes()
    found = check(run)
    opened = read(run.journal, load_plan(run).digest).events[0]
    line = encode(opened, found.records + 1, found.head)
    requested = encode(Requested(NOW, "id", "cancel", "mlee", "accepted", ""), found.records + 1, found.head)
    for size in range(0, len(line), 7):
        Path(run.journal).write_bytes(good + line[:size])
        assert codes(run) == set(), line[:size]
        Path(run.journal).write_bytes(good + encode(opened, found.records + 2, found.head)[:size])
        assert size < 9 or codes(run) == {"O602"}
    for other in (b"x", requested[:-1], line[:50] + b"x", journal_lines(run)[1][:-1]):
        Path(run.journal).write_bytes(good + other)
        assert codes(run) == {"O602"}, other


def test_what_a_crash_left_over_after_the_end_is_removed_by_the_command_that_is_named(run: RunDir) -> None:
    Path(run.path, "manifest.json.new").write_text("half")
    assert [problem.hint for problem in check(run).problems] == [f"orch resume {run.run_id}"]


def test_the_log_of_an_attempt_that_never_ended_is_taken_and_of_one_that_never_began_named(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {}, "b": {"needs": ["a"]}}}}))
    made.open()
    made.happen(Started(made.at(), "build.a", 1))
    made.log("build.a.1.out", b"half a li")
    made.log("build.a.2.out", b"of no attempt")
    made.leave()
    assert [problem.message for problem in check(made.run).problems] == ["logs/build.a.2.out is not accounted for"]
    os.unlink(f"{made.run.path}/logs/build.a.2.out")
    made.open()
    assert made.text("logs/build.a.1.out") == "half a li"
    for address, attempt in (("build.a", 2), ("build.b", 1)):
        made.happen(Started(made.at(), address, attempt))
        made.happen(Finished(made.at(), address, attempt, True, "succeeded", "ok", 0))
    made.happen(Closed(made.at(), "succeeded", "ok", {}, "2 succeeded"))
    made.leave()
    assert check(made.run).problems == []
    made.log("build.b.1.out", b"of an attempt that wrote nothing")
    assert [problem.message for problem in check(made.run).problems] == ["logs/build.b.1.out is not accounted for"]


def test_of_a_live_run_only_what_is_recorded_is_checked(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {}}}}))
    made.open()
    Path(made.run.path, "nodes").mkdir()
    Path(made.run.path, "nodes/build.a.json.new").write_text("half")
    found = check(made.run)
    assert (found.live, found.problems) == (True, [])
    made.leave()


APPROVAL = plan_doc({"build": {"gates": {"ok": {"kind": "approval"}}, "nodes": {"a": {}}}})


def approved(tmp_path: Path, *, closed: bool = True) -> Recorded:
    """A finished run, or one that died, whose gate was opened on two files, one of them hidden."""
    made = Recorded(tmp_path, APPROVAL)
    made.open()
    files = []
    for path, data in ((".env.new", b"A=1\n"), ("docs/prd.md", b"# prd\n")):
        files.append(["100644", made.cas.put_bytes(data), path])
        made._write(f"subjects/ok/{path}", data)
    files.append(["json", "0" * 64, "output:plan"])
    facts = {"kind": "approval", "subject": {"digest": "sha256:x", "files": files, "problems": []}}
    made.happen(Observed(made.at(), "build.ok", "succeeded", "ok", "approved", facts))
    made.happen(Started(made.at(), "build.a", 1))
    made.happen(Finished(made.at(), "build.a", 1, True, "succeeded", "ok", 0))
    if closed:
        made.happen(Closed(made.at(), "succeeded", "ok", {}, "1 succeeded"))
    made.leave()
    return made


def found_in(made: Recorded) -> list[str]:
    return [problem.code for problem in verify(made.run, compiler=compile_plan).problems]


def test_what_was_approved_is_kept_and_its_copies_are_checked(tmp_path: Path) -> None:
    made = approved(tmp_path)
    assert found_in(made) == []
    copy = Path(made.run.path, "subjects/ok/docs/prd.md")
    copy.write_text("# other\n")
    assert found_in(made) == ["O611"]
    copy.unlink()
    assert found_in(made) == ["O610"]
    copy.write_bytes(b"# prd\n")
    copy.with_name("old.md").write_bytes(b"# prd\n")
    assert found_in(made) == ["O613"], "kept, and no more what was approved"
    copy.with_name("old.md").unlink()
    os.unlink(made.cas.path_of(hashlib.sha256(b"# prd\n").hexdigest()))
    assert found_in(made) == ["O610"]


def test_after_a_power_cut_what_was_laid_out_for_a_gate_is_put_back_also_when_the_run_is_over(tmp_path: Path) -> None:
    made = approved(tmp_path)
    copy = Path(made.run.path, "subjects/ok/docs/prd.md")
    copy.write_bytes(b"")
    assert found_in(made) == ["O611"]
    made.projector.rebuild(read(made.run.journal, made.plan.digest).events)
    assert (copy.read_bytes(), found_in(made)) == (b"# prd\n", [])
    copy.unlink()
    Path(made.run.path, "subjects/ok/docs/prd.md/x").mkdir(parents=True)
    Path(made.run.path, "subjects/ok/more.md").write_text("")
    made.projector.rebuild(read(made.run.journal, made.plan.digest).events)
    assert (copy.read_bytes(), found_in(made)) == (b"# prd\n", [])
    assert not Path(made.run.path, "subjects/ok/output:plan").exists()


def test_after_a_power_cut_an_error_artifact_is_whole_again_though_its_log_is_not(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {}}}}))
    made.open()
    made.happen(Started(made.at(), "build.a", 1))
    made.happen(Finished(made.at(), "build.a", 1, True, **FAILED, logs={"stderr": made.log("build.a.1.err", b"no\n")}))
    made.happen(Closed(made.at(), "failed", "failed", {}, "1 failed"))
    made.leave()
    assert json.loads(made.text("errors/01-build-a.json"))["details"]["stderr_tail"] == "no\n"
    for log in (b"", None):
        Path(made.run.path, "errors/01-build-a.json").write_bytes(b"")
        path = Path(made.run.path, "logs/build.a.1.err")
        path.write_bytes(log) if log is not None else path.unlink()
        assert made.projector.rebuild(read(made.run.journal, made.plan.digest).events)[1] == ["errors/01-build-a.json"]
        error = json.loads(made.text("errors/01-build-a.json"))
        assert (error["summary"], error["details"]["stderr_tail"]) == ("exit code 1", "")
        assert {problem.message.split()[0] for problem in check(made.run).problems} == {"logs/build.a.1.err"}


def test_a_copy_that_a_crash_kept_out_of_the_journal_is_one_of_what_is_kept(tmp_path: Path) -> None:
    made = approved(tmp_path, closed=False)
    made._write("subjects/ok/docs/new.md", b"laid out")
    assert found_in(made) == ["O613"]
    made.cas.put_bytes(b"laid out")
    assert found_in(made) == []


def test_an_artifact_is_what_was_recorded_last_once_the_run_has_closed_and_maybe_newer_before(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {}}}}, {"f": {}}))
    made.open()
    copy = Path(made.run.path, "artifacts/finally.f/x")
    for attempt, data in ((1, b"old"), (2, b"new")):
        made.happen(Started(made.at(), "build.a", attempt))
        made.happen(Finished(made.at(), "build.a", attempt, True, **FAILED))
        made.happen(Started(made.at(), "finally.f", attempt))
        kept = (made.artifact("finally.f", "x", data),)
        if attempt == 2:
            made.lock.release()
            assert found_in(made) == [], "it was made, and its record was not"
        made.happen(Finished(made.at(), "finally.f", attempt, True, "succeeded", "ok", 0, artifacts=kept))
        made.happen(Closed(made.at(), "failed", "failed", {}, "1 failed"))
        made.leave()
        assert found_in(made) == []
        if attempt == 1:
            made.open(reset=("build.a",))
    copy.write_bytes(b"old")
    assert found_in(made) == ["O611"]
    copy.unlink()
    assert found_in(made) == ["O610"]
    made.projector.rebuild(read(made.run.journal, made.plan.digest).events)
    assert (copy.read_bytes(), found_in(made)) == (b"new", [])


def test_a_gate_that_stayed_shut_because_its_subject_changed_meanwhile_is_no_finding(tmp_path: Path) -> None:
    made = Recorded(tmp_path, APPROVAL)
    made.open()
    made.happen(Observed(made.at(), "build.ok", "waiting", "stale", "it changes", FACTS))
    made.happen(Closed(made.at(), "waiting", "stale", {}, ""))
    made.leave()
    assert check(made.run).problems == []


def test_an_owner_that_settled_a_step_closes_waiting(tmp_path: Path) -> None:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": {"a": {}, "b": {"needs": ["a"]}}}}))
    made.open()
    made.happen(Started(made.at(), "build.a", 1))
    made.happen(Finished(made.at(), "build.a", 1, True, "succeeded", "ok", 0))
    made.happen(Closed(made.at(), "waiting", "settled", {}, ""))
    made.leave()
    assert check(made.run).problems == []


def test_a_line_that_is_no_request_is_named(run: RunDir) -> None:
    with open(f"{run.path}/requests.ndjson", "a") as file:
        file.write('{"verb": "cancel"}\n')
    assert [problem.message.split(" ")[0] for problem in check(run).problems] == ["requests.ndjson:2:"]


def test_verifying_writes_nothing(run: RunDir) -> None:
    before = [(name, Path(run.path, name).stat().st_mtime_ns) for name in names(run)]
    check(run)
    assert [(name, Path(run.path, name).stat().st_mtime_ns) for name in names(run)] == before


STACK = """apiVersion: orch/v1
kind: Adapter
name: stack
detect: [{ file: stack.txt, score: 1 }]
files: [all.sh]
commands: { test: { argv: [sh, "{files}/all.sh", "{reports}"], reports: [{ format: tap, path: "{reports}/tap" }] } }
"""


@pytest.fixture
def stacked(tmp_path: Path) -> Desk:
    """A run of a project's own adapter, with a file of it and a report."""
    desk = Desk.at(tmp_path)
    desk.write("adapters/stack/adapter.yaml", STACK)
    desk.write("adapters/stack/all.sh", "printf '1..1\\nok 1 - one\\n' > \"$1/tap\"\n")
    desk.pipeline("  main:\n    nodes:\n      test: { adapter: stack, command: test }\n")
    desk.orch("apply", "pipelines/main.yaml")
    return desk


def test_a_run_with_an_adapter_that_has_files_is_whole(stacked: Desk) -> None:
    assert (stacked.run_dir() / "adapters" / "stack" / "all.sh").exists()
    stacked.orch("verify", "@last")


def test_a_file_that_an_adapter_did_not_have_when_it_was_planned_is_found(stacked: Desk) -> None:
    copy = stacked.run_dir() / "adapters" / "stack" / "all.sh"
    copy.chmod(0o644)
    copy.write_text("exit 0\n")
    assert "all.sh was changed" in stacked.orch("verify", "@last", code=7).text
    copy.with_name("more.sh").write_text("exit 0\n")
    assert "more.sh is not accounted for" in stacked.orch("verify", "@last", code=7).text


def test_a_report_that_an_owner_left_when_it_died_is_no_finding(stacked: Desk) -> None:
    left = stacked.run_dir() / "reports" / "0.1" / "tap"
    left.parent.mkdir(parents=True)
    left.write_text("1..1\n")
    assert "is left over" in stacked.orch("verify", "@last", code=7).text
    journal = stacked.run_dir() / "journal.ndjson"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    for name in ("manifest.json", "nodes/main.test.json"):
        (stacked.run_dir() / name).unlink()
    stacked.orch("verify", "@last")
    stacked.orch("resume", "@last")
    assert not left.exists()

"""Manifests and error artifacts: what a reviewer reads, written as things happen and made again from the journal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from plans import plan_doc
from recorded import Recorded
from simulation import simulate

from orch.model.codec import digest, encode
from orch.model.events import Closed, Expanded, Finished, Observed, Opened, Requested, Settled, Skipped, Started
from orch.model.fold import apply
from orch.model.state import RunState
from orch.model.status import Status
from orch.store.errors import TAIL_BYTES, error_name, shown
from orch.store.journal import read
from orch.store.projector import Projector
from orch.store.rundir import RunDir

ONCE = {"once": "pr:1", "probe": "true"}


def recorded(tmp_path: Path, **nodes: Any) -> Recorded:
    made = Recorded(tmp_path, plan_doc({"build": {"nodes": nodes}}))
    made.open()
    return made


def node(run: Recorded, name: str) -> dict[str, Any]:
    return json.loads(run.text(f"nodes/{name}.json"))


def attempt(run: Recorded, address: str, number: int = 1, **fields: Any) -> None:
    """An attempt from start to end; it succeeded unless `fields` say otherwise."""
    run.happen(Started(run.at(), address, number))
    given = {"final": True, "status": "succeeded", "reason": "ok", "exit_code": 0, **fields}
    run.happen(Finished(run.at(), address, number, **given))


FAILED = {"status": "failed", "reason": "command-failed", "exit_code": 2, "error": {"summary": "exit code 2"}}


def test_a_succeeded_step_says_all_that_is_known_and_nothing_that_is_not(tmp_path: Path) -> None:
    run = recorded(tmp_path, test={"run": "make test", "tags": ["slow"], "description": "All tests"})
    attempt(run, "build.test")
    assert node(run, "build.test") == {
        "format_version": 1,
        "address": "build.test",
        "phase": "build",
        "kind": "run",
        "status": "succeeded",
        "reason": "ok",
        "attempt": 1,
        "started_at": "2026-11-22T19:05:13.345Z",
        "completed_at": "2026-11-22T19:05:14.345Z",
        "duration_seconds": 1.0,
        "exit_code": 0,
        "command": "make test",
        "cwd": ".",
        "effect": "idempotent",
        "tags": ["slow"],
        "description": "All tests",
        "plan_digest": run.plan.digest,
    }
    assert run.text("nodes/build.test.json").count("\n") == 19, "one key a line"
    run.leave()


def test_a_running_step_has_no_manifest(tmp_path: Path) -> None:
    run = recorded(tmp_path, test={})
    run.happen(Started(run.at(), "build.test", 1))
    assert not os.path.exists(f"{run.run.path}/nodes")
    run.leave()


def test_computed_commands_outputs_logs_and_artifacts_are_recorded(tmp_path: Path) -> None:
    run = recorded(tmp_path, test={"run": ["echo", "${{ run.id }}"], "effect": ONCE})
    log = run.log("build.test.1.out", b"hello\n")
    artifact = run.artifact("build.test", "report", b"fine")
    run.happen(Started(run.at(), "build.test", 1, "pr:1", ["echo", "42"], "sub"))
    run.happen(
        Finished(
            run.at(), "build.test", 1, True, "succeeded", "ok", 0, {"n": 1}, artifacts=(artifact,), logs={"stdout": log}
        )
    )
    found = node(run, "build.test")
    assert (found["command"], found["cwd"], found["idempotency_key"]) == (["echo", "42"], "sub", "pr:1")
    assert (found["outputs"], found["artifacts"], found["stdout"]) == ({"n": 1}, [artifact], log)
    assert found["effect"] == ONCE
    assert "stderr" not in found
    run.leave()


def test_inputs_are_the_artifacts_of_the_needed_steps_when_the_attempt_started(tmp_path: Path) -> None:
    run = recorded(tmp_path, make={"matrix": ["a", "b"]}, plan={}, use={"needs": ["make", "plan"]})
    shas = {}
    for address, data in (("build.make[a]", b"1"), ("build.make[b]", b"2"), ("build.plan", b"3")):
        artifact = run.artifact(address, "out", data)
        shas[address] = artifact["sha256"]
        attempt(run, address, artifacts=(artifact,))
    attempt(run, "build.use")
    wanted = [{"artifact": f"{address}.out", "sha256": sha256} for address, sha256 in shas.items()]
    assert node(run, "build.use")["inputs"] == wanted
    assert node(run, "build.make[a]")["matrix"] == {"key": "a"}
    run.leave()
    run.open(reset=("build.plan",))
    attempt(run, "build.plan", 2, artifacts=(run.artifact("build.plan", "out", b"4"),))
    assert node(run, "build.use")["inputs"] == wanted, "what it was given does not change when a need runs again"
    run.leave()


def test_what_opens_other_steps_took_the_time_in_which_an_owner_was_at_work(tmp_path: Path) -> None:
    run = recorded(tmp_path, c={"pipeline": {"phases": {"main": {"nodes": {"s": {}}}}}})
    run.happen(Expanded(run.at(), "build.c"))
    night = 8 * 3600 * 1000
    run.now += night
    run.happen(Opened(run.now, 2, {}, run.plan.digest, "none", {}))
    run.happen(Expanded(run.at(), "build.c"))
    attempt(run, "build.c/main.s")
    run.happen(Finished(run.at(), "build.c", 0, True, "succeeded", "ok"))
    told = node(run, "build.c")
    assert told["started_at"] < told["completed_at"]
    assert told["duration_seconds"] < 60
    assert told["duration_seconds"] >= 3


def test_every_failed_attempt_leaves_a_numbered_artifact(tmp_path: Path) -> None:
    run = recorded(tmp_path, test={"retry": {"limit": 1}}, lint={})
    for number, final in ((1, False), (2, True)):
        log = run.log(f"build.test.{number}.err", b"bad\xff\x1b[31m\n" * number)
        attempt(run, "build.test", number, **{**FAILED, "final": final, "logs": {"stderr": log}})
    attempt(run, "build.lint", **FAILED)
    assert sorted(os.listdir(f"{run.run.path}/errors")) == [
        "01-build-test.json",
        "02-build-test.json",
        "03-build-lint.json",
    ]
    assert node(run, "build.test")["error_files"] == ["errors/01-build-test.json", "errors/02-build-test.json"]
    assert node(run, "build.test")["sentence"] == "exit code 2"
    assert json.loads(run.text("errors/02-build-test.json")) == {
        "format_version": 1,
        "run_id": run.run.run_id,
        "task_id": "-",
        "address": "build.test",
        "attempt": 2,
        "command_index": 1,
        "command": "true",
        "created_at": "2026-11-22T19:05:16.345Z",
        "reason": "command-failed",
        "summary": "exit code 2",
        "details": {
            "exit_code": 2,
            "stderr_tail": "bad\\xff\\x1b[31m\nbad\\xff\\x1b[31m\n",
            "suggestion": f"orch retry {run.run.run_id} --failed",
        },
    }
    run.leave()


def test_the_tail_of_a_log_is_its_last_four_kibibytes(tmp_path: Path) -> None:
    run = recorded(tmp_path, test={})
    log = run.log("build.test.1.out", b"a" * TAIL_BYTES + b"b" * 10)
    error = {"summary": "ended by signal 9", "signal": 9, "hint": "ulimit -v unlimited"}
    attempt(run, "build.test", **{**FAILED, "exit_code": None, "logs": {"stdout": log}, "error": error})
    details = json.loads(run.text("errors/01-build-test.json"))["details"]
    assert details == {
        "signal": 9,
        "stdout_tail": "a" * (TAIL_BYTES - 10) + "b" * 10,
        "suggestion": "ulimit -v unlimited",
    }
    assert "exit_code" not in node(run, "build.test")
    run.leave()


def test_bytes_are_shown_so_that_a_terminal_is_not_moved() -> None:
    assert shown("é日\tx\n".encode()) == "é日\tx\n"
    assert shown(b"\x1b[2J\r\x00\xff") == "\\x1b[2J\\r\\x00\\xff"
    assert shown("\u202e\u009b\u2028".encode()) == "\\u202e\\x9b\\u2028"


def test_an_artifacts_name_is_bounded_and_safe() -> None:
    assert error_name(7, "build.goal[a..b]") == "errors/07-build-goal-a-b.json"
    long = error_name(123, "build." + "x" * 200)
    assert long.startswith("errors/123-build-xxx")
    assert len(long.partition("-")[2].removesuffix(".json")) <= 60


def test_steps_that_did_not_run_say_why(tmp_path: Path) -> None:
    run = recorded(tmp_path, test={"if": "inputs.no"}, bad={})
    run.happen(Skipped(run.at(), "build.test", "if-false"))
    error = {"summary": "`if`: no such value"}
    run.happen(Finished(run.at(), "build.bad", 0, True, "failed", "expression-error", error=error))
    assert node(run, "build.test")["reason"] == "if-false"
    assert "started_at" not in node(run, "build.test")
    assert node(run, "build.bad")["error_files"] == ["errors/01-build-bad.json"]
    assert "attempt" not in node(run, "build.bad")
    run.leave()


def test_a_gate_says_what_it_wants_what_was_seen_and_how_it_stands(tmp_path: Path) -> None:
    gate = {"kind": "freshness"}
    run = Recorded(tmp_path, plan_doc({"build": {"gates": {"fresh": gate}, "nodes": {"a": {}}}}))
    run.open()
    run.happen(
        Observed(run.at(), "build.fresh", "waiting", "stale", "41 days old", {"kind": "freshness", "value": "x"})
    )
    waiting = node(run, "build.fresh")
    assert (waiting["kind"], waiting["status"], waiting["reason"]) == ("gate", "waiting", "stale")
    assert (waiting["gate"], waiting["sentence"]) == (gate, "41 days old")
    assert "completed_at" not in waiting
    run.happen(Observed(run.at(), "build.fresh", "succeeded", "ok", "fresh", {"kind": "freshness", "value": "y"}))
    found = node(run, "build.fresh")
    assert (found["status"], found["started_at"], found["completed_at"]) == (
        "succeeded",
        "2026-11-22T19:05:13.345Z",
        "2026-11-22T19:05:14.345Z",
    )
    assert found["facts"].startswith("sha256:")
    assert found["facts"] != waiting["facts"]
    run.leave()


def test_a_step_in_doubt_waits_and_leaves_an_artifact_if_it_timed_out(tmp_path: Path) -> None:
    run = recorded(tmp_path, push={"effect": ONCE})
    error = {"summary": "stopped at its time limit", "reason": "timed-out"}
    attempt(run, "build.push", final=False, status="waiting", reason="in-doubt", exit_code=None, error=error)
    assert (node(run, "build.push")["status"], node(run, "build.push")["reason"]) == ("waiting", "in-doubt")
    assert json.loads(run.text("errors/01-build-push.json"))["reason"] == "timed-out"
    run.happen(Settled(run.at(), "build.push", "mlee", "done"))
    found = node(run, "build.push")
    assert (found["status"], found["reason"], found["settled_by"]) == ("succeeded", "settled", "mlee")
    run.leave()


def test_the_runs_manifest_reads_running_from_the_start_of_an_owner(tmp_path: Path) -> None:
    run = recorded(tmp_path, a={})
    assert json.loads(run.text("manifest.json"))["status"] == "running"
    attempt(run, "build.a")
    run.happen(Closed(run.at(), "succeeded", "ok", {}, "1 succeeded"))
    assert json.loads(run.text("manifest.json"))["status"] == "succeeded"
    run.leave()
    run.open(reset=("build.a",))
    assert json.loads(run.text("manifest.json"))["status"] == "running", "a run under way never reads succeeded"
    assert node(run, "build.a")["status"] == "queued"
    run.leave()


def test_the_runs_manifest_sums_up(tmp_path: Path) -> None:
    doc = plan_doc({"build": {"gates": {"fresh": "freshness"}, "nodes": {"a": {}, "b": {"allow_failure": True}}}})
    run = Recorded(tmp_path, doc)
    run.open()
    run.happen(Observed(run.at(), "build.fresh", "succeeded", "ok", "fresh", {}))
    attempt(run, "build.a")
    attempt(run, "build.b", **FAILED)
    run.happen(Requested(run.at(), "0" * 16, "resume", "anna", "refused", "the run has a live owner"))
    run.happen(Closed(run.at(), "succeeded", "ok", {"x": {"value": 1}}, "2 succeeded, 1 failed"))
    found = json.loads(run.text("manifest.json"))
    token = found.pop("resume_token_sha256")
    assert len(token) == 64
    assert found.pop("owner")["run_id"] == run.run.run_id
    assert found == {
        "format_version": 1,
        "run_id": run.run.run_id,
        "task_id": "-",
        "pipeline": {"name": "p", "path": "pipelines/p.yaml"},
        "kind": "cli",
        "status": "succeeded",
        "status_detail": "ok",
        "summary": "2 succeeded, 1 failed",
        "epoch": 1,
        "started_at": "2026-11-22T19:05:12.345Z",
        "updated_at": "2026-11-22T19:05:19.345Z",
        "completed_at": "2026-11-22T19:05:19.345Z",
        "duration_seconds": 7.0,
        "heartbeat_at": "2026-11-22T19:05:19.345Z",
        "heartbeat_interval_seconds": 5,
        "heartbeat_stale_after_seconds": 30,
        "artifact_root": f".runs/-/cli/{run.run.run_id}",
        "resume_events": [
            {
                "timestamp": "2026-11-22T19:05:18.345Z",
                "actor": "anna",
                "reason": "resume",
                "outcome": "blocked",
                "detail": "the run has a live owner",
            }
        ],
        "gates": [{"address": "build.fresh", "status": "succeeded", "reason": "ok", "sentence": "fresh"}],
        "nodes": {"succeeded": 1, "failed": 1},
        "errors": [
            {
                "address": "build.b",
                "attempt": 1,
                "reason": "command-failed",
                "summary": "exit code 2",
                "error_file": "errors/01-build-b.json",
            }
        ],
        "containment": "none",
        "versions": {"orch": "0.1.0", "python": "3.11.7"},
        "outputs": {"x": {"value": 1}},
        "plan_digest": run.plan.digest,
        "journal_head": run.journal.head,
    }
    run.leave()


def test_a_waiting_run_has_no_end_yet_and_its_later_owners_are_listed(tmp_path: Path) -> None:
    run = Recorded(tmp_path, plan_doc({"build": {"gates": {"fresh": "freshness"}, "nodes": {"a": {}}}}))
    for epoch in (1, 2):
        run.open()
        run.happen(Observed(run.at(), "build.fresh", "waiting", "stale", "old", {}))
        run.happen(Closed(run.at(), "waiting", "stale", {}, "1 waiting, 1 queued"))
        found = json.loads(run.text("manifest.json"))
        assert (found["status"], found["status_detail"], found["epoch"]) == ("waiting", "stale", epoch)
        assert "completed_at" not in found
        run.leave()
    assert [event["detail"] for event in found["resume_events"]] == ["epoch 2"]


def test_the_duration_of_a_run_is_the_time_at_which_an_owner_was_at_work(tmp_path: Path) -> None:
    run = Recorded(tmp_path, plan_doc({"build": {"gates": {"fresh": "freshness"}, "nodes": {"a": {}}}}))
    run.open()
    run.happen(Observed(run.at(), "build.fresh", "waiting", "stale", "old", {}))
    run.happen(Closed(run.at(), "waiting", "stale", {}, ""))
    run.leave()
    run.now += 8 * 3_600_000
    run.open()
    run.happen(Observed(run.at(), "build.fresh", "succeeded", "ok", "fresh", {}), Started(run.at(), "build.a", 1))
    run.leave()  # dies
    run.now += 3_600_000
    run.open()
    attempt(run, "build.a", 2)
    run.happen(Closed(run.at(), "succeeded", "ok", {}, ""))
    found = json.loads(run.text("manifest.json"))
    assert found["duration_seconds"] == 2 + 2 + 3
    assert found["completed_at"] == "2026-11-23T04:05:19.345Z"
    run.leave()


def test_the_artifact_of_a_failed_gate_proposes_a_new_run(tmp_path: Path) -> None:
    run = Recorded(tmp_path, plan_doc({"build": {"gates": {"enough": {"check": "inputs.no"}}, "nodes": {"a": {}}}}))
    run.open()
    error = {"summary": "`inputs.no` is false"}
    run.happen(Finished(run.at(), "build.enough", 0, True, "failed", "check-failed", error=error))
    artifact = json.loads(run.text("errors/01-build-enough.json"))
    command = "orch apply pipelines/p.yaml --input yes=true --input no=false"
    assert artifact["details"]["suggestion"] == f"mend what the gate reads, then start a new run: {command}"
    assert "command" not in artifact
    run.leave()


@pytest.fixture
def ended(tmp_path: Path) -> Recorded:
    """A run of two owners: the first was interrupted, a step was tried twice, another timed out in doubt."""
    nodes = {"a": {"retry": {"limit": 1}}, "b": {"needs": ["a"]}, "c": {"effect": ONCE}, "d": {"needs": ["b"]}}
    run = Recorded(tmp_path, plan_doc({"build": {"gates": {"fresh": "freshness"}, "nodes": nodes}}))
    run.open()
    run.happen(Observed(run.at(), "build.fresh", "succeeded", "ok", "fresh", {"kind": "freshness"}))
    attempt(run, "build.a", **{**FAILED, "final": False, "logs": {"stdout": run.log("build.a.1.out", b"no\n")}})
    attempt(run, "build.a", 2, artifacts=(run.artifact("build.a", "out", b"1"),))
    run.happen(Started(run.at(), "build.b", 1), Started(run.at(), "build.c", 1))
    run.leave()
    run.open()
    run.happen(Observed(run.at(), "build.fresh", "succeeded", "ok", "still fresh", {"kind": "freshness"}))
    run.happen(Settled(run.at(), "build.c", "probe", "in-doubt"))
    attempt(run, "build.b", 2, **FAILED)
    run.happen(Skipped(run.at(), "build.d", "upstream-failed"))
    run.happen(Closed(run.at(), "waiting", "in-doubt", {}, ""))
    run.leave()
    return run


def derived(run: Recorded) -> dict[str, bytes]:
    root = Path(run.run.path)
    paths = [*root.glob("nodes/*"), *root.glob("errors/*"), root / "manifest.json"]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def rebuilt(run: Recorded) -> list[str]:
    found = read(run.run.journal, run.plan.digest)
    return sorted(Projector(run.run, run.compiled, lambda: found.head).rebuild(found.events)[1])


def test_what_was_written_as_it_happened_equals_what_the_journal_gives(ended: Recorded) -> None:
    before = derived(ended)
    assert len(before) == 8
    assert rebuilt(ended) == []
    for name in before:
        os.unlink(f"{ended.run.path}/{name}")
    assert rebuilt(ended) == sorted(before)
    assert derived(ended) == before


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_in_a_run_the_files_written_on_the_way_are_those_of_the_journal(
    tmp_path: Path, seed: int
) -> None:
    simulation = simulate(seed)
    plan, state, random = simulation.base, RunState.new(simulation.base), Random(seed)
    head, run = plan.digest, RunDir(str(tmp_path), "-", "r")
    projector = Projector(run, state.plan, lambda: head)
    events = simulation.events()
    written = 0
    while written < len(events):
        size = next((i for i, e in enumerate(events[written:]) if i and isinstance(e, Opened | Closed)), len(events))
        alone = isinstance(events[written], Opened | Closed)
        batch = events[written : written + (1 if alone else min(size, random.randint(1, 5)))]
        for seq, event in enumerate(batch, written + 1):
            apply(state.plan, state, event)
            head = digest(encode(event, seq, head))
        written += len(batch)
        projector.record(batch, state)
    assert Projector(run, plan, lambda: head).rebuild(events)[1] == []
    assert all(
        step in projector.ledger.records for step, status in enumerate(state.status) if status >= Status.SUCCEEDED
    )


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0" * 500])
def test_bad_projections_are_made_again_and_good_ones_left_alone(ended: Recorded, damage: bytes) -> None:
    before = derived(ended)
    (Path(ended.run.path) / "nodes/build.b.json").write_bytes(damage)
    assert rebuilt(ended) == ["nodes/build.b.json"]
    assert derived(ended) == before


def test_what_a_crash_left_unfinished_is_removed(ended: Recorded) -> None:
    root = Path(ended.run.path)
    before = sorted(root.rglob("*"))
    (root / "outputs" / "4.1.json" / "deep").mkdir(parents=True)
    (root / "outputs" / "5.1.json").symlink_to(root)
    for name in (
        "outputs/4.1.json/deep/file",
        "nodes/build.b.json.new",
        "manifest.json.new",
        "outputs/3.1.json",
        "logs/.12.1.tmp",
        "cas/incoming.new",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("half")
    rebuilt(ended)
    assert sorted(root.rglob("*")) == before


def test_an_artifact_whose_log_is_lost_is_left_as_it_is(ended: Recorded) -> None:
    before = derived(ended)
    os.unlink(f"{ended.run.path}/logs/build.a.1.out")
    assert rebuilt(ended) == []
    assert derived(ended) == before

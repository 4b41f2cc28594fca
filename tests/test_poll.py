"""How a run stands, for those who only look: from journal, lock and beat, whoever is at work."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command import BIN, Desk
from plans import plan_doc
from recorded import NOW, Recorded

from orch.app import records
from orch.app.context import Context, SystemClock
from orch.gates.verdict import Context as CommandContext
from orch.gates.verdict import Verdict
from orch.model.events import Closed, Finished, Observed, Started
from orch.problems.problem import Exit, OrchError
from orch.render.poll_text import poll_text
from orch.render.style import style_of
from orch.store.beat import Pulse, beat_bytes
from orch.store.owner import Owner, write_owner
from orch.store.poll import poll

FAILED = {"status": "failed", "reason": "command-failed", "exit_code": 2, "error": {"summary": "exit code 2"}}
BOTH = "--done (or --not-done)"


def judge(gate: Mapping[str, Any], facts: Mapping[str, Any], at: float, context: CommandContext) -> Verdict:
    return Verdict("waiting", "needs-decision", "", 1, 2, ("product",), context.approve("ok", "product", None, None))


def run_of(tmp_path: Path, gates: dict[str, Any] | None = None, **nodes: Any) -> Recorded:
    return Recorded(tmp_path, plan_doc({"build": {"gates": gates or {}, "nodes": nodes}}))


def ask(run: Recorded, **fields: Any) -> dict[str, Any]:
    return poll(run.run, run.compiled, **{"now_ms": run.now, "steady": run.now / 1000, "host": "here", **fields})


def test_a_live_run_reads_running(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={"run": "make"}, b={})
    run.open()
    run.happen(Started(run.at(), "build.a", 1))
    found = ask(run)
    assert found.pop("heartbeat") == {
        "updated_at": "2026-11-22T19:05:12.345Z",
        "age_seconds": 1.0,
        "stale": False,
        "interval_seconds": 5,
        "stale_after_seconds": 30,
    }
    root = f".runs/-/cli/{run.run.run_id}"
    assert found == {
        "format_version": 1,
        "run_id": run.run.run_id,
        "status": "running",
        "started_at": "2026-11-22T19:05:12.345Z",
        "polled_at": "2026-11-22T19:05:13.345Z",
        "manifest": f"{root}/manifest.json",
        "artifact_root": root,
        "counts": {"queued": 1, "running": 1},
        "commands": [
            {
                "index": 1,
                "address": "build.a",
                "command": "make",
                "status": "running",
                "started_at": "2026-11-22T19:05:13.345Z",
            },
            {"index": 2, "address": "build.b", "command": "true", "status": "queued"},
        ],
        "waiting": [],
        "errors": [],
        "cursor": 2,
        "next_poll_after_seconds": 5,
    }
    run.leave()


def test_a_finished_run_is_never_stale_and_says_what_failed(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.happen(Started(run.at(), "build.a", 1))
    run.happen(Finished(run.at(), "build.a", 1, True, **FAILED))
    run.happen(Closed(run.at(), "failed", "failed", {}, "1 failed"))
    run.leave()
    found = ask(run, now_ms=NOW + 10**9, host="elsewhere")
    assert (found["status"], found["status_detail"]) == ("failed", "failed")
    assert found["completed_at"] == "2026-11-22T19:05:15.345Z"
    assert found["heartbeat"]["stale"] is False
    assert "next_poll_after_seconds" not in found
    error = {"address": "build.a", "attempt": 1, "reason": "command-failed", "summary": "exit code 2"}
    assert found["errors"] == [{**error, "error_file": "errors/01-build-a.json"}]
    command = found["commands"][0]
    assert (command["exit_code"], command["error_file"]) == (2, "errors/01-build-a.json")
    assert (command["summary"], command["reason"]) == ("exit code 2", "command-failed")


def test_a_run_whose_owner_is_gone_reads_interrupted_at_once(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.happen(Started(run.at(), "build.a", 1))
    assert ask(run)["status"] == "running"
    run.leave()
    found = ask(run)
    assert (found["status"], found["heartbeat"]["stale"]) == ("interrupted", False)
    assert "next_poll_after_seconds" not in found
    assert [command["status"] for command in found["commands"]] == ["queued"], "nothing of it runs any more"
    assert found["counts"] == {"queued": 1}
    assert found["next"] == f"orch resume {run.run.run_id}"


def test_a_once_step_that_was_interrupted_reads_in_doubt_and_its_probe_is_asked_before_a_person(tmp_path: Path) -> None:
    asked = {"effect": {"once": "x", "probe": "true"}}
    run = run_of(tmp_path, push={"effect": {"once": "x"}}, asked=asked)
    run.open()
    run.happen(Started(run.at(), "build.push", 1), Started(run.now, "build.asked", 1))
    run.leave()
    found = ask(run)
    assert [(command["status"], command["reason"]) for command in found["commands"]] == [("waiting", "in-doubt")] * 2
    assert found["waiting"] == [
        {"step": "build.push", "reason": "in-doubt", "next": f"orch settle {run.run.run_id} build.push {BOTH}"},
        {"step": "build.asked", "reason": "in-doubt"},
    ]


def test_a_killed_owner_is_seen_through_a_real_process(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    program = (
        "import os, sys\n"
        "from orch.store.lock import Lock\n"
        "from orch.store.rundir import RunDir\n"
        "lock = Lock.acquire(RunDir(sys.argv[1], '-', 'r'))\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, run.run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert ask(run)["status"] == "running"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert ask(run)["status"] == "interrupted"


def test_a_run_that_was_only_claimed_reads_interrupted(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    found = ask(run)
    assert (found["status"], found["cursor"]) == ("interrupted", 0)
    assert "started_at" not in found
    assert "heartbeat" not in found


@pytest.mark.parametrize(("age_ms", "stale"), [(30_000, False), (30_001, True), (-60_000, False)])
def test_an_owner_elsewhere_is_judged_by_its_beat(tmp_path: Path, age_ms: int, stale: bool) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.leave()
    write_owner(run.run, Owner(run.run.run_id, 1, 1, 1, "boot", "far"))
    Path(run.run.path, "beat").write_bytes(beat_bytes(Pulse(3, 9, NOW, 0, 0)))
    found = ask(run, now_ms=NOW + age_ms)
    assert (found["status"], found["heartbeat"]["stale"]) == ("running", stale)
    assert found["heartbeat"]["age_seconds"] == max(0, age_ms) / 1000


def test_a_waiting_gate_says_what_is_missing_and_the_command(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"ok": {"kind": "approval"}}, a={})
    run.open()
    run.happen(
        Observed(run.at(), "build.ok", "waiting", "needs-decision", "needs 1 more: product", {"kind": "approval"})
    )
    run.happen(Closed(run.at(), "waiting", "needs-decision", {}, ""))
    run.leave()
    gate = {"gate": "build.ok", "reason": "needs-decision", "sentence": "needs 1 more: product"}
    found = ask(run)
    assert (found["status"], found["next_poll_after_seconds"]) == ("waiting", 30)
    assert "completed_at" not in found
    assert found["waiting"] == [gate]
    command = f"orch approve ok --role product --by NAME --run {run.run.run_id}"
    assert ask(run, judge=judge)["waiting"] == [{**gate, "have": 1, "need": 2, "next": command}]


def test_a_step_in_doubt_waits_with_the_command_that_settles_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, push={"effect": {"once": "x"}, "matrix": ["a"]})
    run.open()
    run.happen(Started(run.at(), "build.push[a]", 1))
    run.leave()
    run.open()
    found = ask(run)["waiting"]
    assert found == [
        {
            "step": "build.push[a]",
            "reason": "in-doubt",
            "next": f"orch settle {run.run.run_id} 'build.push[a]' {BOTH}",
        }
    ]
    run.leave()


@pytest.mark.parametrize(("declared", "ways"), [({}, BOTH), ({"outputs": {"n": "number"}}, "--not-done")])
def test_what_is_in_doubt_is_settled_before_a_run_that_waits_is_resumed(
    tmp_path: Path, declared: dict[str, Any], ways: str
) -> None:
    run = run_of(tmp_path, push={"effect": {"once": "x"}, **declared})
    run.open()
    run.happen(Started(run.at(), "build.push", 1))
    run.happen(Finished(run.at(), "build.push", 1, False, "waiting", "in-doubt"))
    run.happen(Closed(run.at(), "waiting", "in-doubt", {}, ""))
    run.leave()
    found = ask(run)
    assert found["status"] == "waiting"
    assert found["next"] == found["waiting"][0]["next"] == f"orch settle {run.run.run_id} build.push {ways}"
    plain = style_of({}, is_terminal=False, encoding="ascii", width=None)
    assert f"next   {found['next']}" in poll_text(found, plain, all_steps=True)


def test_since_gives_only_what_changed(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={}, b={}, c={})
    run.open()
    run.happen(Started(run.at(), "build.a", 1))
    run.happen(Finished(run.at(), "build.a", 1, True, **FAILED))
    first = ask(run)
    assert len(first["commands"]) == 3
    nothing = ask(run, since=first["cursor"])
    assert (nothing["commands"], nothing["errors"], nothing["cursor"]) == ([], [], first["cursor"])
    run.happen(Started(run.at(), "build.c", 1))
    run.happen(Finished(run.at(), "build.c", 1, True, **FAILED))
    found = ask(run, since=first["cursor"])
    assert [command["address"] for command in found["commands"]] == ["build.c"]
    assert [error["error_file"] for error in found["errors"]] == ["errors/02-build-c.json"]
    assert found["counts"] == {"queued": 1, "failed": 2}
    assert len(ask(run, since=0)["commands"]) == 3
    run.leave()


@pytest.mark.parametrize("since", [-1, 2, 10**9])
def test_a_cursor_of_another_run_is_refused(tmp_path: Path, since: int) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.leave()
    with pytest.raises(OrchError) as caught:
        ask(run, since=since)
    assert (caught.value.exit, caught.value.problems[0].code) == (Exit.USAGE, "O620")


def test_polling_writes_nothing_and_does_not_believe_the_manifest(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.leave()
    Path(run.run.manifest).write_text('{"status": "succeeded"}')
    before = sorted(os.listdir(run.run.path))
    assert ask(run)["status"] == "interrupted"
    assert sorted(os.listdir(run.run.path)) == before
    assert Path(run.run.manifest).read_text() == '{"status": "succeeded"}'


def standing(found: dict[str, Any]) -> tuple[str, str | None]:
    return found["status"], found.get("status_detail")


def test_a_loop_that_does_not_turn_for_thirty_seconds_reads_hung_though_the_heart_beats(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.beat(turn=9, beats=6, seconds=5)
    assert standing(ask(run, steady=run.now / 1000 - 0.001)) == ("running", None), "29.999 s"
    found = ask(run)
    assert standing(found) == ("running", "hung")
    assert (found["heartbeat"]["age_seconds"], found["heartbeat"]["hung_seconds"]) == (5, 30)
    assert found["next"] == f"kill -9 {os.getpid()} && orch resume {run.run.run_id}"
    shown = poll_text(found, style_of({}, is_terminal=False, encoding="utf-8", width=None), all_steps=True)
    assert "running (hung): " in shown
    assert "hung   for 30.0s the engine" in shown
    run.beat(turn=10)
    assert standing(ask(run)) == ("running", None), "it turns again"
    run.leave()
    assert standing(ask(run, steady=run.now / 1000 + 900)) == ("interrupted", None), "the dead do not hang"


def test_an_engine_that_stands_still_as_a_whole_reads_hung_by_the_clock_that_nobody_sets(tmp_path: Path) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    steady = run.now / 1000
    assert standing(ask(run, now_ms=run.now + 10**9, steady=steady + 29)) == ("running", None)
    assert standing(ask(run, now_ms=run.now - 10**9, steady=steady + 30)) == ("running", "hung")
    run.happen(Closed(run.at(), "succeeded", "succeeded", {}, ""))
    assert standing(ask(run, steady=steady + 900)) == ("succeeded", "succeeded")
    run.leave()


@pytest.mark.parametrize(("beats", "detail"), [(6, None), (7, "hung")])
def test_an_owner_elsewhere_hangs_by_its_own_clock(tmp_path: Path, beats: int, detail: str | None) -> None:
    run = run_of(tmp_path, a={})
    run.open()
    run.beat(turn=9, beats=beats, seconds=5)
    run.leave()
    write_owner(run.run, Owner(run.run.run_id, 1, 41, 1, "boot", "far"))
    assert standing(ask(run, steady=10**9)) == ("running", detail)


@contextmanager
def at_work(desk: Desk, number: int) -> Iterator[int]:
    """The engine of a run that has started so many steps. It is killed at the end."""
    argv = [str(BIN / "orch"), "apply", "-j", str(number)]
    with subprocess.Popen(argv, cwd=desk.folder, env=desk.environment(), stderr=subprocess.PIPE) as engine:
        try:
            assert engine.stderr is not None
            engine.stderr.readline()
            while (desk.run_dir() / "journal.ndjson").read_bytes().count(b'"started"') < number:
                assert engine.poll() is None
            pid = json.loads((desk.run_dir() / "owner.json").read_text())["pid"]
            yield pid
            os.kill(pid, signal.SIGKILL)  # the process outside ends when it has: no lock is held any more
        except BaseException:
            engine.kill()
            raise


class Later(SystemClock):
    """A clock that is ahead."""

    def steady(self) -> float:
        return super().steady() + 30


def test_a_stopped_engine_reads_hung_in_every_view(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      one: { run: 'touch begun; sleep 600' }\n")
    with at_work(desk, 1) as pid:
        os.kill(pid, signal.SIGSTOP)
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            pass
        now = Context(str(desk.folder), desk.environment(), 1)
        assert standing(records.poll(now, "@last")) == ("running", None)
        later = now._replace(clock=Later())
        assert standing(records.poll(later, "@last")) == ("running", "hung")
        assert standing(records.show(later, "@last")) == ("running", "hung")
        (row,) = records.list_runs(later).rows
        assert (row.status, row.reason) == ("running", "hung")
    assert standing(records.poll(later, "@last")) == standing(records.show(later, "@last")) == ("interrupted", None)


def test_a_killed_engine_leaves_the_same_steps_for_every_reader(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("""
  main:
    nodes:
      done: { run: "true" }
      open: { needs: [done], run: touch begun; sleep 600 }
      push: { needs: [done], run: touch begun; sleep 600, effect: { once: all } }
      later: { needs: [open], run: "true" }
""")
    with at_work(desk, 3):
        pass
    polled = json.loads(desk.orch("poll", "@last", "--format", "json").out)
    shown = json.loads(desk.orch("runs", "show", "@last", "--json").out)
    (row,) = json.loads(desk.orch("runs", "--json").out)["runs"]
    assert polled["status"] == shown["status"] == row["status"] == "interrupted"
    assert polled["counts"] == shown["nodes"] == {"queued": 2, "waiting": 1, "succeeded": 1}
    told = {step["address"]: (step["status"], step.get("reason")) for step in polled["commands"]}
    assert {step["address"]: (step["status"], step.get("reason")) for step in shown["steps"]}.items() <= told.items()
    assert (told["main.open"], told["main.push"]) == (("queued", None), ("waiting", "in-doubt"))
    for words in (["poll"], ["runs", "show"]):
        said = desk.orch(*words, "@last").out
        assert re.search(r"main\.open +queued +was interrupted", said)
        assert re.search(r"main\.push +waiting +in-doubt", said)

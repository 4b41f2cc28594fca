"""The project's `notify` command hears of a run that has been closed, and can do it no harm."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from command import PROJECT, Desk

from orch.local.hook import run_hook

FAILING = "  one: { nodes: { a: { run: 'echo oh >&2; exit 3' }, b: { run: 'true' } } }\n"
FINE = "  one: { nodes: { a: { run: 'true' } } }\n"
GATED = """\
  ship:
    gates: { agreed: { approval: { subject: [rules.md], require: { editor: 1 } } } }
    nodes: { go: { run: 'true' } }
"""
KEYS = {
    *("format_version", "run_id", "task_id", "pipeline", "status", "reason"),
    *("waiting", "failed", "artifact_root", "next"),
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    hook(desk, 'cat > "told.$(ls told.* 2>/dev/null | wc -l)"')
    return desk


def hook(desk: Desk, script: str, project: str = "") -> None:
    desk.write("tell.sh", f"#!/bin/sh\n{script}\n").chmod(0o755)
    desk.write("orch.yaml", f"{PROJECT}notify: [./tell.sh]\n{project}")


def told(desk: Desk, number: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((desk.folder / f"told.{number}").read_text())
    assert set(document) == KEYS
    return document


def test_a_run_that_is_done_is_told_in_one_object(desk: Desk) -> None:
    desk.pipeline(FINE)
    desk.orch("apply", "--task", "0042")
    run = desk.run_dir().name
    assert told(desk) == {
        "format_version": 1,
        "run_id": run,
        "task_id": "0042",
        "pipeline": "main",
        "status": "succeeded",
        "reason": "succeeded",
        "waiting": [],
        "failed": [],
        "artifact_root": f".runs/0042/cli/{run}",
        "next": None,
    }


def test_what_failed_is_told_with_its_error_file_and_the_next_command(desk: Desk) -> None:
    desk.pipeline(FAILING)
    desk.orch("apply", code=1)
    document = told(desk)
    failure = {"address": "one.a", "reason": "command-failed", "summary": "exit code 3"}
    assert document["failed"] == [{**failure, "error_file": "errors/01-one-a.json"}]
    assert document["next"] == f"orch retry {desk.run_dir().name} --failed"


def test_a_shut_gate_is_told_with_the_command_that_opens_it(desk: Desk) -> None:
    desk.write("rules.md", "text\n")
    desk.pipeline(GATED)
    desk.orch("apply", code=4)
    (waits,) = told(desk)["waiting"]
    assert (waits["gate"], waits["reason"]) == ("ship.agreed", "needs-decision")
    assert waits["next"].startswith("orch approve agreed")
    assert told(desk)["next"] == waits["next"]
    shown = desk.orch("runs", "show", "@last").out
    resume = f"next     orch resume {desk.run_dir().name}\n"
    assert shown.index(f"next     {waits['next']}\n") < shown.index(resume)
    desk.orch("cancel", "@last")
    assert told(desk, 1)["status"] == "cancelled"


def test_the_command_sees_a_closed_journal_and_a_run_that_nobody_owns(desk: Desk) -> None:
    desk.pipeline(FINE)
    hook(desk, 'tail -n 1 .runs/-/cli/"$ORCH_RUN_ID"/journal.ndjson > last; orch resume "$ORCH_RUN_ID" > resumed')
    desk.orch("apply")
    assert json.loads((desk.folder / "last").read_text())["type"] == "closed"
    assert "nothing to do" in (desk.folder / "resumed").read_text()
    desk.orch("verify", "@last")


def test_the_command_gets_the_environment_of_nodes_and_nothing_else(desk: Desk) -> None:
    desk.pipeline(FINE)
    hook(desk, "env > environment; cat > /dev/null", "env: { pass: [WANTED] }\n")
    desk.env |= {"WANTED": "1", "PRIVATE": "2"}
    desk.orch("apply")
    names = {line.partition("=")[0] for line in (desk.folder / "environment").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"} == {
        "PATH",
        "HOME",
        "WANTED",
        "ORCH_RUN_ID",
        "ORCH_TASK_ID",
    }


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("echo no network >&2; exit 7", "warning: notify: `./tell.sh` ended with exit code 7: no network"),
        ("kill -9 $$", "warning: notify: `./tell.sh` ended by signal 9"),
    ],
)
@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_failure_of_the_command_is_a_line_on_stderr_and_nothing_else(
    desk: Desk, script: str, trouble: str, words: tuple[str, ...]
) -> None:
    desk.pipeline(FINE)
    hook(desk, script)
    said = desk.orch("apply", *words)
    assert trouble in said.err
    assert "notify" not in said.out


def test_a_command_that_is_not_there_is_a_line_on_stderr(desk: Desk) -> None:
    desk.pipeline(FINE)
    desk.write("orch.yaml", f"{PROJECT}notify: [./nowhere.sh]\n")
    assert "notify: `./nowhere.sh` cannot be run: No such file or directory" in desk.orch("apply").err


def test_a_plan_and_a_resume_of_an_ended_run_tell_nobody(desk: Desk) -> None:
    desk.pipeline(FINE)
    assert "notify  ./tell.sh" in desk.orch("plan").out
    assert json.loads(desk.orch("plan", "--json").out)["notify"] == ["./tell.sh"]
    assert not (desk.folder / "told.0").exists()
    desk.orch("apply")
    desk.orch("resume", "@last")
    assert (desk.folder / "told.0").exists()
    assert not (desk.folder / "told.1").exists()


def test_a_project_without_the_key_plans_as_ever(desk: Desk) -> None:
    desk.pipeline(FINE)
    desk.write("orch.yaml", PROJECT)
    assert "notify" not in desk.orch("plan").out + desk.orch("plan", "--json").out


def ran(*argv: str, seconds: float = 60, stop: bool = False, given: bytes = b"{}") -> str | None:
    env = {"PATH": os.environ["PATH"]}
    return run_hook(argv, given, cwd="/", env=env, seconds=seconds, stop=lambda: stop)


def test_a_command_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 9> {tmp_path}/alive; trap '' TERM; sleep 600 & sleep 600"
    assert ran("sh", "-c", script, seconds=1.0) == "was stopped after 1 s"
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # nobody is left who could write
    os.close(reader)


def test_a_signal_to_the_engine_ends_the_command() -> None:
    assert ran("sleep", "600", stop=True) == "was stopped: this process was interrupted"


def test_a_command_need_not_read_what_it_is_told() -> None:
    assert ran("true", given=b"x" * (1 << 20)) is None


def test_what_a_command_says_last_is_said_of_its_failure() -> None:
    assert ran("sh", "-c", "echo first; echo last; echo; exit 2") == "ended with exit code 2: last"

"""How runs end that are neither all good nor all bad: in `finally`, in doubt, behind a gate on what a node made."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import BIN, PROJECT, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk.at(tmp_path, cold=True)
    made.write("orch.yaml", PROJECT)
    return made


@pytest.mark.parametrize("more", ["", "      odd: { run: exit 1, allow_failure: true }\n"])
def test_a_run_that_fails_in_finally_alone_is_failed_and_verifies(desk: Desk, more: str) -> None:
    desk.pipeline(f"  one:\n    nodes:\n      good: {{ run: echo }}\n{more}finally:\n  bad: {{ run: exit 9 }}\n")
    desk.orch("apply", code=1)
    desk.orch("verify", "@last")


def in_doubt(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes:\n      send: { run: sleep 30, timeout: 200ms, effect: { once: mail } }\n"
        "  two:\n    gates: { ok: { approval: { subject: [orch.yaml], require: { editor: 1 } } } }\n"
        "    nodes: { last: { run: echo } }\n"
    )
    desk.orch("apply", code=4)


@pytest.mark.parametrize(
    ("address", "said", "code"),
    [("nope", "has no step `nope`", 2), ("two.last", "not in doubt", 6), ("two.ok", "has no node", 6)],
)
def test_what_is_not_in_doubt_cannot_be_settled_and_the_record_stays_as_it_is(
    desk: Desk, address: str, said: str, code: int
) -> None:
    in_doubt(desk)
    before = (desk.run_dir() / "journal.ndjson").read_bytes()
    assert said in desk.orch("settle", "@last", address, "--done", code=code).err
    assert (desk.run_dir() / "journal.ndjson").read_bytes() == before


def test_a_step_in_doubt_is_settled_by_its_id_and_the_gate_behind_it_is_told_of(desk: Desk) -> None:
    in_doubt(desk)
    desk.orch("settle", "@last", "send", "--done")
    desk.orch("resume", "@last", code=4)
    assert "needs 1 more: editor" in desk.orch("poll", "@last").out
    desk.orch("approve", "ok", "--role", "editor", "--by", "reader")
    desk.orch("resume", "@last")


@pytest.mark.parametrize(
    "beside",
    [
        "echo half > $ORCH_OUTPUT.tmp; cp $ORCH_OUTPUT.tmp",
        "mkdir $ORCH_OUTPUT.d; touch $ORCH_OUTPUT.d/x; chmod 0 $ORCH_OUTPUT.d; ln -s . $ORCH_OUTPUT.l; mkdir -m 0",
    ],
)
def test_what_a_command_leaves_beside_its_outputs_is_gone_when_the_run_closes_and_the_run_verifies(
    desk: Desk, beside: str
) -> None:
    ends = "      bad: {{ run: '{} $ORCH_OUTPUT; exit {}', outputs: {{ n: number }} }}\n"
    desk.pipeline("  one:\n    nodes:\n" + ends.format(beside, 1))
    desk.orch("apply", code=1)
    desk.orch("verify", "@last")
    assert not (desk.run_dir() / "outputs").exists()


def test_a_run_cancelled_in_doubt_and_retried_waits_for_the_same_answer_and_verifies(desk: Desk) -> None:
    in_doubt(desk)
    desk.orch("cancel", "@last")
    assert "--done" in desk.orch("retry", "@last", "--failed", code=4).text
    desk.orch("verify", "@last")
    assert desk.node("one.send")["attempt"] == 1
    desk.orch("settle", "@last", "send", "--done")
    desk.orch("verify", "@last")
    assert (desk.node("one.send")["status"], desk.node("one.send")["reason"]) == ("succeeded", "settled")


def test_who_started_a_run_is_known_to_its_first_owner(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes: { build: { run: echo x > x.txt, artifacts: { t: x.txt } } }\n"
        "  two:\n    gates:\n      ok:\n        approval: { subject: ['artifact:build.t'], require: { editor: 1 },"
        " exclude: [author], trust: file }\n    nodes: { last: { run: echo } }\n"
    )
    env = {**desk.environment(), "GIT_CONFIG_GLOBAL": "/dev/null"}
    for words in (["init", "-q"], ["config", "user.email", "writer@project.example"]):
        desk.run(["git", *words], env=env)
    said = desk.orch("apply", code=4)
    assert "needs 1 more: editor" in said.out + said.err
    assert "not known who started" not in said.out + said.err
    assert "author" in desk.orch("approve", "ok", "--role", "editor", "--by", "writer", code=5).err


ASK = """import os
from orch.store.requests import ask
from orch.store.rundir import find
ask(find(os.path.abspath(".runs"), os.environ["ORCH_RUN_ID"]), "cancel", "writer", {}, now_ms=1, random=os.urandom)
"""


def test_a_cancel_that_comes_at_the_very_end_is_answered_and_does_not_reach_into_a_retry(desk: Desk) -> None:
    desk.write("ask.py", ASK)  # who asks in this way does not wait for the answer
    desk.pipeline("  one:\n    nodes: { a: { run: 'test -e mended || { python ask.py; exit 1; }' } }\n")
    desk.orch("apply", code=1)
    assert '"type":"requested"' in (desk.run_dir() / "journal.ndjson").read_text()
    desk.write("mended", "")
    desk.orch("retry", "@last", "--failed")
    assert '"reason":"requested"' not in (desk.run_dir() / "journal.ndjson").read_text().split('"epoch":2')[1]


@pytest.mark.parametrize("key", ["gates:", '"gates":', r'"g\x61tes":', r'"\u0067ates":', '? "ga\\\n      tes"\n    :'])
def test_a_pipeline_with_gates_is_never_taken_from_the_cache_however_their_key_is_written(desk: Desk, key: str) -> None:
    def kept() -> int:
        return len([path for path in desk.home.rglob("*") if path.is_file()])

    desk.pipeline("  one:\n    nodes: { a: { run: 'echo \\ a?' } }\n")
    desk.orch("plan")
    before = kept()
    assert before
    desk.pipeline(
        f"  one:\n    {key} {{ ok: {{ approval: {{ subject: [orch.yaml], require: {{ editor: 1 }} }} }} }}\n"
        "    nodes: { a: { run: echo } }\n"
    )
    assert "needs 1 more" in desk.orch("plan").out
    assert kept() == before


@contextmanager
def applying(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """`orch apply` at work, from where one of its steps has written to the fifo `reached` on."""
    os.mkfifo(desk.folder / "reached")
    pipe = subprocess.PIPE
    argv = [str(BIN / "orch"), "apply"]
    with subprocess.Popen(argv, cwd=desk.folder, env=desk.environment(), stdout=pipe, stderr=pipe, text=True) as run:
        (desk.folder / "reached").read_text()
        yield run
        run.communicate()


def test_a_cancel_of_a_run_in_finally_ends_what_finally_runs(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes: { a: { run: echo } }\n"
        "finally:\n  report: { run: 'echo > reached; sleep 1000' }\n  other: { run: echo }\n"
    )
    with applying(desk) as run:
        assert "accepted" in desk.orch("cancel", "@last").err
    assert run.returncode == 1
    assert "cancelled" in desk.orch("runs").out
    assert (desk.node("finally.report")["status"], desk.node("finally.report")["reason"]) == ("cancelled", "requested")
    assert not list(desk.processes())
    desk.orch("verify", "@last")


def test_a_cancel_ends_a_probe_that_does_not_end_by_itself(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes:\n      send:\n        run: exit 1\n        retry: { limit: 1, delay: 1ms }\n"
        "        effect: { once: mail, probe: 'echo > reached; sleep 1000' }\n"
    )
    with applying(desk) as run:
        desk.orch("cancel", "@last")
    assert run.returncode == 1
    assert desk.node("one.send")["status"] == "cancelled"
    assert not list(desk.processes())
    desk.orch("verify", "@last")


def test_neither_cwd_nor_an_artifact_leaves_the_project_through_a_link_and_the_project_may_be_one(desk: Desk) -> None:
    (desk.folder.parent / "other").mkdir()
    (desk.folder.parent / "other/file").write_text("theirs")
    (desk.folder / "out").symlink_to("../other")
    (desk.folder / "inside").mkdir()
    (desk.folder / "stays").symlink_to("inside")
    nodes = "      {0}: {{ run: echo mine > file, cwd: {0}, artifacts: {{ made: file }} }}\n"
    taken = "      taken: { run: 'true', artifacts: { made: out/file } }\n"
    desk.pipeline(f"  main:\n    nodes:\n{nodes.format('out')}{nodes.format('stays')}{taken}")
    desk.orch("apply", code=1)
    ends = {name: desk.node(f"main.{name}")["reason"] for name in ("out", "taken", "stays")}
    assert ends == {"out": "start-failed", "taken": "output-missing", "stays": "ok"}
    assert (desk.folder.parent / "other/file").read_text() == "theirs"
    alias = desk.folder.with_name("alias")
    alias.symlink_to(desk.folder)
    desk.pipeline(f"  main:\n    nodes:\n{nodes.format('stays')}")
    desk.folder = alias
    desk.orch("apply")


def test_a_run_is_resumed_with_its_own_token_and_a_wrong_one_is_refused_and_recorded(desk: Desk) -> None:
    gates = "gates: { g: { approval: { subject: [a.md], require: { editor: 1 } } } }"
    desk.pipeline(f"  one:\n    {gates}\n    nodes: {{ a: {{ run: echo }} }}\n")
    desk.write("a.md", "text")
    desk.orch("apply", code=4)
    token = (desk.run_dir() / "resume-token").read_text()
    for wrong in (token[:-1] + ("0" if token[-1] != "0" else "1"), ""):
        assert "O626" in desk.orch("resume", "@last", "--token", wrong, code=5).err
    desk.orch("resume", "@last", "--token", token, code=4)
    events = json.loads((desk.run_dir() / "manifest.json").read_text())["resume_events"]
    assert [event["outcome"] for event in events] == ["accepted", "blocked", "blocked"]
    assert {event["detail"] for event in events[1:]} == {"the token was wrong"}
    desk.orch("verify", "@last")


def probing(desk: Desk, probe: str) -> None:
    desk.pipeline(
        '  one:\n    nodes:\n      send:\n        run: \'test -e mended && echo "{\\"n\\": 1}" > $ORCH_OUTPUT\'\n'
        f"        retry: {{ limit: 1, delay: 1ms }}\n        outputs: {{ n: number }}\n"
        f"        effect: {{ once: mail, probe: {probe} }}\n\n"
        "      after: { needs: [send], run: echo x >> after.log }\n"
    )
    desk.orch("apply", code=4)


def test_what_a_probe_calls_done_waits_for_a_person_where_nobody_has_its_outputs(desk: Desk) -> None:
    probing(desk, "'exit 0'")
    (waits,) = json.loads(desk.orch("poll", "@last", "--format", "json").out)["waiting"]
    assert "nobody has what it declares" in waits["sentence"]
    assert waits["next"].endswith("--not-done")
    assert desk.lines("after.log") == 0
    assert "outputs that nobody has" in desk.orch("settle", "@last", "send", "--done", code=6).err
    desk.write("mended", "")
    desk.orch("settle", "@last", "send", "--not-done")
    desk.orch("resume", "@last")
    assert desk.lines("after.log") == 1
    desk.orch("verify", "@last")


@pytest.mark.parametrize(
    ("probe", "told"),
    [
        ("[no-such-program]", "the program 'no-such-program' is not on PATH"),
        ("[./orch.yaml]", "the program ./orch.yaml is not executable"),
        ("no-such-program", "was not found (exit code 127)"),
    ],
)
def test_a_probe_that_cannot_be_used_is_named_where_the_doubt_is_told(desk: Desk, probe: str, told: str) -> None:
    probing(desk, probe)
    assert told in desk.orch("poll", "@last").out
    assert told in desk.node("one.send")["sentence"]


def test_the_log_of_a_probe_is_held_to_its_digest(desk: Desk) -> None:
    probing(desk, "'echo looked; exit 3'")
    (log,) = (desk.run_dir() / "logs").glob("*.probe1.out")
    assert "looked" in desk.orch("runs", "logs", "@last", "send").text
    desk.orch("resume", "@last", code=4)
    names = sorted(path.name for path in log.parent.glob("*.probe*"))
    assert names == ["one.send.1.probe1.out", "one.send.1.probe2.out"]
    desk.orch("verify", "@last")
    log.write_text("looked closely\n")
    assert "one.send.1.probe1.out was changed" in desk.orch("verify", "@last", code=7).text


def test_a_retry_of_what_failed_leaves_an_allowed_failure_and_what_came_of_it_alone(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes:\n      odd: { run: echo x >> odd.log; exit 1, allow_failure: true }\n"
        "      user: { needs: [odd], run: echo x >> user.log }\n"
        "      bad: { run: test -e mended }\n      after: { needs: [bad], run: echo x >> after.log }\n"
    )
    desk.orch("apply", code=1)
    desk.write("mended", "")
    desk.orch("retry", "@last", "--failed")
    assert [desk.lines(f"{name}.log") for name in ("odd", "user", "after")] == [1, 1, 1]
    assert desk.node("one.odd")["status"] == "failed"


def test_what_was_settled_as_not_done_after_a_cancel_is_not_asked_about_again(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes: { send: { run: echo ready > fifo; sleep 600, effect: { once: k } } }\n")
    os.mkfifo(desk.folder / "fifo")
    command = [str(BIN / "orch"), "apply"]
    with subprocess.Popen(command, cwd=desk.folder, env=desk.environment(), stderr=subprocess.DEVNULL) as engine:
        (desk.folder / "fifo").read_text()
        desk.orch("cancel", "@last")
        assert engine.wait(timeout=60) == 4
    said = desk.orch("settle", "@last", "send", "--not-done")
    assert "in doubt" not in said.text
    assert f"next  orch resume {desk.run_dir().name}" in said.text
    assert "in doubt" not in desk.orch("runs", "show", "@last").out
    assert "cancelled" in desk.orch("resume", "@last", code=1).text


def test_a_run_without_its_plan_is_named_with_what_is_missing_and_is_whole_when_that_is_put_back(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes: { send: { run: 'true' } }\n")
    desk.orch("apply")
    desk.orch("apply")
    run = desk.run_dir()
    plan = run / "plan.json"
    plan.rename(desk.folder / "kept.json")
    for verb in (["runs", "show"], ["verify"], ["resume"], ["explain"]):
        said = desk.orch(*verb, run.name, *(["send"] if verb == ["explain"] else []), code=7).err
        assert f"plan.json of run `{run.name}` is missing" in said
        assert f"orch verify {run.name}" in said
    (desk.folder / "kept.json").rename(plan)
    desk.orch("verify", run.name)


def test_a_run_in_which_only_allowed_failures_failed_has_nothing_to_retry(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes: { odd: { run: exit 1, allow_failure: true } }\n")
    desk.orch("apply")
    assert "nothing has failed" in desk.orch("retry", "@last", "--failed", code=6).err


@pytest.mark.parametrize("kept", [0, 1, -1])
@pytest.mark.parametrize("verb", [("resume",), ("retry", "--from", "one.a")])
def test_a_run_whose_journal_has_lost_its_end_is_not_carried_on(desk: Desk, kept: int, verb: tuple[str, ...]) -> None:
    """What the lost records say was done would be done a second time."""
    desk.pipeline("  one: { nodes: { a: { run: 'echo once >> done' } } }\n")
    desk.orch("apply")
    journal = desk.run_dir() / "journal.ndjson"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:kept]))
    said = desk.orch(verb[0], "@last", *verb[1:], code=7)
    assert "O614" in said.text
    assert (desk.folder / "done").read_text() == "once\n"


def test_a_gate_that_a_cancel_has_skipped_asks_for_nothing_any_more(desk: Desk) -> None:
    gate = "gates: { ok: { approval: { subject: [orch.yaml], require: { editor: 1 } } } }"
    desk.pipeline(f"  one: {{ {gate}, nodes: {{ a: {{ run: 'true' }} }} }}\n")
    desk.orch("apply", code=4)
    desk.orch("cancel", "@last")
    assert "orch approve" not in desk.orch("runs", "show", "@last").text


def test_a_file_that_holds_nothing_is_told_how_one_of_its_kind_begins(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  one: { nodes: { a: { run: 'true' } } }\n")
    desk.write("empty.yaml", "# nothing\n")
    assert "`nodes:` or `gates:`" in desk.orch("plan", "--dry-run", "--stubs", "empty.yaml", code=3).err
    desk.write("pipelines/main.tests/one.yaml", "")
    assert "begin with `description:`" in desk.orch("test", code=3).err
    desk.write("tasks/-/decisions/main.agreed.editor.mlee.yaml", "")
    assert "begin with `decision:`" in desk.orch("validate", "tasks", code=3).text
    assert "kind: Pipeline" in desk.orch("validate", "empty.yaml", code=3).text
    desk.orch("apply")
    desk.write("orch.yaml", "")
    for verb in ("apply", "plan", "validate"):
        assert "`kind: Project`" in desk.orch(verb, code=3).text


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("nodes: { a: { run: 'true', writes: src } }", "write `writes: [src/**]`"),
        ("nodes: { a: { run: 'true', cache: {} } }", "write `paths: [src/**]`"),
        ("protected: tests, nodes: { a: { run: 'true' } }", "write `protected: [tests/**]`"),
    ],
)
def test_what_a_list_of_patterns_looks_like_is_shown(tmp_path: Path, phase: str, told: str) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(f"  one: {{ {phase} }}\n", "workspace: branch\n")
    assert told in desk.orch("validate", code=3).text

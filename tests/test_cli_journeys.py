"""What a user does from the first mistake to a finished run, through the real command with an empty environment."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from command import BIN, ENGINE, PROJECT, Desk

BRITTLE = """
  main:
    nodes:
      first: { run: echo ran >> first.log }
      second: { needs: [first], run: "echo ran >> second.log; echo looking >&2; cat mended.txt" }
      third: { needs: [second], run: echo ran >> third.log }
      aside: { run: echo ran >> aside.log }
  later:
    nodes:
      publish: { run: echo ran >> publish.log }
"""
GUARDED = """
  draft:
    nodes:
      write: { run: "echo ran >> write.log; setsid sleep 600 & sleep 600 &" }
  publish:
    gates:
      agreed: { approval: { subject: [rules.md], require: { editor: 1 } } }
    nodes:
      publish: { run: echo ran >> publish.log }
"""
AUTHORED = """
  publish:
    gates:
      agreed: { approval: { subject: [rules.md], require: { editor: 1 }, exclude: [author] } }
    nodes:
      publish: { run: echo ran >> publish.log }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path, cold=True)


@pytest.fixture
def guarded(desk: Desk) -> Desk:
    desk.write("orch.yaml", PROJECT)
    desk.write("rules.md", "All text is in English.\n")
    desk.pipeline(GUARDED)
    return desk


def git(desk: Desk, *words: str, by: str = "writer") -> str:
    """Git as somebody, without anybody's configuration."""
    who = {f"GIT_{what}_{key}": value for what in ("AUTHOR", "COMMITTER") for key, value in person(by).items()}
    isolated = {**desk.environment(), **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    return desk.run(["git", *words], env=isolated).out.strip()


def person(name: str) -> dict[str, str]:
    return {"NAME": name, "EMAIL": f"{name}@project.example"}


def commit(desk: Desk, by: str = "writer") -> None:
    git(desk, "add", "--all")
    git(desk, "commit", "--quiet", "--message", f"by {by}", by=by)


@pytest.fixture
def authored(desk: Desk) -> Desk:
    """A repository in which `writer` wrote the subject."""
    desk.write("orch.yaml", PROJECT)
    desk.write("rules.md", "All text is in English.\n")
    desk.write(".gitignore", "*.log\n.runs/\n")
    desk.pipeline(AUTHORED)
    git(desk, "init", "--quiet", "--initial-branch", "main")
    commit(desk)
    return desk


# --- a failing node


def test_a_failing_node_leaves_one_error_artifact_and_takes_only_its_dependants_down(desk: Desk) -> None:
    desk.pipeline(BRITTLE)
    said = desk.orch("apply", code=1)
    (artifact,) = (desk.run_dir() / "errors").iterdir()
    error = json.loads(artifact.read_text())
    assert error["address"] == "main.second"
    assert error["command"] == "echo ran >> second.log; echo looking >&2; cat mended.txt"
    assert error["details"]["exit_code"] == 1
    assert error["details"]["stderr_tail"].startswith("looking\ncat: ")
    assert {name: desk.node(name)["reason"] for name in ("main.third", "later.publish", "main.aside")} == {
        "main.third": "upstream-failed",
        "later.publish": "phase-not-reached",
        "main.aside": "ok",
    }
    assert f"errors/{artifact.name}" in said.text
    assert f"orch retry {desk.run_dir().name} --failed" in said.text
    assert "looking" in said.text


def test_after_mending_a_retry_runs_what_failed_and_not_what_was_done(desk: Desk) -> None:
    desk.pipeline(BRITTLE)
    desk.orch("apply", code=1)
    desk.orch("resume", "@last", code=1)
    desk.write("mended.txt", "fine\n")
    desk.orch("retry", "@last", "--failed")
    counts = {name: desk.lines(f"{name}.log") for name in ("first", "second", "third", "aside", "publish")}
    assert counts == {"first": 1, "second": 2, "third": 1, "aside": 1, "publish": 1}
    desk.orch("resume", "@last")
    desk.orch("verify", "@last")
    assert desk.lines("publish.log") == 1
    assert len(list((desk.run_dir() / "errors").iterdir())) == 1


def test_the_command_printed_after_a_failure_can_be_pasted(desk: Desk) -> None:
    desk.pipeline(BRITTLE)
    said = desk.orch("apply", code=1)
    desk.write("mended.txt", "fine\n")
    printed = re.search(r"orch (retry \S+ --failed)", said.text)
    assert printed
    desk.orch(*shlex.split(printed[1]))


# --- a missing decision


def test_a_plan_says_what_is_missing_and_the_command_and_writes_nothing(guarded: Desk) -> None:
    before = {path for path in guarded.files() if path.startswith(str(guarded.folder))}
    said = guarded.orch("plan")
    assert re.search(r"publish\.agreed +wait .*needs 1 more: editor", said.out)
    assert "orch approve agreed --role editor --by NAME" in said.out
    assert {path for path in guarded.files() if path.startswith(str(guarded.folder))} == before


def test_a_run_stops_at_a_gate_with_the_earlier_phases_done_and_no_process_left(guarded: Desk) -> None:
    said = guarded.orch("apply", code=4)
    assert guarded.lines("write.log") == 1
    assert guarded.lines("publish.log") == 0
    assert list(guarded.processes()) == []
    assert "needs 1 more: editor" in said.text
    poll = json.loads(guarded.orch("poll", "@last", "--format", "json", code=None).out)
    assert poll["status"] == "waiting"
    assert [gate["gate"] for gate in poll["waiting"]] == ["publish.agreed"]


def test_the_printed_command_decides_and_a_resume_finishes_the_run(guarded: Desk) -> None:
    said = guarded.orch("apply", code=4)
    printed = re.search(r"orch (approve agreed .*--by NAME.*)", said.out)
    assert printed
    guarded.orch(*shlex.split(printed[1].replace("NAME", "reader")))
    guarded.orch("resume", "@last")
    assert (guarded.lines("write.log"), guarded.lines("publish.log")) == (1, 1)
    guarded.orch("resume", "@last")
    assert (guarded.lines("write.log"), guarded.lines("publish.log")) == (1, 1)
    guarded.orch("verify", "@last")


def test_neither_a_resume_nor_a_retry_opens_a_gate(guarded: Desk) -> None:
    guarded.orch("apply", code=4)
    guarded.orch("resume", "@last", code=4)
    guarded.orch("retry", "@last", "--failed", code=6)
    assert guarded.lines("publish.log") == 0


def test_an_edited_subject_shuts_the_gate_and_the_refusal_names_it(guarded: Desk) -> None:
    git(guarded, "init", "--quiet")
    commit(guarded)
    guarded.orch("apply", code=4)
    guarded.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    guarded.write("rules.md", "All text is in French.\n")
    said = guarded.orch("resume", "@last", code=4)
    assert "other content" in said.text
    assert "rules.md" in said.text
    assert guarded.lines("publish.log") == 0


def test_an_edit_of_anything_else_leaves_the_gate_open(guarded: Desk) -> None:
    guarded.write("other.md", "Something.\n")
    git(guarded, "init", "--quiet")
    commit(guarded)
    guarded.orch("apply", code=4)
    guarded.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    guarded.write("other.md", "Something else.\n")
    guarded.orch("resume", "@last")
    assert guarded.lines("publish.log") == 1


# --- who wrote it does not approve it


def test_a_decision_of_somebody_else_opens_the_gate_once_it_is_committed(authored: Desk) -> None:
    authored.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    said = authored.orch("apply", code=4)
    assert "commit" in said.text
    commit(authored, by="reader")
    authored.orch("resume", "@last")
    assert authored.lines("publish.log") == 1


def test_the_author_cannot_approve(authored: Desk) -> None:
    said = authored.orch("approve", "agreed", "--role", "editor", "--by", "writer", code=5)
    assert "wrote" in said.text or "author" in said.text


def test_who_commits_nothing_but_white_space_has_become_an_author(authored: Desk) -> None:
    authored.write("rules.md", "All  text is in English.\n")
    commit(authored, by="second")
    authored.orch("approve", "agreed", "--role", "editor", "--by", "second", code=5)
    forge_decision(authored, "reader", "second")
    commit(authored, by="second")
    said = authored.orch("apply", code=4)
    assert "second" in said.text
    assert authored.lines("publish.log") == 0


def test_who_commits_white_space_elsewhere_has_not(authored: Desk) -> None:
    authored.write("other.md", "All  text is in English.\n")
    commit(authored, by="second")
    authored.orch("approve", "agreed", "--role", "editor", "--by", "second")
    commit(authored, by="second")
    authored.orch("apply")
    assert authored.lines("publish.log") == 1


def forge_decision(desk: Desk, by: str, name: str) -> None:
    """A decision of `by` rewritten by hand to be one of `name`, which the command refuses to write."""
    desk.orch("approve", "agreed", "--role", "editor", "--by", by)
    (real,) = desk.folder.glob("tasks/*/decisions/*.yaml")
    forged = real.with_name(real.name.replace(by, name))
    forged.write_text(real.read_text().replace(f"by: {by}", f"by: {name}"))
    real.unlink()


@pytest.mark.parametrize(("depth", "code"), [(["--depth", "1"], 4), ([], 0)], ids=["shallow", "whole"])
def test_a_shallow_clone_keeps_the_gate_shut_and_a_whole_one_does_not(
    authored: Desk, tmp_path: Path, depth: list[str], code: int
) -> None:
    authored.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    commit(authored, by="reader")
    git(authored, "clone", "--quiet", *depth, authored.folder.as_uri(), str(tmp_path / "clone"))
    clone = Desk(tmp_path / "clone", authored.home, cold=True)
    said = clone.orch("apply", code=code)
    assert ("shallow" in said.text) is bool(depth)
    assert clone.lines("publish.log") == (0 if depth else 1)


@pytest.mark.parametrize("committed", [False, True], ids=["uncommitted", "committed"])
def test_an_uncommitted_subject_keeps_the_gate_shut_and_a_committed_one_does_not(
    authored: Desk, committed: bool
) -> None:
    authored.write("rules.md", "All text is in plain English.\n")
    if committed:
        commit(authored)
        authored.orch("approve", "agreed", "--role", "editor", "--by", "reader")
        commit(authored, by="reader")
    said = authored.orch("apply", code=0 if committed else 4)
    assert ("rules.md is not committed" in said.text) is not committed
    assert authored.lines("publish.log") == committed


# --- bad input


@pytest.mark.parametrize(
    ("line", "code", "place"),
    [
        ("      test: { run: make test, retires: 2 }", "O1", ":6:31"),
        ("      test: { run: make test, needs: [biuld] }", "O2", ":6:"),
        ("      test: { run: make test, timeout: 20 }", "O1", ":6:"),
        ("      test: { run: [make, '${{ nodes.nobody.outputs.x }}'] }", "O2", ":6:"),
        ("      test: { run: make test, run: make }", "O0", ":6:"),
        ("      test: { run: make test, agent: builder }", "O1", ":6:"),
        ("      test: [", "O0", ":"),
    ],
)
@pytest.mark.parametrize("verb", ["validate", "plan", "apply"])
def test_a_mistake_is_told_with_place_code_and_help_and_nothing_is_written(
    desk: Desk, verb: str, line: str, code: str, place: str
) -> None:
    head = "apiVersion: orch/v1\nkind: Pipeline\nname: bad\nphases: { main: { nodes:\n    {\n"
    desk.write("pipelines/bad.yaml", f"{head}{line}\n    }} }} }}\n")
    before = desk.files()
    said = desk.orch(verb, "pipelines/bad.yaml", code=3)
    assert re.search(rf"error\[{code}\d\d\]: ", said.text)
    assert f"pipelines/bad.yaml{place}" in said.text
    assert "= help: " in said.text
    assert desk.files() == before


@pytest.mark.parametrize("words", [["aply"], ["apply", "--job", "2"], ["resume"], ["apply", "nowhere.yaml"]])
def test_a_mistyped_command_is_told_what_to_type_and_nothing_is_written(desk: Desk, words: list[str]) -> None:
    desk.pipeline(BRITTLE)
    before = desk.files()
    said = desk.orch(*words, code=2)
    assert "= help: " in said.err
    assert said.out == ""
    assert desk.files() == before


# --- the machine fails


def cause_and_help(text: str) -> tuple[str, str]:
    """The one line of cause and the one of help that a failure of the machine is told with."""
    found = re.search(r"^error: (.*)\n +(= help: .*)$", text, re.M)
    assert found, text
    assert "Traceback" not in text
    return found[1], found[2]


def on_small_disk(desk: Desk, script: str) -> str:
    """Run a script in the project on a file system of its own, of half a MiB. Its output."""
    start = (
        'mount -t tmpfs -o size=512k none "$PWD" && cd "$PWD" && mkdir pipelines && cp "$HOME/main.yaml" pipelines && '
    )
    space = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if desk.run([*space, "sh", "-c", 'mount -t tmpfs none "$PWD"'], code=None).code:
        pytest.skip("this machine does not let the test mount a file system")
    (desk.home / "main.yaml").write_text((desk.folder / "pipelines/main.yaml").read_text())
    said = desk.run([*space, "sh", "-c", start + script])
    return said.err + said.out


def test_a_full_disk_is_one_line_of_cause_and_one_of_help_and_the_run_goes_on_once_there_is_room(desk: Desk) -> None:
    desk.pipeline("""
  main:
    nodes:
      fill: { run: 'test -e "$HOME/filled" || { touch "$HOME/filled"; cat /dev/zero > big || true; }' }
      after: { needs: [fill], run: echo ran >> "$HOME/after.log" }
""")
    said = on_small_disk(desk, "orch apply; test $? -eq 74 && rm big && orch resume @last && orch verify @last")
    cause, help_ = cause_and_help(said)
    assert "No space left on device" in cause
    assert "orch resume" in help_
    assert set((desk.home / "after.log").read_text().split()) == {"ran"}  # twice where its end could not be written


def test_a_read_only_folder_is_one_line_of_cause_and_one_of_help_and_the_run_goes_on_once_it_can_be_written(
    desk: Desk,
) -> None:
    desk.pipeline(BRITTLE)
    said = on_small_disk(
        desk,
        """orch apply > /dev/null 2>&1
        mount -o remount,ro "$PWD"
        orch retry @last --failed
        test $? -eq 74 || exit
        mount -o remount,rw "$PWD"
        echo fine > mended.txt
        orch retry @last --failed && wc -l < first.log""",
    )
    assert said.splitlines()[-1] == "1"
    cause, help_ = cause_and_help(said)
    assert "Read-only file system" in cause
    assert "read-only" in help_


def test_a_missing_program_fails_its_node_with_help_and_the_run_goes_on_once_it_is_there(desk: Desk) -> None:
    desk.pipeline("""
  main:
    nodes:
      first: { run: echo ran >> first.log }
      tool: { needs: [first], run: [own-tool, --check], env: { PATH: "/usr/bin:/bin:bin" } }
""")
    said = desk.orch("apply", code=1)
    assert "own-tool" in said.text
    assert desk.node("main.tool")["reason"] == "start-failed"
    assert "PATH" in said.text
    desk.write("bin/own-tool", "#!/bin/sh\nexit 0\n").chmod(0o755)
    desk.orch("retry", "@last", "--failed")
    assert desk.lines("first.log") == 1


def test_a_missing_git_keeps_a_gate_that_needs_it_shut_and_says_so(authored: Desk, tmp_path: Path) -> None:
    authored.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    commit(authored, by="reader")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "sh").symlink_to("/bin/sh")
    said = authored.run(
        [str(BIN / "orch"), "apply"], code=4, env={**ENGINE, "PATH": str(bare), "HOME": str(authored.home)}
    )
    assert "git" in said.text
    authored.orch("resume", "@last")
    assert authored.lines("publish.log") == 1


# --- interrupted


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_run_leaves_no_process_and_a_resume_finishes_exactly_what_was_open(
    desk: Desk, number: int, code: int
) -> None:
    desk.pipeline("""
  main:
    nodes:
      done: { run: echo ran >> done.log }
      open:
        needs: [done]
        run: "echo ran >> open.log; test -e go || { echo ready > fifo; setsid sleep 600 & sleep 600; }"
      behind: { needs: [open], run: echo ran >> behind.log }
""")
    os.mkfifo(desk.folder / "fifo")
    command = [str(BIN / "orch"), "apply"]
    with subprocess.Popen(
        command, cwd=desk.folder, env=desk.environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        (desk.folder / "fifo").read_text()
        assert len(list(desk.processes())) >= 3  # the engine, the script, sleep: what is looked for can be found
        engine.send_signal(number)
        out, err = engine.communicate(timeout=30)
    assert engine.returncode == code
    if number != signal.SIGKILL:
        assert f"orch resume {desk.run_dir().name}" in out + err
    gone(desk)
    assert json.loads(desk.orch("poll", "@last", "--format", "json", code=None).out)["status"] == "interrupted"
    desk.write("go", "")
    desk.orch("resume", "@last")
    assert [desk.lines(f"{name}.log") for name in ("done", "open", "behind")] == [1, 2, 1]
    desk.orch("verify", "@last")


def gone(desk: Desk) -> None:
    """Every process is gone within the second that is promised."""
    for left in list(desk.processes()):
        try:
            fd = os.pidfd_open(left)
        except ProcessLookupError:
            continue
        with os.fdopen(fd):
            assert select.select([fd], [], [], 1.0)[0], f"process {left} is still there"


# --- a run that is alive


def test_a_live_run_is_neither_resumed_nor_lost_and_ends_when_it_is_asked_to(desk: Desk) -> None:
    desk.pipeline(
        """
  main:
    nodes:
      long: { run: "echo ready > fifo; setsid sleep 600 & sleep 600" }
      behind: { needs: [long], run: echo ran >> behind.log }
finally:
  report: { run: [sh, -c, 'echo "$STATUS" >> report.log'], env: { STATUS: "${{ run.status }}" } }
"""
    )
    os.mkfifo(desk.folder / "fifo")
    command = [str(BIN / "orch"), "apply"]
    with subprocess.Popen(
        command, cwd=desk.folder, env=desk.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as engine:
        (desk.folder / "fifo").read_text()
        owner = json.loads((desk.run_dir() / "owner.json").read_text())["pid"]
        refused = desk.orch("resume", "@last", code=6)
        assert str(owner) in refused.text
        assert json.loads(desk.orch("poll", "@last", "--format", "json").out)["status"] == "running"
        desk.orch("cancel", "@last")
        assert engine.wait(timeout=30) == 1
    gone(desk)
    assert (desk.folder / "report.log").read_text() == "cancelled\n"
    assert desk.lines("behind.log") == 0
    manifest = json.loads((desk.run_dir() / "manifest.json").read_text())
    assert manifest["status"] == "cancelled"
    assert [(event["reason"], event["outcome"]) for event in manifest["resume_events"]] == [("resume", "blocked")]

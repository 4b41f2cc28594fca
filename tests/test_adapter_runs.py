"""What the command of an adapter does in a run: its reports, its reasons, its environment, and what a crash leaves."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from command import BIN, Desk

HEAD = "apiVersion: orch/v1\nkind: Adapter\nname: x\ndetect: [{ file: x.txt, score: 50 }]\n"
JUNIT = "{reports}/junit.xml"
REPORTED = f"reports: [{{ format: junit, path: '{JUNIT}' }}]"
GOOD = '<testsuite><testcase classname="t.a" name="one"/><testcase classname="t.a" name="two"/></testsuite>'
BAD = (
    '<testsuite><testcase classname="t.a" name="one"/>'
    '<testcase classname="t.a" name="two" file="t/a.py" line="4"><failure message="1 is not 2">at t/a.py</failure>'
    "</testcase><testcase classname='t.a' name='three'><skipped/></testcase></testsuite>"
)
EMPTY = "<testsuite tests='0'></testsuite>"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path)


def argv(script: str, *words: str) -> str:
    return json.dumps(["sh", "-c", script, *words])


def adapter(desk: Desk, test: str, more: str = "", name: str = "x") -> None:
    """The adapter `x`; `test` is its command, as a flow mapping without braces."""
    text = HEAD.replace("name: x", f"name: {name}")
    desk.write(f"adapters/{name}/adapter.yaml", f"{text}{more}commands: {{ test: {{ {test} }} }}\n")


def nodes(desk: Desk, *lines: str, more: str = "") -> None:
    desk.pipeline("  main:\n    nodes:\n" + "".join(f"      {line}\n" for line in lines) + more)


def applied(
    desk: Desk, script: str, more: str = REPORTED, *, keys: str = "", head: str = "", code: int = 0
) -> dict[str, Any]:
    """The manifest of a node that runs this script as the adapter's test."""
    adapter(desk, f"argv: {argv(script)}, {more}" if more else f"argv: {argv(script)}", head)
    nodes(desk, f"a: {{ adapter: x, command: test{keys} }}")
    desk.orch("apply", code=code)
    whole(desk)
    return desk.node("main.a")


def whole(desk: Desk) -> None:
    """Every run that ends passes verify, and nothing of its reports is left."""
    desk.orch("verify", "@last")
    assert not list(desk.run_dir().glob("reports/*"))


def error(desk: Desk) -> dict[str, Any]:
    (path,) = (desk.run_dir() / "errors").iterdir()
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def ended(manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(manifest.get(key) for key in ("status", "reason", "sentence"))


def writes(text: str, then: str = "exit 0") -> str:
    return f"printf %s {shlex.quote(text)} > '{JUNIT}'; {then}"


# Reports


def test_the_counts_of_a_report_are_in_the_manifest(desk: Desk) -> None:
    manifest = applied(desk, writes(GOOD))
    assert ended(manifest)[:2] == ("succeeded", "ok")
    assert manifest["tests"] == {"passed": 2, "failed": 0, "skipped": 0, "errors": 0}


def test_what_failed_is_in_the_error_artifact_with_paths_from_the_projects_root_on(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path, "a project with spaces")
    desk.write("packages/the api/t/a.py", "")
    manifest = applied(desk, writes(BAD, "exit 1"), keys=", cwd: packages/the api", code=1)
    assert manifest["tests"] == {"passed": 1, "failed": 1, "skipped": 1, "errors": 0}
    assert ended(manifest)[:2] == ("failed", "command-failed")
    document = error(desk)
    assert document["summary"] == "exit code 1: 1 of 3 tests failed"
    (finding,) = document["details"]["findings"]
    assert (finding["file"], finding["line"]) == ("packages/the api/t/a.py", 5)
    assert document["details"]["found"] == 1
    assert "found    packages/the api/t/a.py:5  two: 1 is not 2" in desk.orch("runs", "errors", "@last").out


def test_exit_code_0_with_failing_tests_in_the_report_is_a_failure(desk: Desk) -> None:
    manifest = applied(desk, writes(BAD), code=1)
    assert ended(manifest)[:2] == ("failed", "command-failed")
    assert error(desk)["summary"] == "exit code 0, and yet 1 of 3 tests failed"


def test_all_findings_in_any_script_are_kept(desk: Desk) -> None:
    one = "<testcase classname='t' name='%d'><failure message='" + "\N{GRINNING FACE}" * 1000 + "'/></testcase>"
    desk.write("made.xml", f"<testsuite>{''.join(one % number for number in range(60))}</testsuite>")
    applied(desk, f"cp made.xml '{JUNIT}'; exit 1", code=1)
    details = error(desk)["details"]
    assert (len(details["findings"]), details["found"]) == (50, 60)
    assert details["findings"][0]["message"].startswith("\N{GRINNING FACE}" * 900)


NOT_READ = {
    "missing": ("true", "the report junit.xml was not written"),
    "corrupt": (f"echo hello > '{JUNIT}'", "the report junit.xml is not junit: "),
    "half": (f"printf '<testsuite><testcase name=\"a\"' > '{JUNIT}'", "the report junit.xml is not junit: "),
    "folder": (f"mkdir '{JUNIT}'", "the report junit.xml cannot be read: not a regular file"),
    "fifo": (f"mkfifo '{JUNIT}'", "the report junit.xml cannot be read: not a regular file"),
    "symlink": (f"ln -s /etc/passwd '{JUNIT}'", "the report junit.xml cannot be read: not a regular file"),
    "gone": ("rm -r '{reports}'", "the report junit.xml was not written"),
    "folder is a file": ("rm -r '{reports}'; echo > '{reports}'", "the report junit.xml cannot be read: "),
    "folder is elsewhere": (
        "rm -r '{reports}'; ln -s /etc '{reports}'; mkdir -p e; rm '{reports}'; ln -s \"$PWD/e\" '{reports}'",
        "the report junit.xml was not written",
    ),
}


@pytest.mark.parametrize("what", NOT_READ)
def test_a_report_that_cannot_be_read_fails_a_command_that_succeeded_and_explains_one_that_failed(
    desk: Desk, what: str
) -> None:
    script, sentence = NOT_READ[what]
    manifest = applied(desk, script, code=1)
    assert ended(manifest)[:2] == ("failed", "output-missing")
    assert error(desk)["summary"].startswith(sentence)
    assert "tests" not in manifest
    manifest = applied(desk, f"{script}; exit 1", code=1)
    assert ended(manifest)[:2] == ("failed", "command-failed")
    assert error(desk)["summary"].startswith(f"exit code 1; {sentence}")


def test_a_report_of_50_mb_is_read(desk: Desk) -> None:
    case = '<testcase classname="t.a" name="one"><system-out>' + "m" * 9000 + "</system-out></testcase>"
    make = f"import sys; sys.stdout.write('<testsuite>' + {case!r} * 6000 + '</testsuite>')"
    adapter(desk, f"argv: {json.dumps(['sh', '-c', f'python3 make.py > {chr(39)}{JUNIT}{chr(39)}'])}, {REPORTED}")
    desk.write("make.py", make)
    nodes(desk, "a: { adapter: x, command: test }")
    desk.orch("apply")
    assert desk.node("main.a")["tests"]["passed"] == 6000
    whole(desk)


def test_an_optional_report_may_be_missing_and_is_read_where_it_is(desk: Desk) -> None:
    optional = REPORTED.replace("path:", "optional: true, path:")
    assert ended(applied(desk, "true", optional))[:2] == ("succeeded", "ok")
    assert applied(desk, writes(GOOD), optional)["tests"]["passed"] == 2
    assert ended(applied(desk, writes("<half"), optional, code=1))[:2] == ("failed", "output-missing")


def test_a_report_may_lie_in_a_folder_and_have_a_variable_in_its_name(desk: Desk) -> None:
    variables = "variables: { kind: [{ value: unit }] }\n"
    path = "{reports}/deep/{kind}.xml"
    script = f"mkdir '{{reports}}/deep'; printf %s {shlex.quote(GOOD)} > '{{reports}}/deep/unit.xml'"
    manifest = applied(desk, script, f"reports: [{{ format: junit, path: '{path}' }}]", head=variables)
    assert manifest["tests"]["passed"] == 2


TAP_STDOUT = "reports: [{ format: tap, path: stdout }]"


def test_a_report_may_be_the_standard_output(desk: Desk) -> None:
    manifest = applied(desk, "echo 1..2; echo ok 1; echo not ok 2", TAP_STDOUT, code=1)
    assert manifest["tests"] == {"passed": 1, "failed": 1, "skipped": 0, "errors": 0}
    assert "stdout" in manifest
    manifest = applied(desk, "true", TAP_STDOUT, code=1)
    assert error(desk)["summary"] == "the report stdout was not written"


def test_a_report_on_standard_output_that_the_limit_of_logs_has_cut_is_not_taken_for_a_whole_one(desk: Desk) -> None:
    lines = f"for n in range(70_000): print(f'ok {{n + 1}} {'m' * 1000}')\nprint('1..70000')\n"
    desk.write("many.py", lines)
    manifest = applied(desk, "python3 many.py", TAP_STDOUT, code=1)
    assert ended(manifest)[:2] == ("failed", "output-missing")
    assert error(desk)["summary"] == "the report stdout was cut: it is longer than a log may be"
    assert "tests" not in manifest


def test_several_reports_of_one_command_are_added(desk: Desk) -> None:
    two = REPORTED.replace("]", ", { format: junit, path: '{reports}/more.xml' }]")
    manifest = applied(desk, writes(GOOD, f"cp '{JUNIT}' '{{reports}}/more.xml'"), two)
    assert manifest["tests"]["passed"] == 4


def test_of_several_reports_those_that_are_there_are_told_when_one_is_missing(desk: Desk) -> None:
    two = REPORTED.replace("]", ", { format: junit, path: '{reports}/more.xml' }]")
    manifest = applied(desk, writes(GOOD), two, code=1)
    assert manifest["tests"]["passed"] == 2
    assert error(desk)["summary"] == "the report more.xml was not written"


def test_every_attempt_has_a_fresh_folder_for_reports(desk: Desk) -> None:
    script = f"test -e '{JUNIT}' && exit 9; test -e once && exit 7; echo > once; " + writes(BAD, "exit 1")
    manifest = applied(desk, script, keys=", retry: { limit: 1, delay: 0s }", code=1)
    assert (manifest["attempt"], manifest["exit_code"]) == (2, 7)
    assert "tests" not in manifest


# Nothing to do

NONE = "none: { exit: 5, means: no tests were collected }"
AFTER = (
    "good: { needs: [a], run: 'true' }",
    "clean: { needs: [a], trigger_rule: none_failed, run: 'true' }",
    "done: { needs: [a], trigger_rule: all_done, run: 'true' }",
)


@pytest.mark.parametrize("script", ["exit 5", writes(EMPTY), writes(EMPTY, "exit 5")])
def test_no_tests_by_exit_code_or_by_an_empty_report_is_skipped_with_its_sentence(desk: Desk, script: str) -> None:
    adapter(desk, f"argv: {argv(script)}, {NONE}, {REPORTED}")
    nodes(desk, "a: { adapter: x, command: test }", *AFTER)
    desk.orch("apply")
    assert ended(desk.node("main.a")) == ("skipped", "no-tests", "no tests were collected")
    assert ended(desk.node("main.good"))[:2] == ("skipped", "upstream-skipped")
    assert ended(desk.node("main.clean"))[:2] == ("succeeded", "ok")
    assert ended(desk.node("main.done"))[:2] == ("succeeded", "ok")
    assert not (desk.run_dir() / "errors").exists()
    whole(desk)


@pytest.mark.parametrize(
    ("script", "reason"),
    [(writes(EMPTY, "exit 1"), "command-failed"), (writes(GOOD, "exit 5"), "command-failed")],
)
def test_another_exit_code_or_a_report_with_tests_is_not_no_tests(desk: Desk, script: str, reason: str) -> None:
    assert ended(applied(desk, script, f"{NONE}, {REPORTED}", code=1))[:2] == ("failed", reason)


def test_an_empty_report_of_a_command_that_does_not_say_none_is_a_success(desk: Desk) -> None:
    assert ended(applied(desk, writes(EMPTY)))[:2] == ("succeeded", "ok")


def test_a_command_with_nothing_to_do_is_skipped_not_configured_with_its_sentence(desk: Desk) -> None:
    adapter(desk, "skip: no linter is configured")
    nodes(desk, "a: { adapter: x, command: test }", *AFTER)
    desk.orch("apply")
    assert ended(desk.node("main.a")) == ("skipped", "not-configured", "no linter is configured")
    assert ended(desk.node("main.good"))[:2] == ("skipped", "upstream-skipped")
    assert ended(desk.node("main.clean"))[:2] == ("succeeded", "ok")
    assert ended(desk.node("main.done"))[:2] == ("succeeded", "ok")
    whole(desk)


# Ways to end


def test_a_test_that_kills_itself_is_told_with_its_signal_and_what_its_report_had(desk: Desk) -> None:
    manifest = applied(desk, writes(BAD, "kill -9 $$"), code=1)
    assert ended(manifest)[:2] == ("failed", "command-failed")
    document = error(desk)
    assert document["summary"].startswith("ended by signal 9")
    assert document["details"]["found"] == 1
    assert manifest["tests"]["failed"] == 1


def test_a_command_that_asks_a_question_ends_at_once(desk: Desk) -> None:
    asks = 'read -r answer || { echo "no answer" >&2; exit 3; }'
    assert applied(desk, asks, "", code=1)["exit_code"] == 3
    assert applied(desk, "read -r answer < /dev/tty", "", code=1)["exit_code"] not in (0, None)
    assert "/dev/tty" in error(desk)["details"]["stderr_tail"]


def test_a_timeout_ends_a_command_and_its_report_is_not_read(desk: Desk) -> None:
    desk.folder.joinpath("never").write_text("")
    script = writes("<half", "mkfifo go; read -r _ < go")
    manifest = applied(desk, script, keys=", timeout: 300ms", code=1)
    assert ended(manifest)[:2] == ("failed", "timed-out")
    assert error(desk)["summary"] == "stopped at its time limit"
    assert "tests" not in manifest


def test_a_tool_that_is_missing_is_start_failed_with_the_command_that_installs_it(desk: Desk) -> None:
    tools = "tools: { trowel_of_nobody: { install: get trowel } }\n"
    manifest = applied(desk, "true", "tools: [trowel_of_nobody]", head=tools, code=1)
    assert ended(manifest)[:2] == ("failed", "start-failed")
    document = error(desk)
    assert document["summary"] == "the program 'trowel_of_nobody' is not on PATH"
    assert document["details"]["suggestion"] == "install it: get trowel"


CAUSES = (
    "causes:\n"
    "  - { matches: '^no route to (host|peer)$', means: the index cannot be reached }\n"
    "  - { matches: 'gone', means: something is gone }\n"
)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no route to host >&2; exit 2", "exit code 2: the index cannot be reached"),
        ("echo gone; exit 2", "exit code 2: something is gone"),
        ("echo gone; echo no route to peer >&2; exit 2", "exit code 2: the index cannot be reached"),
        ("echo no route to hosts; exit 2", "exit code 2"),
        ("echo gone; exit 0", None),
    ],
)
def test_a_line_of_the_log_of_a_failed_command_gives_its_cause(desk: Desk, script: str, said: str | None) -> None:
    applied(desk, script, "", head=CAUSES, code=1 if said else 0)
    if said:
        assert error(desk)["summary"] == said


def test_failing_tests_say_more_than_a_line_of_the_log(desk: Desk) -> None:
    applied(desk, "echo gone; " + writes(BAD, "exit 1"), head=CAUSES, code=1)
    assert error(desk)["summary"] == "exit code 1: 1 of 3 tests failed"


def test_a_pattern_of_a_cause_that_never_ends_takes_nothing_from_what_reports_say(desk: Desk) -> None:
    endless = "causes: [{ matches: '(a+)+$', means: never }]\n"
    script = f"echo {'a' * 60}! >&2; {writes(BAD, 'exit 1')}"
    assert applied(desk, script, head=endless, code=1)["tests"]["failed"] == 1
    assert error(desk)["summary"] == "exit code 1: 1 of 3 tests failed"


# Environment


def test_the_environments_programs_come_first_and_texts_name_absolute_places(desk: Desk) -> None:
    desk.write("package/.tools/bin/only_here", "#!/bin/sh\necho found\n").chmod(0o755)
    desk.write("adapters/x/help.sh", "echo helped\n")
    head = "environment: { kind: venv, path: .tools }\nfiles: [help.sh]\n"
    script = 'only_here; echo "$VIRTUAL_ENV"; sh "{files}/help.sh"; echo "{env}"'
    applied(desk, script, "", head=head, keys=", cwd: package")
    place = str(desk.folder.resolve() / "package/.tools")
    log = (desk.run_dir() / desk.node("main.a")["stdout"]["path"]).read_text()
    assert log.split("\n") == ["found", place, "helped", place, ""]


def test_an_environment_of_the_node_wins_over_that_of_the_adapter(desk: Desk) -> None:
    applied(desk, 'echo "$A $B"', "env: { A: adapter, B: adapter }", keys=", env: { A: node }")
    log = (desk.run_dir() / desk.node("main.a")["stdout"]["path"]).read_text()
    assert log == "node adapter\n"


# A computed adapter


def computed(desk: Desk, stack: str) -> None:
    adapter(desk, f"argv: {argv(writes(GOOD))}, {REPORTED}", name="stone")
    adapter(desk, "skip: bricks are not tested", name="brick")
    adapter(desk, f"argv: {argv('exit 1')}", name="mud")
    find = f'printf \'{{"stack": "{stack}"}}\' > "$ORCH_OUTPUT"'
    nodes(
        desk,
        f"find: {{ run: {json.dumps(find)}, outputs: {{ stack: string }} }}",
        'a: { needs: [find], adapter: "${{ nodes.find.outputs.stack }}", one_of: [stone, brick], command: test }',
    )


def test_a_computed_adapter_runs_and_its_manifest_names_it(desk: Desk) -> None:
    computed(desk, "stone")
    desk.orch("apply")
    manifest = desk.node("main.a")
    assert (manifest["adapter"], manifest["kind"], manifest["tests"]["passed"]) == ("stone test", "adapter", 2)
    assert manifest["command"][:2] == ["sh", "-c"]
    whole(desk)


def test_a_computed_adapter_with_nothing_to_do_is_skipped_with_its_sentence(desk: Desk) -> None:
    computed(desk, "brick")
    desk.orch("apply")
    assert ended(desk.node("main.a")) == ("skipped", "not-configured", "bricks are not tested")
    whole(desk)


def test_a_value_that_is_not_allowed_fails_the_node_and_says_what_is(desk: Desk) -> None:
    computed(desk, "mud")
    desk.orch("apply", code=1)
    assert ended(desk.node("main.a"))[:2] == ("failed", "not-allowed")
    said = error(desk)["summary"]
    assert said == "`adapter` is 'mud', which is none of stone, brick"
    whole(desk)


# With the rest of the language


def test_a_failing_test_is_tried_again_and_the_last_attempt_counts(desk: Desk) -> None:
    script = f"echo >> tries; n=$(wc -l < tries); if [ $n = 3 ]; then {writes(GOOD)}; fi; {writes(BAD, 'exit 1')}"
    manifest = applied(desk, script, keys=", retry: { limit: 3, delay: 0s }")
    assert (manifest["attempt"], manifest["tests"]["failed"], manifest["tests"]["passed"]) == (3, 0, 2)
    assert len(manifest["error_files"]) == 2


def test_an_allowed_failure_of_an_adapter_lets_the_run_succeed(desk: Desk) -> None:
    manifest = applied(desk, writes(BAD, "exit 1"), keys=", allow_failure: true")
    assert ended(manifest)[:2] == ("failed", "command-failed")


def test_an_adapter_may_run_in_finally(desk: Desk) -> None:
    adapter(desk, f"argv: {argv(writes(GOOD))}, {REPORTED}")
    nodes(desk, "a: { run: 'false' }", more="finally:\n  b: { adapter: x, command: test }\n")
    desk.orch("apply", code=1)
    assert desk.node("finally.b")["tests"]["passed"] == 2
    whole(desk)


def test_outputs_and_artifacts_of_an_adapter_node_are_taken_in(desk: Desk) -> None:
    script = 'echo \'{"n": 3}\' > "$ORCH_OUTPUT"; echo made > made.txt; ' + writes(GOOD)
    manifest = applied(desk, script, keys=", outputs: { n: number }, artifacts: { made: made.txt }")
    assert manifest["outputs"] == {"n": 3}
    assert manifest["artifacts"][0]["name"] == "made"
    assert manifest["tests"]["passed"] == 2


def test_an_output_that_is_missing_is_told_before_a_report_that_is(desk: Desk) -> None:
    applied(desk, "true", keys=", outputs: { n: number }", code=1)
    assert error(desk)["summary"] == "nothing was written to $ORCH_OUTPUT"


# Pinned


def test_a_file_of_an_adapter_that_is_edited_in_a_run_is_used_as_it_was_planned(desk: Desk) -> None:
    desk.write("adapters/x/help.sh", "echo planned >> said\n")
    head = "files: [help.sh]\n"
    edit = "echo 'echo edited >> said' > adapters/x/help.sh"
    adapter(desk, f"argv: {json.dumps(['sh', '{files}/help.sh'])}", head)
    nodes(desk, f"first: {{ run: {json.dumps(edit)} }}", "a: { needs: [first], adapter: x, command: test }")
    desk.orch("apply")
    assert (desk.folder / "said").read_text() == "planned\n"
    whole(desk)


def test_a_resume_uses_the_pinned_files_and_warns_that_they_have_changed(desk: Desk) -> None:
    desk.write("adapters/x/help.sh", "test -e mended && echo planned >> said\n")
    adapter(desk, f"argv: {json.dumps(['sh', '{files}/help.sh'])}", "files: [help.sh]\n")
    nodes(desk, "a: { adapter: x, command: test }")
    desk.orch("apply", code=1)
    desk.write("adapters/x/help.sh", "echo edited >> said\n")
    desk.write("mended", "")
    copy = desk.run_dir() / "adapters/x/help.sh"
    copy.unlink()
    said = desk.orch("retry", "@last", "--failed")
    assert (desk.folder / "said").read_text() == "planned\n"
    assert "adapters/x/help.sh" in said.err
    whole(desk)


def saved(desk: Desk) -> None:
    head = "files: [help.sh]\nvariables: { way: [{ when: { file: slow.txt }, value: slow }] }\n"
    desk.write("x.txt", "")
    desk.write("adapters/x/help.sh", "true\n")
    adapter(
        desk,
        "argv: [sh, '{files}/help.sh', '{way}']",
        head,
    )
    nodes(desk, "a: { adapter: auto, command: test }")
    desk.orch("plan", "-o", "plan.json")
    desk.orch("apply", "plan.json")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("adapters/x/help.sh", "false\n"),
        ("adapters/x/adapter.yaml", None),
        ("slow.txt", ""),
    ],
)
def test_a_saved_plan_refuses_an_adapter_a_file_of_it_or_a_repository_that_has_changed(
    desk: Desk, path: str, text: str | None
) -> None:
    saved(desk)
    desk.write(path, (desk.folder / path).read_text() + "# more\n" if text is None else text)
    said = desk.orch("apply", "plan.json", code=6)
    assert "O288" in said.err
    assert "orch plan pipelines/main.yaml -o plan.json" in said.err


def test_a_saved_plan_refuses_a_repository_in_which_auto_finds_something_else(desk: Desk) -> None:
    saved(desk)
    adapter(desk, "argv: ['true']", name="y")
    assert "O403" in desk.orch("apply", "plan.json", code=3).err


def test_without_a_change_a_saved_plan_is_applied_again(desk: Desk) -> None:
    saved(desk)
    desk.write("other.txt", "")
    desk.orch("apply", "plan.json")


# Records


def test_a_manifest_and_an_error_artifact_that_are_gone_are_written_again_byte_for_byte(desk: Desk) -> None:
    applied(desk, writes(BAD, "exit 1"), code=1)
    run = desk.run_dir()
    files = [run / "nodes/main.a.json", run / "errors/01-main-a.json", run / "manifest.json"]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    desk.orch("resume", "@last", code=1)
    assert [file.read_bytes() for file in files] == before
    whole(desk)


@pytest.mark.parametrize("name", ["nodes/main.a.json", "errors/01-main-a.json"])
def test_verify_finds_a_changed_count(desk: Desk, name: str) -> None:
    applied(desk, writes(BAD, "exit 1"), code=1)
    file = desk.run_dir() / name
    text = file.read_text()
    changed = text.replace('"failed": 1', '"failed": 0').replace('"found": 1', '"found": 0')
    assert changed != text
    file.write_text(changed)
    assert "O612" in desk.orch("verify", "@last", code=7).text


def test_verify_finds_a_changed_copy_of_an_adapters_file(desk: Desk) -> None:
    desk.write("adapters/x/help.sh", "true\n")
    adapter(desk, "argv: [sh, '{files}/help.sh']", "files: [help.sh]\n")
    nodes(desk, "a: { adapter: x, command: test }")
    desk.orch("apply")
    whole(desk)
    copy = desk.run_dir() / "adapters/x/help.sh"
    copy.chmod(0o644)
    copy.write_text("false\n")
    assert "adapters/x/help.sh was changed" in desk.orch("verify", "@last", code=7).text


# Crashes and people


class Owned:
    """A run of a desk in a process of its own, which is looked at from outside."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        words = [str(BIN / "orch"), "apply"]
        self.process = subprocess.Popen(
            words, cwd=desk.folder, env=desk.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def reader(self) -> int:
        """The process that reads reports, stopped as soon as it is seen."""
        wanted = os.fsencode(str(self.desk.folder))
        while self.process.poll() is None:
            for entry in Path("/proc").iterdir():
                try:
                    words = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
                except OSError:
                    continue
                if b"read_reports" in words and wanted in words:
                    os.kill(int(entry.name), signal.SIGSTOP)
                    return int(entry.name)
        raise AssertionError("the run ended, and its reports were not read")

    def journal(self, word: str) -> None:
        """Wait until the journal holds a word."""
        while word not in (self.desk.run_dir() / "journal.ndjson").read_text():
            assert self.process.poll() is None


LARGE = (
    "echo >> effects; { printf '<testsuite>'; yes '<testcase classname=\"t\" name=\"a\"/>' | head -200000; "
    f"printf '</testsuite>'; }} > '{JUNIT}'"
)


def test_a_run_that_is_killed_while_reports_are_read_is_resumed_and_the_step_runs_again(desk: Desk) -> None:
    adapter(desk, f"argv: {argv(LARGE)}, {REPORTED}")
    nodes(desk, "a: { adapter: x, command: test }")
    owned = Owned(desk)
    owned.reader()
    os.kill(json.loads((desk.run_dir() / "owner.json").read_text())["pid"], signal.SIGKILL)
    owned.process.wait()
    assert desk.lines("effects") == 1
    desk.orch("verify", "@last")
    desk.orch("resume", "@last")
    assert desk.lines("effects") == 2
    assert desk.node("main.a")["tests"]["passed"] == 200_000
    whole(desk)
    before = desk.files()
    desk.orch("resume", "@last")
    moved = ("lock", "beat", "owner.json")
    assert {path: data for path, data in desk.files().items() if not path.endswith(moved)} == {
        path: data for path, data in before.items() if not path.endswith(moved)
    }
    assert desk.lines("effects") == 2
    whole(desk)


def test_a_cancel_while_reports_are_read_lets_the_command_count_and_starts_nothing_more(desk: Desk) -> None:
    adapter(desk, f"argv: {argv(LARGE)}, {REPORTED}")
    nodes(desk, "a: { adapter: x, command: test }", "b: { needs: [a], run: echo >> effects }")
    owned = Owned(desk)
    reader = owned.reader()
    cancel = subprocess.Popen([str(BIN / "orch"), "cancel", "@last"], cwd=desk.folder, env=desk.environment())
    owned.journal('"requested"')
    os.kill(reader, signal.SIGCONT)
    assert (cancel.wait(), owned.process.wait()) == (0, 1)
    assert ended(desk.node("main.a"))[:2] == ("succeeded", "ok")
    assert desk.node("main.a")["tests"]["passed"] == 200_000
    assert ended(desk.node("main.b"))[:2] == ("skipped", "cancelled")
    assert desk.lines("effects") == 1
    whole(desk)


def test_the_reader_of_reports_that_is_killed_fails_the_step_with_a_sentence(desk: Desk) -> None:
    adapter(desk, f"argv: {argv(LARGE)}, {REPORTED}")
    nodes(desk, "a: { adapter: x, command: test }")
    owned = Owned(desk)
    os.kill(owned.reader(), signal.SIGKILL)
    assert owned.process.wait() == 1
    assert ended(desk.node("main.a"))[:2] == ("failed", "output-missing")
    assert error(desk)["summary"] == "the reports could not be read: their reader ended with signal 9"
    whole(desk)


def test_the_probe_of_an_adapter_node_sees_the_places_of_the_adapter(desk: Desk) -> None:
    head = "environment: { kind: folder, path: .tools }\n"
    script = "echo >> effects; echo > reached; read -r _ < go"
    os.mkfifo(desk.folder / "reached")
    os.mkfifo(desk.folder / "go")
    adapter(desk, f"argv: {argv(script)}, env: {{ PLACE: '{{env}}' }}", head)
    probe = json.dumps('test -n "$PLACE" && test -e effects')
    nodes(desk, f"a: {{ adapter: x, command: test, effect: {{ once: key, probe: {probe} }} }}")
    owned = Owned(desk)
    (desk.folder / "reached").read_text()
    os.kill(json.loads((desk.run_dir() / "owner.json").read_text())["pid"], signal.SIGKILL)
    owned.process.wait()
    desk.orch("resume", "@last")
    assert ended(desk.node("main.a"))[:2] == ("succeeded", "settled")
    assert desk.lines("effects") == 1
    whole(desk)

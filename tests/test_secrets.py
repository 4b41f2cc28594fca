"""Secrets: a command that names one has it, and nobody finds it anywhere else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from canaries import FORMS, SECRETS, leaks, twins
from command import BIN, PROJECT, Desk
from test_workspaces import commit, git
from test_workspaces import log as log_of

TOKEN = "hunter2-hunter2"
DECLARED = 'secrets: { TOKEN: "env:CI_TOKEN" }\n'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.env["CI_TOKEN"] = TOKEN
    return desk


def node(run: str, more: str = "") -> str:
    return f"  main:\n    nodes:\n      push: {{ run: {json.dumps(run)}, secrets: [TOKEN]{more} }}\n"


def kept(desk: Desk) -> bytes:
    """Every byte below .runs and in the caches of the user's, and every name."""
    tops = [desk.folder / ".runs", desk.home]
    files = [path for top in tops for path in top.rglob("*")]
    return b"\n".join([*map(os.fsencode, files), *(path.read_bytes() for path in files if path.is_file())])


def log(desk: Desk, name: str = "main.push.1.out") -> str:
    return (desk.run_dir() / "logs" / name).read_text()


# --- who gets it


def test_a_command_finds_its_secrets_in_its_environment_and_another_does_not(desk: Desk) -> None:
    desk.write("expected", TOKEN)
    other = '      other: { run: "! env | grep -e TOKEN -e hunter2" }\n'
    desk.pipeline(node('test "$TOKEN" = "$(cat expected)"') + other, DECLARED)
    desk.orch("apply")
    assert TOKEN.encode() not in kept(desk)


def test_the_variable_that_a_secret_is_read_from_reaches_no_command(desk: Desk) -> None:
    desk.pipeline(node('test -z "$CI_TOKEN"'), DECLARED)
    desk.orch("apply")


def test_a_secret_from_a_file_has_no_newline_at_its_end_and_keeps_those_within(desk: Desk) -> None:
    desk.write("key", "first-line\nsecond-line\n").chmod(0o600)
    desk.pipeline(node('printf %s "$TOKEN" > got'), 'secrets: { TOKEN: "file:key" }\n')
    assert "warning" not in desk.orch("apply").text
    assert (desk.folder / "got").read_text() == "first-line\nsecond-line"


def test_equal_steps_share_their_secrets_and_finally_has_its_own(desk: Desk) -> None:
    desk.pipeline(
        '  main:\n    nodes:\n      each: { matrix: { n: [a, b] }, run: "test ${#TOKEN} = 15", secrets: [TOKEN] }\n',
        f'{DECLARED}finally: {{ tell: {{ run: "echo $TOKEN", secrets: [TOKEN] }} }}\n',
    )
    desk.orch("apply")
    assert log(desk, "finally.tell.1.out") == "***\n"


def test_a_probe_has_the_secrets_of_its_step_and_is_masked_too(desk: Desk) -> None:
    probe = 'echo "probed with $TOKEN"; exit 1'
    effect = f", effect: {{ once: push, probe: {json.dumps(probe)} }}, timeout: 1s"
    desk.pipeline(node("sleep 30", effect), DECLARED)
    desk.orch("apply", code=1)
    assert log(desk, "main.push.1.probe1.out") == "probed with ***\n"


def test_a_child_pipeline_brings_its_own_secrets(desk: Desk) -> None:
    child = 'phases: { one: { nodes: { push: { run: "echo $TOKEN", secrets: [TOKEN] } } } }\n'
    desk.write("pipelines/child.yaml", f"apiVersion: orch/v1\nkind: Pipeline\nname: child\n{DECLARED}{child}")
    desk.pipeline("  main: { nodes: { inner: { pipeline: ./child.yaml } } }\n")
    desk.orch("apply", "pipelines/main.yaml")
    assert [path.read_text() for path in (desk.run_dir() / "logs").iterdir()] == ["***\n"]
    del desk.env["CI_TOKEN"]
    assert "error[O506]" in desk.orch("apply", "pipelines/main.yaml", code=3).err


def test_what_only_a_run_makes_has_its_secrets_too(desk: Desk) -> None:
    desk.write("found", '{"names": ["a", "b"]}')
    desk.pipeline(
        "  first: { nodes: { find: { run: 'cp found \"$ORCH_OUTPUT\"', outputs: { names: list } } } }\n"
        "  second:\n    nodes:\n"
        '      each: { matrix: { name: "${{ nodes.find.outputs.names }}" }, run: "echo $TOKEN", secrets: [TOKEN] }\n'
        "      again:\n        loop:\n          until: nodes.push.status == 'succeeded'\n          max_iterations: 2\n"
        '          nodes: { push: { run: "echo $TOKEN", secrets: [TOKEN] } }\n',
        DECLARED,
    )
    desk.orch("apply")
    assert [path.read_text() for path in (desk.run_dir() / "logs").iterdir()] == ["***\n"] * 3
    del desk.env["CI_TOKEN"]
    assert "error[O506]" in desk.orch("apply", code=3).err


# --- what is refused


def test_without_its_value_nothing_begins_and_nothing_is_written(desk: Desk) -> None:
    desk.pipeline(node("true"), DECLARED)
    del desk.env["CI_TOKEN"]
    said = desk.orch("apply", code=3)
    assert "error[O506]: secret TOKEN: env CI_TOKEN is not set" in said.err
    assert "export CI_TOKEN=" in said.err
    assert not (desk.folder / ".runs").exists()
    desk.env["CI_TOKEN"] = TOKEN
    desk.orch("apply")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1234567", "has 7 bytes, and needs at least 8"),
        ("   1234567   ", "has 7 bytes beside the white space around it, and needs"),
        ("        ", "has 0 bytes beside the white space around it, and needs"),
        ("", "has 0 bytes"),
        ("12345678", None),
        ("üüüü", None),
    ],
)
def test_a_value_of_fewer_than_8_bytes_is_refused(desk: Desk, value: str, said: str | None) -> None:
    desk.pipeline(node("true"), DECLARED)
    desk.env["CI_TOKEN"] = value
    told = desk.orch("apply", code=3 if said else 0)
    assert (said or "") in told.err


def test_a_file_that_cannot_hold_a_secret_is_refused_with_the_reason(desk: Desk) -> None:
    desk.pipeline(node("true"), 'secrets: { TOKEN: "file:keys/token" }\n')
    assert "keys/token cannot be read: No such file" in desk.orch("apply", code=3).err
    (desk.folder / "keys/token").mkdir(parents=True, mode=0o755)
    assert "O508" not in desk.orch("plan").err
    assert "keys/token is not a regular file" in desk.orch("apply", code=3).err
    (desk.folder / "keys/token").rmdir()
    os.mkfifo(desk.folder / "keys/token")
    assert "keys/token is not a regular file" in desk.orch("apply", code=3).err
    (desk.folder / "keys/token").unlink()
    file = desk.write("keys/token", "k" * 65537)
    assert "keys/token has more than 64 KiB" in desk.orch("apply", code=3).err
    file.write_bytes(b"12345\x006789")
    assert "keys/token holds a NUL" in desk.orch("apply", code=3).err
    file.write_text("k1" * 32768)
    desk.orch("apply")


def test_a_file_that_everybody_can_read_is_taken_with_a_warning(desk: Desk) -> None:
    file = desk.write("token", TOKEN)
    file.chmod(0o644)
    desk.pipeline(node("true"), 'secrets: { TOKEN: "file:token" }\n')
    for verb in ("plan", "apply"):
        assert "warning[O508]: secret TOKEN: everybody on this machine can read token" in desk.orch(verb).err
    file.chmod(0o640)
    assert "warning" not in desk.orch("apply").err


def test_a_secret_from_a_variable_that_every_command_gets_is_refused(desk: Desk) -> None:
    desk.write("orch.yaml", PROJECT + "env: { pass: [CI_TOKEN] }\n")
    desk.pipeline(node("true"), DECLARED)
    for verb in ("validate", "plan", "apply"):
        said = desk.orch(verb, code=3).text
        assert "error[O505]: every command gets `CI_TOKEN`, which `env.pass` of orch.yaml names" in said
        assert "pipelines/main.yaml:4:" in said
    desk.write("orch.yaml", PROJECT + "env: { pass: [CI_OTHER] }\n")
    desk.orch("apply")
    desk.pipeline(node("true"), 'secrets: { TOKEN: "env:https_proxy" }\n')
    assert "error[O505]: every command gets `https_proxy`, which orch passes on" in desk.orch("plan", code=3).err


def test_a_secret_that_stands_in_the_plan_is_refused_before_a_run_keeps_it(desk: Desk) -> None:
    given = 'inputs: { note: { type: string, default: "-" } }\n'
    desk.pipeline(node(f"echo {TOKEN}"), DECLARED + given)
    assert "error[O507]: pipelines/main.yaml holds the secret TOKEN" in desk.orch("apply", code=3).err
    desk.pipeline(node("true"), DECLARED + given)
    told = desk.orch("apply", "--input", f"note=x{TOKEN}", code=3).err
    assert "error[O507]: an input or another value of the plan holds the secret TOKEN" in told
    assert TOKEN not in told
    assert not (desk.folder / ".runs").exists()
    assert TOKEN.encode() not in kept(desk)
    desk.orch("apply", "--input", f"note=x{TOKEN[:-1]}")


def test_a_secret_in_an_input_is_neither_shown_nor_saved_by_plan_where_it_can_be_read(desk: Desk) -> None:
    desk.pipeline(node("true"), DECLARED + 'inputs: { note: { type: string, default: "-" } }\n')
    for more in ([], ["--json"], ["-o", "plan.json"]):
        said = desk.orch("plan", "--input", f"note=x{TOKEN}", *more, code=3)
        assert "error[O507]" in said.err
        assert TOKEN not in said.text
    assert not (desk.folder / "plan.json").exists()
    assert TOKEN.encode() not in kept(desk)
    desk.orch("plan", "--input", f"note=x{TOKEN[:-1]}", "-o", "plan.json")
    del desk.env["CI_TOKEN"]
    desk.orch("plan", "--input", f"note=x{TOKEN}")


def test_a_run_is_not_resumed_without_its_secrets_and_nothing_is_written(desk: Desk) -> None:
    desk.pipeline(
        "  one: { nodes: { first: { run: 'true' } } }\n"
        "  two:\n    gates: { agreed: { approval: { subject: [rules.md], require: { editor: 1 } } } }\n"
        "    nodes: { push: { run: 'true', secrets: [TOKEN] } }\n",
        DECLARED,
    )
    desk.write("rules.md", "All text is in English.\n")
    desk.orch("apply", code=4)
    desk.orch("approve", "agreed", "--as", "editor", "--by", "writer", code=None)
    del desk.env["CI_TOKEN"]
    before = desk.files()
    assert "error[O506]: secret TOKEN: env CI_TOKEN is not set" in desk.orch("resume", "@last", code=3).err
    assert {path: data for path, data in desk.files().items() if not path.endswith("beat")} == {
        path: data for path, data in before.items() if not path.endswith("beat")
    }
    desk.env["CI_TOKEN"] = TOKEN
    desk.orch("resume", "@last", code=None)
    assert desk.node("one.first")["status"] == "succeeded"


def test_a_run_that_is_over_needs_no_secrets_to_be_resumed(desk: Desk) -> None:
    desk.pipeline(node("true"), DECLARED)
    desk.orch("apply")
    del desk.env["CI_TOKEN"]
    desk.orch("resume", "@last")


def test_a_run_can_be_cancelled_without_its_secrets_and_what_lacks_one_fails(desk: Desk) -> None:
    desk.pipeline(
        "  two:\n    gates: { agreed: { approval: { subject: [rules.md], require: { editor: 1 } } } }\n"
        "    nodes: { push: { run: 'true', secrets: [TOKEN] } }\n",
        f"{DECLARED}finally: {{ tell: {{ run: 'true', secrets: [TOKEN] }}, also: {{ run: 'true' }} }}\n",
    )
    desk.write("rules.md", "All text is in English.\n")
    desk.orch("apply", code=4)
    del desk.env["CI_TOKEN"]
    desk.orch("cancel", "@last", code=None)
    assert desk.node("finally.also")["status"] == "succeeded"
    assert (desk.node("finally.tell")["status"], desk.node("finally.tell")["reason"]) == ("failed", "start-failed")


# --- what a plan says


def test_a_plan_tells_where_secrets_come_from_who_gets_them_and_which_are_missing(desk: Desk) -> None:
    more = 'secrets: { TOKEN: "env:CI_TOKEN", KEY: "file:key", OLD: "env:OLD" }\n'
    desk.pipeline(node("true") + '      sign: { run: "true", secrets: [KEY, TOKEN] }\n', more)
    said = desk.orch("plan")
    assert "Secrets: TOKEN from env:CI_TOKEN for main.push, main.sign\n" in said.out
    assert "         KEY from file:key for main.sign\n" in said.out
    assert "warning[O506]: secret KEY: key cannot be read" in said.err
    assert "warning[O509]: no node asks for the secret OLD" in said.err
    assert "CI_TOKEN is not set" not in said.err
    told = json.loads(desk.orch("plan", "--json").out)
    assert told["secrets"] == {"TOKEN": "env:CI_TOKEN", "KEY": "file:key", "OLD": "env:OLD"}
    assert told["steps"][1]["secrets"] == ["KEY", "TOKEN"]
    del desk.env["CI_TOKEN"]
    assert "warning[O506]: secret TOKEN: env CI_TOKEN is not set" in desk.orch("plan").err  # from the cache, too


def test_a_secret_of_a_step_that_is_not_selected_is_not_needed(desk: Desk) -> None:
    desk.pipeline(node("true") + '      other: { run: "true" }\n', DECLARED)
    del desk.env["CI_TOKEN"]
    desk.orch("apply", "--select", "other")
    desk.orch("apply", "--select", "push", code=3)


def test_a_pipeline_without_secrets_has_the_plan_that_it_had(desk: Desk) -> None:
    desk.pipeline('  main: { nodes: { a: { run: "true" } } }\n')
    desk.orch("plan", "-o", "plan.json")
    assert "secrets" not in (desk.folder / "plan.json").read_text()


# --- what is handed over


@pytest.mark.parametrize("form", ["raw", "base64 within", "a form", "JSON in ASCII", "hex"])
def test_a_secret_in_an_output_fails_the_node(desk: Desk, form: str) -> None:
    desk.env["CI_TOKEN"] = "hunter ü/\"'2hunter"
    desk.write("leaked", FORMS[form](desk.env["CI_TOKEN"]))
    code = "import json, os; json.dump({'a': 'x' + open('leaked').read() + 'y'}, open(os.environ['ORCH_OUTPUT'], 'w'))"
    desk.pipeline(node(f'{sys.executable} -c "{code}"', ", outputs: { a: string }"), DECLARED)
    desk.orch("apply", code=1)
    found = desk.node("main.push")
    assert (found["status"], found["reason"]) == ("failed", "secret-in-output")
    assert "$ORCH_OUTPUT holds the secret TOKEN" in json.dumps(found)
    assert not list(desk.run_dir().glob("outputs/*"))
    assert "hunter" not in kept(desk).decode(errors="replace")


def test_a_secret_that_json_escapes_in_a_way_of_its_own_is_found_in_an_output_too(desk: Desk) -> None:
    escaped = "".join(f"\\u{ord(character):04X}" for character in TOKEN)
    desk.write("leaked", f'{{"a": "{escaped}"}}')
    desk.pipeline(node('cp leaked "$ORCH_OUTPUT"', ", outputs: { a: string }"), DECLARED)
    desk.orch("apply", code=1)
    assert desk.node("main.push")["reason"] == "secret-in-output"
    assert escaped.encode() not in kept(desk)


def test_an_output_that_only_resembles_a_secret_is_taken(desk: Desk) -> None:
    desk.write("made", json.dumps({"a": TOKEN[:-1]}))
    desk.pipeline(node('cp made "$ORCH_OUTPUT"', ", outputs: { a: string }"), DECLARED)
    desk.orch("apply")
    assert desk.node("main.push")["outputs"] == {"a": TOKEN[:-1]}


def test_a_failure_for_a_secret_in_an_output_can_be_tried_again(desk: Desk) -> None:
    desk.write("fine", '{"a": "fine"}')
    script = 'if test -e again; then cat fine; else touch again; echo "$TOKEN"; fi > "$ORCH_OUTPUT"'
    retry = ", outputs: { a: string }, retry: { limit: 1, delay: 1ms, on: [secret-in-output] }"
    desk.pipeline(node(script, retry), DECLARED)
    desk.orch("apply")
    assert desk.node("main.push")["attempt"] == 2


@pytest.mark.parametrize("gap", [0, (1 << 20) - 4, (1 << 20) - 1, 3 << 20])
def test_an_artifact_that_holds_a_secret_is_refused_and_not_a_byte_of_it_is_kept(desk: Desk, gap: int) -> None:
    script = f'head -c {gap} /dev/zero > made; printf %s "$TOKEN" >> made; echo more >> made'
    desk.pipeline(node(script, ", artifacts: { made: made }"), DECLARED)
    desk.orch("apply", code=1)
    found = desk.node("main.push")
    assert found["reason"] == "secret-in-output"
    assert "artifact `made`: `made` holds the secret TOKEN" in json.dumps(found)
    assert TOKEN.encode() not in kept(desk)
    assert not list(desk.run_dir().glob("artifacts/*/*"))


def test_an_artifact_that_only_resembles_a_secret_is_kept_as_it_is(desk: Desk) -> None:
    desk.pipeline(node('printf %s "${TOKEN%?}" > made', ", artifacts: { made: made }"), DECLARED)
    desk.orch("apply")
    assert (desk.run_dir() / "artifacts/main.push/made").read_text() == TOKEN[:-1]


@pytest.fixture
def reporting(desk: Desk) -> Desk:
    """A project whose test command makes a report of report.xml, with the secret for every @."""
    desk.write(
        "adapters/own/adapter.yaml",
        "apiVersion: orch/v1\nkind: Adapter\nname: own\ndescription: Reports what it is given.\n"
        "detect: [{ file: own.txt, score: 10 }]\n"
        "commands:\n"
        "  test:\n"
        "    argv: [sh, report.sh, '{reports}/junit.xml']\n"
        "    reports: [{ format: junit, path: '{reports}/junit.xml' }]\n",
    )
    desk.write("own.txt", "")
    desk.write("report.sh", 'sed "s/@/$TOKEN/g" report.xml > "$1"; exit 1\n')
    desk.pipeline("  main:\n    nodes:\n      push: { adapter: own, command: test, secrets: [TOKEN] }\n", DECLARED)
    return desk


def failure(desk: Desk, message: str) -> str:
    """The message of the one finding, of a report that says this."""
    case = f'<testcase name="t"><failure message="{message}"></failure></testcase>'
    desk.write("report.xml", f'<testsuite name="s" tests="1" failures="1">{case}</testsuite>')
    desk.orch("apply", code=1)
    (file,) = (desk.run_dir() / "errors").iterdir()
    found = re.search(r'"message": ?"([^"]*)"', file.read_text())
    assert found is not None, file.read_text()
    return found[1]


@pytest.mark.parametrize("before", ["", "@"])
def test_of_a_secret_at_which_a_message_is_cut_nothing_is_left(reporting: Desk, before: str) -> None:
    message = before + "x" * (985 - len(before) * len(TOKEN)) + "@" + "y" * 100
    assert failure(reporting, message) == before.replace("@", "***") + message.strip("@y") + "…"


def test_a_message_that_is_cut_behind_what_is_no_secret_loses_nothing(reporting: Desk) -> None:
    assert failure(reporting, "." * 2000) == "." * 999 + "…"


def test_reports_are_masked_before_their_findings_are_recorded(reporting: Desk) -> None:
    desk = reporting
    desk.write(
        "report.xml",
        '<testsuite name="s" tests="1" failures="1"><testcase name="t"><failure message="refused for @">'
        "the token @ is wrong</failure></testcase></testsuite>",
    )
    said = desk.orch("apply", code=1)
    assert "***" in json.dumps(desk.node("main.push")) or "***" in said.text
    assert TOKEN.encode() not in kept(desk)
    assert TOKEN not in said.text
    assert not (desk.run_dir() / "reports").exists()


# --- in trees of their own


APART = """
  main:
    nodes:
      push: {{ run: {run}, secrets: [TOKEN]{more} }}
"""


@pytest.fixture
def branched(desk: Desk) -> Desk:
    git(desk, "init", "--quiet", "--initial-branch=main")
    return desk


@pytest.mark.parametrize("more", ["", ", workspace: worktree"])
@pytest.mark.parametrize("form", ["text", "binary"])
def test_a_secret_in_a_tree_is_neither_committed_nor_kept_as_a_patch(branched: Desk, more: str, form: str) -> None:
    script = 'printf "\\0%s" "$TOKEN" > made' if form == "binary" else 'echo "token=$TOKEN" > made'
    branched.pipeline(APART.format(run=json.dumps(script), more=more), "workspace: branch\n" + DECLARED)
    commit(branched)
    branched.orch("apply", code=1)
    found = branched.node("main.push")
    assert found["reason"] == "secret-in-output"
    assert "holds the secret TOKEN" in json.dumps(found)
    assert log_of(branched) == []
    below = (branched.folder / ".runs").rglob("*")
    assert not [path for path in below if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize("more", ["", ", workspace: worktree"])
def test_a_secret_that_a_node_commits_itself_is_not_taken_either(branched: Desk, more: str) -> None:
    who = "git -c user.name=W -c user.email=w@project.example"
    script = f'echo "$TOKEN" > made; git add made; {who} commit -qm made'
    branched.pipeline(APART.format(run=json.dumps(script), more=more), "workspace: branch\n" + DECLARED)
    commit(branched)
    branched.orch("apply", code=1)
    assert branched.node("main.push")["reason"] == "secret-in-output"
    assert log_of(branched) == []


@pytest.mark.parametrize(
    "script",
    [
        'echo fine > made; git add made; {} commit -qm "with $TOKEN"',
        '{} commit -q --allow-empty -m "with $TOKEN"',
        'echo "$TOKEN" > made; git add made; {} commit -qm made; git rm -q made; {} commit -qm gone',
    ],
    ids=["message", "empty", "taken-back"],
)
def test_no_commit_that_a_node_makes_itself_brings_a_secret_onto_the_branch(branched: Desk, script: str) -> None:
    script = script.replace("{}", "git -c user.name=W -c user.email=w@project.example")
    branched.pipeline(APART.format(run=json.dumps(script), more=""), "workspace: branch\n" + DECLARED)
    commit(branched)
    branched.orch("apply", code=1)
    assert branched.node("main.push")["reason"] == "secret-in-output"
    assert log_of(branched) == []


def test_a_message_that_only_resembles_a_secret_stays_on_the_branch(branched: Desk) -> None:
    script = 'git -c user.name=W -c user.email=w@project.example commit -q --allow-empty -m "${TOKEN%?}"'
    branched.pipeline(APART.format(run=json.dumps(script), more=""), "workspace: branch\n" + DECLARED)
    commit(branched)
    branched.orch("apply")
    assert log_of(branched) == [TOKEN[:-1]]


@pytest.mark.parametrize("more", ["", ", workspace: worktree"])
def test_what_only_resembles_a_secret_is_committed(branched: Desk, more: str) -> None:
    branched.pipeline(
        APART.format(run=json.dumps('echo "${TOKEN%?}" > made'), more=more), "workspace: branch\n" + DECLARED
    )
    commit(branched)
    branched.orch("apply")
    assert log_of(branched) == ["main.push"]


# --- twenty of them, in every form, at every place of a block

SPILL = """
import json, os, sys, time
from canaries import FORMS
secrets = {name: value for name, value in os.environ.items() if name.startswith("CANARY_")}
assert len(secrets) == 20
def write(stream, data):
    while data:
        data = data[os.write(stream, data):]
size = 0
for form, encode in FORMS.items():
    for number, (name, value) in enumerate(sorted(secrets.items())):
        line = f"{name} {form}: ".encode() + encode(value).encode() + b" end\\n"
        stream = 1 + number % 2
        if number % 5 == 0:
            for byte in line:
                os.write(stream, bytes([byte]))
        elif number % 5 == 1:
            middle = len(line) // 2
            write(stream, line[:middle] + b"");
            time.sleep(0.001)
            write(stream, line[middle:])
        else:
            gap = -(size + len(line) // 2) % 65536
            write(stream, b"." * gap + line)
            size += gap
        size += len(line)
print("done", flush=True)
"""


def test_of_twenty_secrets_in_every_form_nothing_is_left_in_the_run_and_their_twins_are(desk: Desk) -> None:
    desk.env |= {f"OF_{name}": value for name, value in SECRETS.items()}
    sources = ", ".join(f'{name}: "env:OF_{name}"' for name in SECRETS)
    desk.write("spill.py", SPILL)
    near = {
        name: next(twin for twin in twins(value) if "\n" not in twin)
        for name, value in SECRETS.items()
        if "\n" not in value
    }
    desk.write("twins.txt", "".join(f"{FORMS[form](twin)}\n" for form in FORMS for twin in near.values()))
    run = f"PYTHONPATH={Path(__file__).parent} {sys.executable} spill.py; cat twins.txt; exit 3"
    names = f"[{', '.join(SECRETS)}]"
    desk.pipeline(
        f"  main:\n    nodes:\n      push: {{ run: {json.dumps(run)}, secrets: {names} }}\n",
        f"secrets: {{ {sources} }}\n",
    )
    said = desk.orch("apply", "--json", code=1, seconds=120)
    logs = {path.name: path.read_bytes() for path in (desk.run_dir() / "logs").iterdir()}
    out = logs["main.push.1.out"]
    assert b"done\n" in out
    assert b"".join(logs.values()).count(b"***") >= len(SECRETS) * len(FORMS)
    assert (desk.folder / "twins.txt").read_bytes() in out
    places = {
        str(path): found
        for top in (desk.run_dir(), desk.home)
        for path in top.rglob("*")
        if path.is_file() and (found := leaks(path.read_bytes().replace(b".", b"")))
    }
    assert places == {}
    assert leaks(said.text.encode()) == []
    for words in (["logs", "@last", "main.push"], ["show", "@last"], ["errors", "@last"]):
        assert leaks(desk.orch("runs", *words).text.replace(".", "").encode()) == []
    desk.orch("verify", "@last")


def test_what_is_written_is_masked_while_it_runs_and_what_is_kept_back_dies_with_the_engine(desk: Desk) -> None:
    desk.pipeline(node('echo "<$TOKEN>"; printf %s "${TOKEN%??}"; touch up; sleep 60'), DECLARED)
    argv = [str(BIN / "orch"), "apply"]
    running = subprocess.Popen(argv, cwd=desk.folder, env=desk.environment(), stderr=subprocess.DEVNULL)
    shown = ""
    end = time.monotonic() + 30
    while "***" not in shown and time.monotonic() < end:
        shown = desk.orch("runs", "logs", "@last", "main.push", code=None).out if (desk.folder / "up").exists() else ""
    assert "<***>" in shown
    for pid in desk.processes():
        os.kill(pid, signal.SIGKILL)
    running.wait()
    assert log(desk) == "<***>\n"
    assert TOKEN[:-2].encode() not in kept(desk)

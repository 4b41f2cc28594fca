"""What each verb prints and how it ends, on a project of two phases and a gate."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command import BIN, PROJECT, Desk

PHASES = """\
  main:
    nodes:
      one: { run: echo out; echo err >&2 }
      two: { needs: [one], run: [sh, -c, "printf 'a\\\\033[31mb\\\\n'; exit 3"] }
      three: { needs: [two], run: echo three }
"""
GATED = """\
  draft:
    nodes: { write: { run: echo text } }
  publish:
    gates: { agreed: { approval: { subject: [rules.md], require: { editor: 1 } } } }
    nodes: { print: { run: echo printed } }
"""
RUN = r"\d{8}T\d{6}Z-[0-9a-f]{6}"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path)


@pytest.fixture
def failed(desk: Desk) -> Desk:
    desk.pipeline(PHASES)
    desk.orch("apply", code=1)
    return desk


@pytest.fixture
def gated(desk: Desk) -> Desk:
    desk.write("orch.yaml", PROJECT)
    desk.write("rules.md", "All of it.\n")
    desk.pipeline(GATED)
    return desk


def test_init_makes_a_project_that_validates_plans_and_runs(desk: Desk) -> None:
    said = desk.orch("init")
    written = {str(path.relative_to(desk.folder)) for path in desk.folder.rglob("*") if path.is_file()}
    assert written == {
        "orch.yaml",
        "pipelines/hello.tests/greets.yaml",
        "pipelines/hello.yaml",
        "schemas/orch/adapter.schema.json",
        "schemas/orch/case.schema.json",
        "schemas/orch/goals.schema.json",
        "schemas/orch/pipeline.schema.json",
        "schemas/orch/project.schema.json",
        "schemas/orch/stubs.schema.json",
    }
    assert all(path in said.out for path in written)
    (modeline,) = re.findall(r"\$schema=(\S+)", (desk.folder / "pipelines/hello.yaml").read_text())
    assert (desk.folder / "pipelines" / modeline).exists()
    desk.orch("validate")
    desk.orch("test")
    for command in re.findall(r"orch ((?:plan|apply).*)", said.out):
        desk.orch(*command.split())
    desk.orch("verify", "@last")


def test_init_twice_changes_nothing(desk: Desk) -> None:
    desk.orch("init")
    before = desk.files()
    said = desk.orch("init")
    assert desk.files() == before
    assert "wrote" not in said.out


def test_two_projects_get_two_ids(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        desk = Desk.at(tmp_path, name)
        desk.orch("init")
        ids |= set(re.findall(r"^id: ([0-9a-f-]{36})", (desk.folder / "orch.yaml").read_text(), re.M))
    assert len(ids) == 2


def test_init_keeps_a_project_without_id_and_says_what_to_add(desk: Desk) -> None:
    desk.write("orch.yaml", "name: mine\n")
    said = desk.orch("init")
    assert (desk.folder / "orch.yaml").read_text() == "name: mine\n"
    (line,) = re.findall(r"^  (id: [0-9a-f-]{36})$", said.out, re.M)
    desk.write("orch.yaml", f"name: mine\n{line}\n")
    desk.orch("validate")
    assert "Add this line" not in desk.orch("init").out


def test_init_keeps_runs_out_of_git_once(desk: Desk) -> None:
    desk.run(["git", "init", "-q", "."])
    desk.write(".gitignore", "*.pyc")
    desk.orch("init")
    desk.orch("init")
    assert (desk.folder / ".gitignore").read_text() == "*.pyc\n.runs/\n"


def test_init_of_a_broken_project_shows_its_mistake(desk: Desk) -> None:
    desk.write("orch.yaml", "name: [\n")
    assert "orch.yaml:" in desk.orch("init", code=3).err


def test_validate_with_nothing_to_check_is_no_success(desk: Desk) -> None:
    assert "nothing to check" in desk.orch("validate", code=2).err
    assert "nothing to check: no YAML file in ." in desk.orch("validate", ".", code=2).err


def test_validate_counts_what_it_read(gated: Desk) -> None:
    assert gated.orch("validate").err == "✓ 2 files, no mistakes\n"
    gated.env["LC_ALL"], gated.env["PYTHONIOENCODING"] = "C", "ascii"
    assert gated.orch("validate").err == "+ 2 files, no mistakes\n"


def test_validate_tells_every_mistake_in_each_format(desk: Desk) -> None:
    desk.pipeline("  main:\n    nodes:\n      one: { run: echo, retires: 2 }\n      two: { run: [], nedes: [none] }\n")
    text = desk.orch("validate", code=3)
    assert "pipelines/main.yaml:7:25" in text.out
    assert "3 errors" in text.out
    document = json.loads(desk.orch("validate", "--format", "json", code=3).out)
    assert (document["problems"][0]["line"], document["problems"][0]["column"]) == (7, 25)
    github = desk.orch("validate", "--format", "github", code=3).out
    assert github.startswith("::error file=pipelines/main.yaml,line=7,col=25,")
    assert len(github.splitlines()) == len(document["problems"]) == 3


def test_validate_of_a_missing_file_names_it(desk: Desk) -> None:
    said = desk.orch("validate", "nowhere.yaml", code=2)
    assert "nowhere.yaml cannot be read: No such file or directory" in said.text


def test_plan_tells_its_exit_code_only_when_asked(gated: Desk) -> None:
    said = gated.orch("plan")
    assert "wait" in said.out
    assert "orch approve agreed --role editor --by NAME --pipeline pipelines/main.yaml" in said.out
    gated.orch("plan", "--detailed-exitcode", code=10)
    assert "later" not in gated.orch("plan", "--dry-run").out


def test_a_gate_that_asks_for_an_unknown_role_is_refused_before_anything_runs(gated: Desk) -> None:
    gated.pipeline(GATED.replace("editor: 1", "editr: 1"))
    for verb in ("validate", "plan", "apply"):
        said = gated.orch(verb, code=3).text
        assert "error[O320]: `publish.agreed` asks for the role `editr`, which orch.yaml does not know" in said
        assert "pipelines/main.yaml:8:" in said
        assert "did you mean `editor`?" in said
    gated.write("orch.yaml", PROJECT + "  editr: [reader]\n")
    for verb in ("validate", "plan"):
        assert "O320" not in gated.orch(verb).text


@pytest.mark.parametrize("roles", ["  editor: []\n", "  editor: [reader]\n"])
def test_a_gate_that_nobody_can_open_today_is_a_warning(gated: Desk, roles: str) -> None:
    people = PROJECT.partition("  editor:")[0]
    gated.pipeline(GATED.replace("editor: 1", "editor: 2"))
    gated.write("orch.yaml", people + roles)
    for verb in ("validate", "plan"):
        assert "warning[O321]: `publish.agreed` cannot open: " in gated.orch(verb).text
    gated.write("orch.yaml", people + "  editor: [reader, second]\n")
    for verb in ("validate", "plan"):
        assert "O321" not in gated.orch(verb).text


def test_the_roles_of_a_broken_project_are_not_judged(gated: Desk) -> None:
    gated.write("orch.yaml", "name: [\n")
    assert "O320" not in gated.orch("validate", code=3).text


def test_while_orch_yaml_has_mistakes_they_are_told_to_whoever_looks_or_decides(gated: Desk) -> None:
    gated.orch("apply", code=4)
    gated.orch("approve", "agreed", "--role", "editor", "--by", "reader")
    gated.write("orch.yaml", PROJECT + "rols: {}\n")
    assert re.search(r"waiting +orch\.yaml: unknown key `rols`.* — orch validate", gated.orch("gate").out)
    for verb in ("approve", "reject", "revoke"):
        said = gated.orch(verb, "agreed", "--role", "editor", "--by", "second", code=3)
        assert "orch.yaml:10:1" in said.err
    gated.write("orch.yaml", PROJECT)
    assert re.search(r"✓ publish\.agreed +open", gated.orch("gate").out)
    gated.orch("resume", "@last")


def test_a_saved_plan_is_run_or_refused(failed: Desk) -> None:
    assert "orch apply saved.json" in failed.orch("plan", "-o", "saved.json").err
    failed.orch("apply", "saved.json", code=1)
    failed.write("pipelines/main.yaml", (failed.folder / "pipelines/main.yaml").read_text() + "# edited\n")
    said = failed.orch("apply", "saved.json", code=6)
    assert "pipelines/main.yaml has changed" in said.err
    assert "orch plan" in said.err


def test_a_failed_run_is_told_by_every_view(failed: Desk) -> None:
    listed = failed.orch("runs").out.splitlines()
    assert listed[0].split()[:4] == ["RUN", "TASK", "PIPELINE", "STATE"]
    assert re.fullmatch(RUN + r" +- +main +failed .*1 failed.*", listed[1])
    shown = failed.orch("runs", "show", "@last").out
    assert re.search(r"✗ main\.two +failed .*exit code 3", shown)
    assert re.search(r"- main\.three +skipped +upstream-failed", shown)
    assert re.search(r"next +orch retry " + RUN + " --failed", shown)
    errors = failed.orch("runs", "errors", "@failed").out
    assert "stdout   a\\x1b[31mb" in errors
    polled = failed.orch("poll", "@last").out
    assert "✗ main.two  failed  exit code 3" in polled
    assert re.search(r"cursor \d+", polled)


def test_logs_have_titles_and_escapes_and_raw_has_the_bytes(failed: Desk) -> None:
    assert failed.orch("runs", "logs", "@last").out.splitlines() == [
        "── main.one  attempt 1, stderr",
        "err",
        "── main.one  attempt 1, stdout",
        "out",
        "── main.two  attempt 1, stdout",
        "a\\x1b[31mb",
    ]
    assert failed.orch("runs", "logs", "@last", "main.two").out == "a\\x1b[31mb\n"
    assert failed.orch("runs", "logs", "@last", "two", "--raw").out == "a\x1b[31mb\n"
    assert "has no step `four`" in failed.orch("runs", "logs", "@last", "four", code=2).err


def test_a_poll_since_a_cursor_has_only_what_changed(failed: Desk) -> None:
    first = json.loads(failed.orch("poll", "@last", "--format", "json").out)
    assert len(first["commands"]) == 3
    again = json.loads(failed.orch("poll", "@last", "--format", "json", "--since", str(first["cursor"])).out)
    assert again["commands"] == []
    failed.orch("poll", "@last", "--since", "9999", code=2)
    failed.orch("poll", "@last", "--wait", "10m")
    failed.orch("poll", "@last", "--watch")


def test_a_watch_and_followed_logs_go_on_until_the_run_ends(desk: Desk) -> None:
    desk.pipeline(
        "  main:\n    nodes:\n      one: { run: 'echo begun; while ! test -e go; do sleep 0.05; done; echo gone' }\n"
    )
    process = subprocess.Popen([BIN / "orch", "apply"], cwd=desk.folder, env=desk.environment(), stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        process.stderr.readline()
        watch = [
            subprocess.Popen(
                [str(BIN / "orch"), *words], cwd=desk.folder, env=desk.environment(), stdout=subprocess.PIPE, text=True
            )
            for words in (["poll", "@last", "--watch"], ["runs", "logs", "@last", "-f"])
        ]
        assert watch[0].stdout is not None
        assert "running" in watch[0].stdout.readline()
        desk.write("go", "")
        polled, logged = (each.communicate(timeout=30)[0] for each in watch)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stderr.close()
    assert "✓ main.one  succeeded" in polled
    assert logged == "── main.one  attempt 1, stdout\nbegun\ngone\n"


def test_followed_logs_show_what_is_written_before_the_run_ends_and_it_outlives_the_engine(desk: Desk) -> None:
    desk.pipeline("""
  main:
    nodes:
      talks: { run: 'echo begun; while ! test -e go; do sleep 0.05; done; echo gone' }
      quiet: { run: 'while ! test -e go; do sleep 0.05; done' }
""")
    around = {"cwd": desk.folder, "env": desk.environment(), "text": True}
    engine = subprocess.Popen([BIN / "orch", "apply"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, **around)
    try:
        assert engine.stderr is not None
        engine.stderr.readline()
        follow = [BIN / "orch", "runs", "logs", "@last", "talks", "-f"]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, **around) as followed:
            assert followed.stdout is not None
            assert followed.stdout.readline() == "begun\n"
            assert desk.orch("runs", "logs", "@last").out == "── main.talks  attempt 1, stdout\nbegun\n"
            assert desk.orch("runs", "logs", "@last", "quiet").text.startswith("There is no log yet")
            engine.kill()
            assert followed.communicate(timeout=30)[0] == ""
    finally:
        engine.kill()
        engine.wait()
        engine.stderr.close()
    assert desk.orch("runs", "logs", "@last", "talks").out == "begun\n"
    assert "before the interruption" in desk.orch("runs", "logs", "@last", "quiet").err
    desk.orch("verify", "@last")
    desk.write("go", "")
    desk.orch("resume", "@last")
    assert desk.orch("runs", "logs", "@last", "talks").out.endswith("── main.talks  attempt 2, stdout\nbegun\ngone\n")
    assert "leaves none" in desk.orch("runs", "logs", "@last", "quiet").err
    desk.orch("verify", "@last")


def test_a_log_that_was_cut_says_so_at_the_cut_and_at_the_end_of_the_run(desk: Desk) -> None:
    kept, more = 64 << 20, 16 * 1000
    desk.pipeline(f"  main:\n    nodes:\n      loud: {{ run: 'yes 0123456789abcde | head -c {kept + more}' }}\n")
    assert "log shortened: main.loud" in desk.orch("apply").out
    assert "log shortened" in desk.orch("runs", "show", "@last").out
    shown = desk.orch("runs", "logs", "@last", "loud").out
    gap = f"… {more} bytes are left out here …\n"
    assert shown.index(gap) == 8 << 20
    assert len(shown) == kept + len(gap)
    raw = desk.orch("runs", "logs", "@last", "loud", "--raw")
    assert (len(raw.out), raw.err) == (kept, gap)


def test_gates_are_listed_shown_and_decided(gated: Desk) -> None:
    gated.orch("apply", code=4)
    assert re.search(r"⏸ publish\.agreed +waiting +needs 1 more: editor", gated.orch("gate").out)
    shown = gated.orch("gate", "show", "agreed").out
    assert "asks for  approval: 1 × editor for rules.md" in shown
    assert "decisions none" in shown
    (digest,) = re.findall(r"^subject   (sha256:[0-9a-f]{64})$", shown, re.M)
    said = gated.orch("approve", "agreed", "--role", "editor", "--by", "reader", "-m", "Fine.")
    assert f"subject {digest}" in said.out
    assert re.search(r"✓ publish\.agreed +open", gated.orch("gate", "list").out)
    assert "approved" in gated.orch("gate", "show", "agreed").out
    gated.orch("revoke", "agreed", "--role", "editor", "--by", "reader")
    assert "waiting" in gated.orch("gate").out
    gated.orch("reject", "agreed", "--role", "editor", "--by", "second", "-m", "No.")
    assert re.search(r"! publish\.agreed +rejected", gated.orch("gate").out)
    assert gated.orch("resume", "@last", code=5).out.startswith("! publish.agreed  rejected")


def test_the_printed_command_approves_what_was_looked_at_and_nothing_that_took_its_place(gated: Desk) -> None:
    printed = {}
    for where in ("plan", "gate list --pipeline pipelines/main.yaml"):
        printed[where] = gated.orch(*where.split()).out
    printed["apply"] = gated.orch("apply", code=4).out
    for where in ("gate list", "gate show agreed", "poll @last", "poll @last --format json"):
        printed[where] = gated.orch(*where.split()).out
    (digest,) = re.findall(r"^subject   (sha256:[0-9a-f]{64})$", printed["gate show agreed"], re.M)
    commands = {}
    for where, text in printed.items():
        found = re.findall(r"orch (approve agreed --role editor --by NAME [^\n\"]*--subject [0-9a-z:]+)", text)
        assert {one.rpartition(" ")[2] for one in found} == {digest}, where
        commands[where] = found[0].replace("NAME", "reader").split()
    gated.write("rules.md", "Something else.\n")
    (now,) = re.findall(r"^subject   (sha256:[0-9a-f]{64})$", gated.orch("gate", "show", "agreed").out, re.M)
    for verb in ("approve", "reject"):
        for words in commands.values():
            refused = gated.orch(verb, *words[1:], code=6).err
            assert "the subject is not the one that was looked at" in refused
            assert f"it is {now} now" in refused
            assert "look again: orch gate show agreed --" in refused
    assert "rules.md changed since" in gated.orch(*commands["apply"], code=6).err
    assert not (gated.folder / "tasks").exists()
    gated.write("rules.md", "All of it.\n")
    for words in commands.values():
        assert f"subject {digest}" in gated.orch(*words).out
    gated.orch("resume", "@last")


def test_gate_show_says_where_a_command_of_the_run_could_write_the_decision(gated: Desk) -> None:
    gated.orch("apply", code=4)
    assert "trust     file — a command of this run could write" in gated.orch("gate", "show", "agreed").out
    gated.write("orch.yaml", PROJECT + "policy: { trust: committed }\n")
    assert "\ntrust     committed\n" in gated.orch("gate", "show", "agreed").out
    gated.write("orch.yaml", PROJECT)
    gated.pipeline(GATED.replace("  draft:\n    nodes: { write: { run: echo text } }\n", ""))
    shown = gated.orch("gate", "show", "agreed", "--pipeline", "pipelines/main.yaml").out
    assert "\ntrust     file\n" in shown


def test_without_a_subject_what_lies_there_is_approved_and_its_digest_is_printed(gated: Desk) -> None:
    gated.orch("apply", code=4)
    gated.write("rules.md", "Something else.\n")
    said = gated.orch("approve", "agreed", "--role", "editor", "--by", "reader").out
    (digest,) = re.findall(r"^  subject (sha256:[0-9a-f]{64})$", said, re.M)
    assert digest in gated.orch("gate", "show", "agreed").out
    said = gated.orch("revoke", "agreed", "--role", "editor", "--by", "reader", "--subject", digest, code=2).err
    assert "there is no option `--subject`" in said


def test_the_printed_command_of_a_plan_with_a_task_is_about_that_task(gated: Desk) -> None:
    said = gated.orch("plan", "--task", "0007").out
    (command,) = re.findall(r"orch (approve .*--subject \S+)", said)
    gated.orch(*command.replace("NAME", "reader").split())
    assert (gated.folder / "tasks/0007/decisions/main.agreed.editor.reader.yaml").exists()
    assert re.search(r"publish\.agreed +open", gated.orch("plan", "--task", "0007").out)
    assert "wait" in gated.orch("plan").out


@pytest.mark.parametrize(
    "damage",
    [
        'echo "{" > plan.json',
        "sed -i s/roles/rules/ plan.json",
        "sed -i 's/steps.:/steps;/' plan.json",
        "sed -i 2d journal.ndjson",
        "sed -i s/waiting/wailing/ journal.ndjson",
        "rm journal.ndjson; mkdir journal.ndjson",
        "rm journal.ndjson; ln -s plan.json journal.ndjson",
    ],
)
def test_a_damaged_run_is_named_and_passed_over_where_no_run_is_given(gated: Desk, damage: str) -> None:
    gated.orch("apply", code=4)
    whole = gated.run_dir().name
    gated.orch("apply", code=4)
    damaged = gated.run_dir()
    gated.run(["sh", "-c", f"cd {damaged}; {damage}"])
    for words in (["gate"], ["gate", "show", "agreed"], ["approve", "agreed", "--role", "editor", "--by", "reader"]):
        said = gated.orch(*words)
        assert f"{damaged.name} is passed over: " in said.err
        assert f"orch verify {damaged.name}" in said.err
        assert said.out
    assert "passed over" not in gated.orch("gate", "--run", whole).err
    assert gated.orch("gate", "--run", damaged.name, code=None).code in (7, 74)
    gated.orch("resume", whole)


READING = ("poll", "runs show", "runs logs", "runs errors", "verify", "resume", "retry --failed")


@pytest.mark.parametrize("damage", ["s/steps.:/steps;/", "s/.address.:/7:/", "s/.run.:.echo.*$/&,/"])
def test_every_verb_says_that_a_plan_is_damaged_wherever_it_is(desk: Desk, damage: str) -> None:
    desk.pipeline("  one:\n    nodes:\n      a: { run: echo }\n")
    desk.orch("apply")
    desk.run(["sed", "-i", damage, str(desk.run_dir() / "plan.json")])
    for verb in READING:
        word, *rest = verb.split()
        words = [word, rest[0], "@last"] if word == "runs" else [word, "@last", *rest]
        assert "error[O6" in desk.orch(*words, code=7).text


def test_a_run_that_was_killed_before_its_first_record_is_shown_and_resumed(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes:\n      a: { run: echo }\n")
    desk.orch("apply")
    for entry in desk.run_dir().iterdir():
        if entry.name not in ("plan.json", "resume-token", "cas"):
            desk.run(["rm", "-r", str(entry)])
    for words in (["poll", "@last"], ["runs", "show", "@last"], ["runs", "list"], ["runs", "show", "@last", "--json"]):
        assert "interrupted" in desk.orch(*words).out
    desk.orch("verify", "@last")
    desk.orch("resume", "@last")
    desk.orch("verify", "@last")


def test_of_a_run_that_has_not_ended_the_steps_that_have_not_begun_are_shown_too(desk: Desk) -> None:
    desk.pipeline(
        "  one:\n    nodes:\n      a: { run: echo }\n      b: { needs: [a], run: echo }\n"
        "      m: { matrix: { x: [c] }, needs: [a], run: echo }\n"
    )
    desk.orch("apply")
    journal = desk.run_dir() / "journal.ndjson"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2]))
    shown = desk.orch("runs", "show", "@last")
    assert re.search(r"one\.a +queued +was interrupted", shown.out)
    assert re.search(r"one\.b +queued$", shown.out, re.MULTILINE)
    steps = json.loads(desk.orch("runs", "show", "@last", "--json").out)["steps"]
    assert [step["address"] for step in steps] == ["one.a", "one.b", "one.m[c]"]
    assert "one.a" not in desk.orch("runs", "show", "@last", "--select", "b").out


@pytest.mark.parametrize("damage", ["sed -i 1d", "sed -i 2d", "sed -i s/started/sta/", "echo garbage >"])
def test_a_run_whose_journal_cannot_be_read_is_damaged_in_the_list_and_not_interrupted(desk: Desk, damage: str) -> None:
    desk.pipeline("  one:\n    nodes:\n      a: { run: echo }\n")
    desk.orch("apply")
    journal, run = desk.run_dir() / "journal.ndjson", desk.run_dir().name
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:3]) + '{"torn')
    assert "interrupted" in desk.orch("runs", "list").out
    desk.run(["sh", "-c", f"{damage} {journal}"])
    said = desk.orch("runs", "list")
    assert "damaged" in said.out
    assert f"orch verify {run}" in said.err
    assert json.loads(desk.orch("runs", "list", "--select", "status:damaged", "--json").out)["runs"][0]["run_id"] == run
    desk.orch("verify", run, code=7)


def test_a_journal_that_is_a_pipe_holds_up_nobody(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes:\n      a: { run: echo }\n")
    desk.orch("apply")
    journal = desk.run_dir() / "journal.ndjson"
    journal.unlink()
    os.mkfifo(journal)
    for words in (["runs", "list"], ["runs", "show", "@last"], ["plan"], ["gate"], ["verify", "@last"]):
        desk.orch(*words, code=None)


def test_a_run_that_waits_and_is_whole_is_taken_without_a_word(gated: Desk) -> None:
    gated.orch("apply", code=4)
    gated.orch("apply", code=4)
    said = gated.orch("gate")
    assert said.err == ""
    assert gated.run_dir().name in said.out


def test_who_may_not_decide_is_told_who_may(gated: Desk) -> None:
    said = gated.orch("approve", "agreed", "--role", "boss", "--by", "reader", code=2)
    assert "it asks for: editor" in said.err
    said = gated.orch("approve", "agreed", "--role", "editor", "--by", "nobody", code=2)
    assert "people of this project" in said.err
    assert (
        "it has: publish.agreed" in gated.orch("gate", "show", "agred", "--pipeline", "pipelines/main.yaml", code=2).err
    )


def test_verify_tells_a_changed_log_and_another_head(failed: Desk) -> None:
    said = failed.orch("verify", "@last").out
    (head,) = re.findall(r"sha256:[0-9a-f]{64}", said)
    failed.orch("verify", "@last", "--head", head)
    failed.orch("verify", "@last", "--head", head.replace(head[-1], "0" if head[-1] != "0" else "1"), code=7)
    (failed.run_dir() / "logs/main.one.1.out").write_text("forged\n")
    changed = failed.orch("verify", "@last", code=7)
    assert "main.one.1.out" in changed.out
    assert not json.loads(failed.orch("verify", "@last", "--json", code=7).out)["ok"]


def test_explain_has_a_page_for_each_code_and_takes_it_as_printed(desk: Desk) -> None:
    page = desk.orch("explain", "O601").out
    assert page.startswith("O601: the run has an owner\n")
    assert max(map(len, page.splitlines())) <= 88
    assert desk.orch("explain", "error[o601]").out == page
    assert "O601  the run has an owner" in desk.orch("explain").out


def test_schema_lists_the_kinds_and_prints_one(desk: Desk) -> None:
    assert desk.orch("schema").out.split() == ["pipeline", "project", "adapter", "goals", "case", "stubs"]
    assert json.loads(desk.orch("schema", "pipeline").out)["$schema"].startswith("https://json-schema.org/")


def test_a_run_that_is_not_there_names_the_command_that_lists_them(desk: Desk) -> None:
    for words in (["resume", "@last"], ["poll", "2026"], ["verify", "nope"], ["cancel", "@failed"]):
        assert "orch runs list" in desk.orch(*words, code=2).err


def test_cancel_and_settle_of_an_ended_run_are_refused(failed: Desk) -> None:
    for words in (["cancel", "@last"], ["settle", "@last", "main.one", "--done"]):
        assert "orch runs show" in failed.orch(*words, code=6).err


AXES = """\
  main:
    nodes:
      each:
        matrix: { system: "${{ inputs.systems }}", python: ["3.11"], include: [{ odd: "yes" }] }
        key: ${{ matrix.system }}-${{ matrix.python }}
        run: echo
"""


def test_what_an_input_makes_of_a_matrix_is_told_with_its_place_and_help(desk: Desk) -> None:
    desk.pipeline(AXES, "inputs: { systems: { type: list, items: string, default: [debian] } }\n")
    desk.orch("plan")
    said = desk.orch("plan", "--input", "systems=[]", code=3).err
    assert "error[O222]" in said
    assert "pipelines/main.yaml:10:9" in said
    assert "= help: every combination needs a key" in said
    assert (
        "pipelines/main.yaml:9:9" in desk.orch("plan", "--input", f"systems={json.dumps(['x'] * 10_001)}", code=3).err
    )


@pytest.mark.parametrize("task", ["../../out", "a/b", ".", "a b", "", "x" * 65])
def test_a_task_that_cannot_be_a_folder_is_refused_with_the_input_that_gave_it(desk: Desk, task: str) -> None:
    desk.pipeline(PHASES, 'task: "${{ inputs.id }}"\ninputs: { id: { type: string, default: "-" } }\n')
    before = desk.files()
    for verb in ("plan", "apply"):
        said = desk.orch(verb, "--input", f"id={task}", code=2).err
        assert "error[O289]" in said
        assert "(from `inputs.id`) cannot be a task" in said
        assert "error[O289]" in desk.orch(verb, f"--task={task}", code=2).err
    assert desk.files() == before
    desk.orch("plan", "--input", "id=0042")


def test_a_saved_plan_cannot_lay_its_runs_elsewhere(desk: Desk) -> None:
    desk.pipeline(PHASES)
    desk.orch("plan", "-o", "plan.json")
    text = (desk.folder / "plan.json").read_text()
    desk.write("plan.json", text.replace('"task":"-"', '"task":"../../out"'))
    assert "error[O289]" in desk.orch("apply", "plan.json", code=2).err
    assert not (desk.folder.parent / "out").exists()


def test_a_file_that_cannot_be_written_is_told_with_what_helps(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes:\n      a: { run: echo }\n")
    desk.orch("apply")
    for words in (["report", "@last", "-o", "new/it.md"], ["plan", "-o", "new/it.md"]):
        said = desk.orch(*words, code=74).err
        assert "error[O296]: new/it.md cannot be written: No such file or directory" in said
        assert "mkdir -p new" in said
    desk.write("taken", "")
    assert "O296" in desk.orch("report", "@last", "-o", "taken/it.md", code=74).err
    (desk.folder / "new").mkdir()
    for words in (["report", "@last", "-o", "new/it.md"], ["plan", "-o", "new/it.md"]):
        desk.orch(*words)


@pytest.mark.parametrize("jobs", ["x", "0", "-1", "1.5", "\N{SUPERSCRIPT TWO}"])
def test_jobs_are_a_number_from_1_on(desk: Desk, jobs: str) -> None:
    desk.pipeline("  one:\n    nodes:\n      a: { run: echo }\n")
    assert f"`{jobs}` is no number from 1 on" in desk.orch("plan", f"--jobs={jobs}", code=2).err
    desk.orch("plan", "--jobs=1")


def test_a_deleted_folder_is_named(desk: Desk) -> None:
    said = desk.run(["sh", "-c", "mkdir gone; cd gone; rmdir ../gone; orch plan"], code=74).err
    assert f"{desk.folder}/gone does not exist any more" in said
    assert "= help: cd to a folder that exists" in said


def test_a_cancelled_run_is_said_to_have_been_cancelled(gated: Desk) -> None:
    gated.orch("apply", code=4)
    gated.orch("cancel", "@last")
    assert "is over: it was cancelled; nothing to cancel" in gated.orch("cancel", "@last", code=6).err


def test_the_list_of_runs_names_the_time_that_it_shows(failed: Desk) -> None:
    assert "ELAPSED" in failed.orch("runs").out
    (row,) = json.loads(failed.orch("runs", "--json").out)["runs"]
    assert "elapsed_seconds" in row
    assert "duration_seconds" not in row
    assert row["summary"] == "1 failed, 1 succeeded, 1 skipped"


def test_a_list_shows_the_newest_twenty_and_says_how_to_see_all(failed: Desk) -> None:
    for n in range(20):
        shutil.copytree(failed.run_dir(), failed.run_dir().with_name(f"20260101T000000Z-{n:06x}"))
    said = failed.orch("runs")
    assert len(said.out.splitlines()) == 21
    (command,) = re.findall(r"orch (runs list .*)", said.err)
    whole = failed.orch(*command.split())
    assert (len(whole.out.splitlines()), whole.err) == (22, "")
    for limit, number, more in (("20", 20, True), ("21", 21, False), ("all", 21, False)):
        document = json.loads(failed.orch("runs", "--json", "--limit", limit).out)
        assert (len(document["runs"]), document["more"]) == (number, more)
    assert "has no run" in failed.orch("runs", "--task", "none").err
    for limit in ("0", "-1", "many", "1.5"):
        assert "neither a number from 1 on nor `all`" in failed.orch("runs", "--limit", limit, code=2).err


def test_paths_are_told_as_they_can_be_typed_from_a_subfolder(failed: Desk) -> None:
    failed.write("orch.yaml", PROJECT)
    below = failed.folder / "pipelines"
    said = failed.run(["sh", "-c", f"cd pipelines && {BIN}/orch retry @last --failed"], code=1)
    (path,) = re.findall(r"error (\S+\.json)", said.out)
    assert (below / path).exists()


@pytest.mark.parametrize(
    ("words", "other"), [(["poll", "@last"], "text"), (["graph"], "tree"), (["graph", "pipelines/main.yaml"], "dot")]
)
def test_json_is_asked_of_poll_and_graph_as_of_every_other_verb(gated: Desk, words: list[str], other: str) -> None:
    gated.orch("apply", code=4)
    keys = set(json.loads(gated.orch(*words, "--json").out))
    assert keys == set(json.loads(gated.orch(*words, "--format", "json").out))
    assert not gated.orch(*words, "--format", other).out.startswith("{")
    assert gated.orch(*words).out


def test_the_logs_of_a_run_are_told_in_the_order_of_the_starts(desk: Desk) -> None:
    desk.pipeline("""\
  main:
    nodes:
      c: { run: "echo one; test $ORCH_ATTEMPT -ge 11", retry: { limit: 11, delay: 0s } }
      a: { needs: [c], run: echo two }
      b: { needs: [a], run: echo three }
""")
    desk.orch("apply")
    titles = re.findall(r"(main\.\w)  attempt (\d+), stdout", desk.orch("runs", "logs", "@last").out)
    assert titles == [*(("main.c", str(attempt)) for attempt in range(1, 12)), ("main.a", "1"), ("main.b", "1")]
    journal = desk.run_dir() / "journal.ndjson"
    journal.write_bytes(b"no record\n" + journal.read_bytes())
    assert "three" in desk.orch("runs", "logs", "@last").out


@pytest.mark.parametrize("verb", ["apply", "plan", "graph", "validate", "goals"])
def test_a_file_that_is_not_there_is_one_exit_code_for_every_verb(desk: Desk, verb: str) -> None:
    said = desk.orch(verb, "nowhere.yaml", code=2).text
    assert "nowhere.yaml cannot be read" in said
    if verb not in ("validate", "goals"):
        desk.orch(verb, "pipelines", code=2)
    if verb == "goals":
        assert "kind: Goals" in said


def test_an_option_that_another_verb_has_names_its_own_and_one_without_its_value_names_the_help_of_its_verb(
    desk: Desk,
) -> None:
    assert "did you mean `--select`?" in desk.orch("apply", "--only", "x", code=2).err
    assert "did you mean `--only`?" in desk.orch("retry", "@last", "--select", "x", code=2).err
    assert "orch retry --help" in desk.orch("retry", "@last", "--from", code=2).err

"""How `orch` starts: help without a library, verbs that import what they need, mistakes that are told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command import BIN, ENGINE, PATH, PROJECT, Desk

from orch.cli.group import root
from orch.cli.main import run
from orch.cli.verbs import VERBS, root_help

HEAVY = ("asyncio", "jinja2", "jsonschema", "networkx", "pydantic", "yaml")
NODES = "  main:\n    nodes:\n      one: { run: echo one }\n"
TOLD = (*HEAVY, "click")
ROOT = Path(__file__).parents[1]
WHICH = """
import sys
from command import Desk
import orch

def test_here():
    assert orch.__version__ == "other"

def test_there(tmp_path):
    desk = Desk.at(tmp_path, cold=True)
    assert desk.orch("--version").out == desk.run([sys.executable, "-m", "orch", "--version"]).out == "orch other\\n"
"""
TELL = f"""
import json, os, sys
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
import orch.app.runs, orch.local.contain as contain
orch.app.runs.contain = lambda main: main(contain.Containment("none", None, os.getpid()))
from orch.cli.main import run
code = run(sys.argv[1:])
os.write(out, json.dumps([code, sorted(set(sys.modules) & set({TOLD!r}))]).encode())
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path, cold=True)
    desk.pipeline(NODES)
    return desk


def imported(desk: Desk, *words: str) -> list[str]:
    """The heavy modules that a command has imported, in the process that does its work."""
    said = desk.run([sys.executable, "-c", TELL, *words])
    code, names = json.loads(said.out)
    assert code == 0, said.err
    return list(names)


def test_help_imports_no_library_at_all(desk: Desk) -> None:
    assert imported(desk, "--help") == []


def test_version_is_one_line(desk: Desk) -> None:
    assert desk.orch("--version").out.startswith("orch ")
    assert desk.orch("-v", "--version").out.startswith("orch ")


@pytest.mark.parametrize("words", [["runs"], ["poll", "@last"], ["gate"], ["plan"], ["apply"], ["verify", "@last"]])
def test_a_verb_that_needs_no_parser_imports_nothing_heavy(desk: Desk, words: list[str]) -> None:
    desk.orch("apply")
    assert imported(desk, *words) == ["click"]


def test_validate_imports_neither_graphs_nor_terminals(desk: Desk) -> None:
    assert not {"asyncio", "networkx"} & set(imported(desk, "validate"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_table_is_there_and_has_help(verb: str) -> None:
    command = root.get_command(click.Context(root), verb)
    assert command is not None
    assert command.name == verb
    assert command.help


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    said = capsys.readouterr()
    assert said.out == root_help()
    assert said.err == ""
    assert all(f"  {verb}" in said.out for verb in VERBS)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["aply"], "did you mean `apply`?"),
        (["runs", "shwo"], "did you mean `show`?"),
        (["plan", "--inptu", "a=b"], "did you mean `--input`?"),
        (["gate", "--pipelin", "x"], "did you mean `--pipeline`?"),
    ],
)
def test_a_mistyped_name_is_told_the_nearest(words: list[str], near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert near in said.err
    assert "--help" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["poll"], "missing argument 'RUN'"),
        (["plan", "--jobs", "0"], "--jobs"),
        (["plan", "--jobs", "many"], "--jobs"),
        (["validate", "--format", "xml"], "--format"),
        (["retry", "@last", "--failed", "--only", "a"], "exclude each other"),
        (["settle", "@last", "main.one"], "--done"),
        (["poll", "@last", "--wait", "soon"], "500ms, 10s, 2m or 1h"),
        (["poll", "@last", "--wait", "1s", "--watch"], "exclude each other"),
        (["approve", "g", "--role", "r", "--run", "@last", "--pipeline", "p"], "exclude each other"),
        (["gate", "list", "--input", "a=b"], "belong to --pipeline"),
        (["explain", "O99x"], "orch explain lists all"),
        (["completion", "tcsh"], "bash"),
        (["schema", "cat"], "pipeline, project"),
    ],
)
def test_a_wrong_command_line_is_exit_2_with_what_to_type(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""


def test_what_is_not_there_yet_is_not_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["apply", "--detach"], ["apply", "--dirty"], ["plan", "--exclude", "x"], ["plan", "--stubs", "f"]):
        assert run(words) == 2
    assert "there is no option `--detach`" in capsys.readouterr().err


def test_a_bug_of_ours_is_exit_70_with_a_report_that_holds_no_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("API_KEY", "do-not-tell-1")

    class Broken:
        cwd, env = 7, {"HOME": "do-not-tell-1"}

    assert run(["plan", "--input", "key=do-not-tell-2"], Broken()) == 70  # type: ignore[arg-type]  # that is the bug
    said = capsys.readouterr().err
    assert "this is a bug of orch" in said
    assert "Traceback" not in said
    (report,) = tmp_path.glob("orch-crash-*.txt")
    assert str(report) in said
    text = report.read_text()
    assert "Traceback" in text
    assert "do-not-tell" not in text
    assert run(["plan", "-vv"], Broken()) == 70  # type: ignore[arg-type]
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    desk.env["PYTHONUNBUFFERED"] = "1"
    said = desk.run(["sh", "-c", "{ orch explain; echo $? >&2; } | :"])
    assert said.err.strip() == "0"


def test_a_full_device_is_one_line_of_cause_and_one_of_help(desk: Desk) -> None:
    said = desk.run(["sh", "-c", "orch explain > /dev/full"], code=74)
    assert len(said.err.splitlines()) == 2


def test_stdout_is_data_and_stderr_is_talk(desk: Desk) -> None:
    assert desk.orch("validate").out == ""
    assert desk.orch("runs", "list").out == ""
    said = desk.orch("apply", "--json")
    assert said.err == ""
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert next(iter(lines[0])) == "format_version"
    assert [line["type"] for line in lines] == ["run", "opened", "started", "finished", "closed", "end"]
    assert lines[-1]["exit_code"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "--format", "json"],
        ["plan", "--json"],
        ["graph", "--format", "json"],
        ["runs", "list", "--json"],
        ["runs", "show", "@last", "--json"],
        ["runs", "errors", "@last", "--json"],
        ["poll", "@last", "--format", "json"],
        ["verify", "@last", "--json"],
        ["gate", "list", "--json"],
        ["doctor", "--json"],
    ],
)
def test_json_is_one_object_with_its_format_version_first(desk: Desk, words: list[str]) -> None:
    desk.orch("apply")
    document = json.loads(desk.orch(*words).out)
    assert next(iter(document)) == "format_version"


def test_the_completion_script_asks_and_is_answered(desk: Desk) -> None:
    assert "_ORCH_COMPLETE=bash_complete" in desk.orch("completion", "bash").out
    desk.env |= {"_ORCH_COMPLETE": "bash_complete", "COMP_WORDS": "orch va", "COMP_CWORD": "1"}
    assert "validate" in desk.orch().out


def test_a_plan_is_taken_from_the_cache_though_modules_were_compiled_meanwhile(desk: Desk) -> None:
    desk.orch("plan")
    kept = ROOT / "engine/orch/app/__pycache__"
    kept.mkdir(exist_ok=True)
    os.utime(kept)
    assert imported(desk, "plan") == ["click"]


def test_the_tests_run_the_engine_that_they_lie_beside_whichever_is_installed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for folder in ("engine", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    (tree / "engine/orch/__init__.py").write_text('"""Another."""\n\n__version__ = "other"\n')
    (tree / "tests/test_it.py").write_text(WHICH)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    options = ["-q", "-p", "no:orch", "-p", "no:cacheprovider", "--import-mode=importlib", "-o", "pythonpath=tests"]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tree), str(tree / "tests/test_it.py")]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_module_and_script_are_the_same_command(desk: Desk) -> None:
    argv = [sys.executable, "-m", "orch", "--version"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == desk.orch("--version").out


@pytest.mark.parametrize(
    "words",
    ["orch apply 2>&1 | :", "orch apply 2>/dev/null | :", "orch apply --json | head -1 >/dev/null", "orch apply 2>&-"],
)
def test_a_run_goes_on_and_has_its_own_exit_code_though_nobody_reads_any_more(desk: Desk, words: str) -> None:
    desk.pipeline(
        "  p: { nodes: { a: { run: sleep 0.2 }, b: { needs: [a], run: exit 3 }, c: { run: echo ran >> log } } }\n"
    )
    command, pipe, reader = words.partition(" | ")
    desk.run(["sh", "-c", f"{{ {command}; echo $? > code; }}{pipe}{reader}"])
    assert (desk.folder / "code").read_text() == "1\n"
    assert desk.lines("log") == 1
    assert json.loads((desk.run_dir() / "manifest.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("words", ["plan", "explain", "--help", "runs", "apply --json"])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_like_one_that_nobody_reads(desk: Desk, words: str, closed: str) -> None:
    said = desk.run(["sh", "-c", f"orch {words} {closed}"])
    assert "Traceback" not in said.text


def test_without_a_home_nothing_is_cached_and_nothing_is_written(desk: Desk) -> None:
    before = desk.files()
    desk.run([str(BIN / "orch"), "plan"], env={**ENGINE, "PATH": PATH})
    desk.run([str(BIN / "orch"), "plan"], env={**ENGINE, "PATH": PATH, "HOME": ".", "XDG_CACHE_HOME": "cache"})
    assert desk.files() == before


def test_a_name_that_is_not_utf_8_is_refused_and_shown_with_escapes(desk: Desk) -> None:
    odd = os.fsencode(desk.folder) + b"/b\xff d"
    os.mkdir(odd)
    for script in (
        r"cp pipelines/main.yaml $'b\xff d/q.yaml'; orch plan $'b\xff d/q.yaml'",
        r"git init -q; cd $'b\xff d'; orch plan q.yaml",
        r"orch plan --input $'a=\xff'",
        r"orch runs show $'@\xff'",
    ):
        said = desk.run(["bash", "-c", script], code=2)
        assert "error[O287]" in said.err
        assert "\\" in said.err


@pytest.mark.parametrize(
    ("cwd", "given", "names", "hint"),
    [
        (".", "nofile.yaml", ["ci"], "did you mean pipelines/ci.yaml?"),
        ("sub", "nofile.yaml", ["ci"], "did you mean ../pipelines/ci.yaml?"),
        (".", "relaese.yaml", ["ci", "release"], "did you mean pipelines/release.yaml?"),
        (".", "nofile.yaml", ["ci", "release"], "one of: pipelines/ci.yaml, pipelines/release.yaml"),
        (".", "nofile.yaml", [], "orch init makes a first pipeline"),
    ],
)
def test_a_pipeline_that_is_not_there_is_refused_with_the_ones_that_are(
    tmp_path: Path, cwd: str, given: str, names: list[str], hint: str
) -> None:
    desk = Desk.at(tmp_path, cold=True)
    desk.write("orch.yaml", PROJECT)
    desk.write("sub/kept", "")
    for name in names:
        desk.write(f"pipelines/{name}.yaml", "")
    said = desk.run(["sh", "-c", f"cd {cwd} && orch apply {given}"], code=2)
    assert "error[O287]" in said.err
    assert f"help: {hint}\n" in said.err

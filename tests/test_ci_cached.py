"""The pipeline of this project, on a copy with stand-ins for its tools: the second time all of it is cached, and one
touched file makes what reads it run, which the plan says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import Desk

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".ci", ".github", "adapters", "changelog.d", "docs", "engine", "evaluation", "pipelines", "schemas", "tests")
FILES = (
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "orch.yaml",
    "pyproject.toml",
)
PYTHON3 = """
[ "$1" = --version ] && { echo Python 3.11.7; exit; }
for word; do case "$word" in --env=*) env=${word#--env=};; esac; done
[ -n "$env" ] || exit 9
echo setup >> "$PWD/.runs/did"
mkdir -p "$env/bin"
for tool in python ruff lint-imports orch; do cp -p "$HOME/programs/stand-in" "$env/bin/$tool"; done
echo "$PIP_CONSTRAINT" > "$env/orch-installed.json"
"""
STAND_IN = """
echo "${0##*/} $*" | cut -c1-40 >> "$PWD/.runs/did"
for word; do case "$word" in
  --junitxml=*) echo '<testsuite><testcase classname="a" name="b"/></testsuite>' > "${word#--junitxml=}";;
  --output-file=*) echo '[]' > "${word#--output-file=}";;
  wheel) mkdir -p dist; echo wheel > dist/orch_pipelines-0.1.0-py3-none-any.whl;;
esac; done
"""
BODY = {
    "setup.setup", "read.lint", "read.types", "read.layout", "read.imports", "read.documents", "test.test", "test.build"
}  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    ignore = shutil.ignore_patterns("__pycache__", "real")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, desk.folder / folder, ignore=ignore, symlinks=True)
    for file in FILES:
        shutil.copy2(ROOT / file, desk.folder / file)
    desk.write("fixtures/one.yaml", "x: 1\n")
    desk.env["PYTHONPATH"] = str(desk.folder / "engine")  # what it ships with is what lies there
    desk.program("python3", PYTHON3)
    desk.program("stand-in", STAND_IN)
    return desk


def foreseen(desk: Desk) -> dict[str, str]:
    """Which steps of the phases a plan would run, and why."""
    steps = json.loads(desk.orch("plan", "pipelines/ci.yaml", "--json").out)["steps"]
    assert {step["address"] for step in steps} - {"finally.report"} == BODY
    return {step["address"]: step["why"] for step in steps if step["address"] in BODY and step["word"] != "cached"}


def again(desk: Desk) -> dict[str, str]:
    """The same, and that a run does exactly that."""
    told = foreseen(desk)
    work = desk.orch("plan", "pipelines/ci.yaml", "--detailed-exitcode", code=None).code
    assert work == (10 if told else 0)
    before = desk.lines(".runs/did")
    desk.orch("apply", "pipelines/ci.yaml")
    assert desk.lines(".runs/did") - before == len(told)
    manifests = {address: desk.node(address) for address in BODY}
    assert {address for address, manifest in manifests.items() if manifest["reason"] != "cached"} == set(told)
    return told


def test_twice_is_all_cached_and_a_touched_file_makes_what_reads_it_run(copy: Desk) -> None:
    (copy.folder / ".runs").mkdir(mode=0o700)
    assert set(again(copy)) == BODY
    assert again(copy) == {}
    assert copy.node("test.test")["tests"]["passed"] == 1

    with (copy.folder / "engine" / "orch" / "graph.py").open("a") as file:
        file.write("# touched\n")
    assert again(copy) == dict.fromkeys(BODY - {"setup.setup"}, "engine/orch/graph.py changed")
    copy.write("docs/goals.md", "other\n")
    assert again(copy) == {"test.test": "docs/goals.md changed"}
    copy.write("tests/test_new.py", "")
    added = dict.fromkeys(["read.documents", "read.layout", "read.lint", "test.test"], "tests/test_new.py added")
    assert again(copy) == added
    copy.write("tasks/0042/decisions/ci.ship.owner.mlee.yaml", "")
    assert again(copy) == {"read.documents": "tasks/0042/decisions/ci.ship.owner.mlee.yaml added"}

    shutil.rmtree(copy.folder / "dist")
    assert again(copy) == {}
    assert (copy.folder / "dist" / "orch_pipelines-0.1.0-py3-none-any.whl").read_text() == "wheel\n"

    shutil.rmtree(copy.folder / ".orch")
    told = foreseen(copy)
    assert told["setup.setup"] == told["read.types"] == "environment .orch/venv changed"
    assert told["read.layout"] == "tool .orch/venv/bin/ruff changed"
    copy.orch("apply", "pipelines/ci.yaml")
    assert copy.node("setup.setup")["cache"]["because"] == "environment .orch/venv changed"
    assert again(copy) == {}
    copy.orch("verify", "@last")

"""A command that served.py carries out is the command that is installed, but for its imports."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import Desk

HELLO = "  main: { nodes: { a: { run: 'env | sort > env; pwd > pwd' } } }\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--version", 0),
        ("--help", 0),
        ("validate", 0),
        ("plan", 0),
        ("apply --help", 0),
        ("explain O101", 0),
        ("none", 2),
        ("apply --input a=b", 2),
        ("runs show @last", None),
    ],
)
def test_a_served_command_ends_and_says_as_the_installed_one(tmp_path: Path, words: str, code: int | None) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(HELLO)
    served = desk.orch(*words.split(), code=code)
    desk.cold = True
    assert desk.orch(*words.split(), code=code) == served
    assert served.text


def test_steps_of_a_served_command_have_the_folder_and_the_environment_of_the_desk_alone(tmp_path: Path) -> None:
    found = []
    for cold in (False, True):
        desk = Desk.at(tmp_path, f"cold_{cold}", cold=cold)
        desk.pipeline(HELLO)
        desk.orch("apply")
        text = (desk.folder / "env").read_text() + (desk.folder / "pwd").read_text()
        run = desk.run_dir().name
        found.append(text.replace(run, "RUN").replace(desk.folder.name, "NAME"))
    assert found[0] == found[1]
    assert "HOME=" in found[0]


def test_a_served_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main: { nodes: { a: { run: sleep 60 } } }\n")
    with pytest.raises(subprocess.TimeoutExpired):
        desk.orch("apply", seconds=0)

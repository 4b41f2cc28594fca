"""The environment that the python adapter makes: whole, or made anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = Path(__file__).resolve().parents[1] / "adapters" / "python" / "install.py"


def install(folder: Path) -> str:
    argv = [sys.executable, str(INSTALL), "--env", str(folder / ".orch" / "venv"), "--tests", "unittest"]
    done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def has_pip(folder: Path) -> bool:
    argv = [str(folder / ".orch" / "venv" / "bin" / "python"), "-m", "pip", "--version"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path


def test_an_environment_is_made_once_while_nothing_that_it_follows_from_changes(whole: Path) -> None:
    assert "up to date" in install(whole)
    assert (whole / ".orch" / ".gitignore").read_text() == "*\n"


def test_an_environment_whose_making_was_killed_is_made_anew(whole: Path) -> None:
    (whole / ".orch" / "venv" / "orch-installed.json").unlink()
    (site,) = whole.glob(".orch/venv/lib/python*/site-packages/pip")
    site.rename(whole / "pip")
    assert not has_pip(whole)
    assert "venv --clear" in install(whole)
    assert has_pip(whole)


def test_an_environment_that_is_brought_up_to_date_is_not_made_anew(whole: Path) -> None:
    (whole / "setup.cfg").write_text("[tool:x]\n")
    assert "venv --clear" not in install(whole)
    assert "up to date" in install(whole)

"""The runner that the adapter for Python uses for plain unittest: which tests it finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent.parent / "adapters" / "python" / "run_unittest.py"
FAILS = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.fail('it')\n"


def run(folder: Path, *files: str, start: str = ".") -> tuple[int, int]:
    """The exit code, and how many cases the report has."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(FAILS if file.endswith(".py") and "__init__" not in file else "")
    argv = [sys.executable, str(RUNNER), str(folder / "report.xml"), start]
    done = subprocess.run(argv, cwd=folder, capture_output=True, timeout=60, check=False)
    return done.returncode, (folder / "report.xml").read_text().count("<testcase ")


@pytest.mark.parametrize(
    "files",
    [
        ("tests/unit/test_a.py", "tests/integration/test_b.py"),
        ("src/wall/__init__.py", "src/wall/tests/__init__.py", "src/wall/tests/test_a.py", "lib/test_b.py"),
    ],
)
def test_tests_that_discovery_does_not_reach_are_looked_for_before_there_are_none(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    assert run(tmp_path, *files) == (1, 2)


def test_what_discovery_reaches_is_all_where_it_reaches_something(tmp_path: Path) -> None:
    assert run(tmp_path, "tests/test_a.py", "tests/data/test_sample.py", start="tests") == (1, 1)


def test_what_tools_have_made_and_environments_hold_is_no_test(tmp_path: Path) -> None:
    files = (".orch/venv/test_a.py", "node_modules/a/test_a.py", "env/pyvenv.cfg", "env/test_a.py", "build/test_a.py")
    assert run(tmp_path, *files) == (5, 0)

"""The targets are listed, remove only what they made, and the counts that CI reads are right."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REPORT = '<testsuites><testsuite tests="{0}" failures="{1}" errors="{2}" skipped="{3}"/></testsuites>'


def make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def counts(report: Path, *options: str) -> tuple[int, str]:
    argv = [sys.executable, str(ROOT / ".ci" / "counts.py"), *options, str(report)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def test_make_alone_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert phony is not None
    assert re.findall(r"^  make ([a-z-]+)", make(), re.M) == phony[1].split()


def test_clean_removes_only_what_git_ignores() -> None:
    (line,) = [line for line in make("-n", "clean").splitlines() if line.startswith("rm -rf")]
    paths = [word.replace("*", "x") + "/" for word in line.split()[2:]]
    done = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ".venv/" in paths
    assert done.stdout.split() == paths


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_set_up_is_done_once_for_each_content_of_what_it_reads(file: str) -> None:
    assert ".set-up-" in make("-n", "-W", file, "setup")


def test_every_library_that_the_project_names_has_its_version_fixed_for_the_set_up() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [re.split(r"[<>=\[]", line)[0].lower() for line in project["project"]["dependencies"]]
    fixed = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.M)
    assert set(named) <= {name.lower() for name in fixed}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((5, 0, 0, 1), (0, "4 passed, 0 failed, 1 skipped")),
        ((5, 1, 1, 1), (1, "2 passed, 2 failed, 1 skipped")),
        ((2, 0, 0, 2), (1, "0 passed, 0 failed, 2 skipped")),
        ((0, 0, 0, 0), (1, "0 passed, 0 failed, 0 skipped")),
    ],
)
def test_the_last_line_counts_and_no_test_that_passed_is_a_failure(
    tmp_path: Path, numbers: tuple[int, ...], expected: tuple[int, str]
) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(REPORT.format(*numbers))
    assert counts(report) == expected


def test_a_missing_or_torn_report_is_a_failure(tmp_path: Path) -> None:
    torn = tmp_path / "tests.xml"
    torn.write_text("<testsuites><testsuite")
    assert counts(torn)[0] == 1
    assert counts(tmp_path / "nowhere.xml")[0] == 1


def test_the_counts_can_be_an_output_of_a_node(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(REPORT.format(3, 0, 0, 1))
    assert counts(report, "--json") == (0, '{"passed": 2, "failed": 0, "skipped": 1}')

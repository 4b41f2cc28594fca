"""The rules of the house that can be looked up in the code: sizes, first lines, codes, what must not be there."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

from orch.problems.catalogue import CODES

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ROOT / "engine" / "orch"
MODULES = sorted(path for path in ENGINE.rglob("*.py") if path.name != "__init__.py")
CONTENT = ("adapters", "agents", "patterns", "pipelines", "schemas", "tasks", "tests")
CODE = re.compile(r"\bO[0-7]\d\d\b")
PAGE = re.compile(r"problems/codes_\w+\.py$")


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """What git knows of; in an unpacked archive there is no git to ask."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def literals(path: Path) -> set[str]:
    """The error codes that a module holds as strings; what comments say does not count."""
    found = (node.value for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.Constant))
    return {value for value in found if isinstance(value, str) and CODE.fullmatch(value)}


def test_no_module_is_longer_than_400_lines_and_half_of_them_are_below_150() -> None:
    lengths = [text(path).count("\n") for path in MODULES]
    assert not named([path for path, length in zip(MODULES, lengths, strict=True) if length > 400])
    assert statistics.median(lengths) <= 150


def test_every_module_says_first_what_it_is_for() -> None:
    assert not named([path for path in MODULES if not text(path).startswith('"""')])


def test_every_test_module_says_first_what_it_is_for() -> None:
    assert not named([path for path in (ROOT / "tests").glob("*.py") if not text(path).startswith('"""')])


def test_a_package_holds_no_code_but_the_version() -> None:
    assert named([path for path in ENGINE.rglob("__init__.py") if text(path).strip()]) == ["engine/orch/__init__.py"]
    body = ast.parse(text(ENGINE / "__init__.py")).body
    assert [type(statement) for statement in body] == [ast.Expr, ast.Assign]


def test_content_and_tests_are_no_packages(tracked: list[Path]) -> None:
    inits = [path.relative_to(ROOT) for path in tracked if path.name == "__init__.py"]
    assert not [path for path in inits if path.parts[0] in CONTENT]


def test_nothing_is_left_to_be_done_later(tracked: list[Path]) -> None:
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "Not" + "ImplementedError")))
    assert not named([path for path in tracked if marks.search(text(path))])


def test_every_code_that_is_raised_has_a_page_and_every_page_is_raised() -> None:
    raised = set[str]().union(*(literals(path) for path in MODULES if not PAGE.search(str(path))))
    assert raised == set(CODES)


def test_every_error_code_is_in_the_documentation() -> None:
    assert set(re.findall(r"^### (O\d{3}):", text(ROOT / "docs" / "errors.md"), re.M)) == set(CODES)


def test_no_file_names_a_machine_or_a_registry(tracked: list[Path]) -> None:
    registries = ("pypi" + r"\.org", "npm" + "js", "python" + "hosted")
    names = re.compile("|".join((r"(?<![\w.$}\"'-])/(?:root|work|Users)/", *registries)))
    told = {path: names.findall(text(path)) for path in tracked if path.name != "test_docs.py"}
    assert not {str(path.relative_to(ROOT)): found for path, found in told.items() if found}


def test_no_test_judges_speed_by_a_clock() -> None:
    watches = re.compile(r"\b(?:perf_counter|process_time|thread_time)(?:_ns)?\(")
    assert not named([path for path in (ROOT / "tests").glob("*.py") if watches.search(text(path))])

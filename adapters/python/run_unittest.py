"""Runs unittest's discovery as `python -m unittest discover` does, and writes a JUnit report beside its usual output.

Usage: run_unittest.py REPORT FOLDER [PATTERN]. Exit 0 where all passed, 1 where not, 5 where there was no test.
Discovery enters packages only: where it finds nothing, every folder with files of the pattern is looked into, from its
own top."""

from __future__ import annotations

import fnmatch
import os
import sys
import time
import traceback
import unittest
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

MADE = ("build", "dist", "node_modules", "__pycache__")
Case = tuple[str, str, str, str]  # name, kind (passed, failure, error, skipped), message, details


class Recorded(unittest.TextTestResult):
    """Keeps how each test ended, as unittest itself counts: a test with failing subtests has failed once for each."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.cases: list[Case] = []

    def _put(self, test: unittest.TestCase, kind: str, error: object = None, message: str = "") -> None:
        details = "".join(traceback.format_exception(*error)) if isinstance(error, tuple) else ""
        if isinstance(error, tuple):
            message = f"{error[0].__name__}: {error[1]}"
        self.cases.append((test.id(), kind, message, details))

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._put(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addFailure(test, err)
        self._put(test, "failure", err)

    def addError(self, test: unittest.TestCase, err: object) -> None:
        super().addError(test, err)
        self._put(test, "error", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._put(test, "skipped", message=reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addExpectedFailure(test, err)
        self._put(test, "passed")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._put(test, "failure", message="an unexpected success")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: object) -> None:
        super().addSubTest(test, subtest, err)
        if isinstance(err, tuple):
            failed = issubclass(err[0], test.failureException)
            self._put(subtest, "failure" if failed else "error", err)


def main(report: str, folder: str, pattern: str = "test*.py") -> int:
    """Find, run, write."""
    sys.path.insert(0, os.getcwd())
    began = time.monotonic()
    loader = unittest.defaultTestLoader
    suite = loader.discover(folder, pattern, os.getcwd() if folder == "." else None)
    if not suite.countTestCases():
        suite = unittest.TestSuite(loader.discover(top, pattern, top) for top in sorted(set(_tops(pattern))))
    result = unittest.TextTestRunner(resultclass=Recorded, verbosity=1).run(suite)
    assert isinstance(result, Recorded)
    _write(report, result.cases, time.monotonic() - began)
    if not result.cases and not result.testsRun:
        return 5
    return 0 if result.wasSuccessful() else 1


def _tops(pattern: str) -> Iterator[str]:
    """The folders from which the packages of test files are imported."""
    for folder, folders, names in os.walk("."):
        folders[:] = [one for one in folders if one[0] != "." and one not in MADE and not _is_venv(folder, one)]
        if fnmatch.filter(names, pattern):
            top = folder
            while top != "." and os.path.exists(os.path.join(top, "__init__.py")):
                top = os.path.dirname(top)
            yield top


def _is_venv(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def _write(report: str, cases: list[Case], seconds: float) -> None:
    counts = {kind: sum(case[1] == kind for case in cases) for kind in ("failure", "error", "skipped")}
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuite name="unittest" tests="{len(cases)}" failures="{counts["failure"]}" errors="{counts["error"]}" '
        f'skipped="{counts["skipped"]}" time="{seconds:.3f}">',
    ]
    for name, kind, message, details in cases:
        classname, _, own = name.partition(" ")[0].rpartition(".")
        own += name[len(classname) + 1 + len(own) :] if classname else ""
        line = f"<testcase classname={quoteattr(_clean(classname))} name={quoteattr(_clean(own))}"
        if kind == "passed":
            lines.append(line + "/>")
        else:
            text = escape(_clean(details))
            lines.append(f"{line}><{kind} message={quoteattr(_clean(message))}>{text}</{kind}></testcase>")
    lines.append("</testsuite>\n")
    with open(report, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff") else "?" for c in text)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

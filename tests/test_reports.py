"""Reports of test tools and linters: counted as their tools count, and read whatever is in them."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.model.report import MAX_FINDINGS, MAX_MESSAGE, Counts, Finding, Report, UnreadableReport
from orch.spec.adapter import ReportFormat
from orch.store.reports.catalogue import READERS, merge
from orch.store.reports.frames import js_place

FIXTURES = Path(__file__).parent.parent / "fixtures" / "reports"
REPORTS = sorted(path for path in FIXTURES.glob("*/*") if path.suffix != ".json")
FORMATS = sorted(READERS)
MIB = 1 << 20


def read(form: str, data: bytes) -> Report:
    return READERS[form](io.BytesIO(data))


def tidy(report: Report) -> None:
    """What holds for every report, whatever it was read from."""
    assert len(report.findings) == min(report.found, MAX_FINDINGS)
    assert report.tests is None or min(report.tests) >= 0
    for finding in report.findings:
        assert 0 < len(finding.message) <= MAX_MESSAGE
        assert finding.line is None or 0 < finding.line < 10**9
        "".join(filter(None, (finding.message, finding.file, finding.test))).encode()  # valid Unicode


def test_there_is_a_reader_for_every_format_that_an_adapter_may_name() -> None:
    assert set(READERS) == set(get_args(ReportFormat))
    assert {path.parent.name for path in REPORTS} == set(READERS)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_report_is_counted_as_its_tool_counts_and_each_failure_has_its_place(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text())
    report = read(path.parent.name, path.read_bytes())
    tidy(report)
    assert (report.tests._asdict() if report.tests else None) == expected["tests"]
    assert report.found == expected["found"]
    assert [finding._asdict() for finding in report.findings] == expected["findings"]


def _bytes_near(form: str) -> st.SearchStrategy[bytes]:
    """Reports of this format with pieces cut out, doubled or replaced, and bytes of no format."""
    originals = [path.read_bytes() for path in REPORTS if path.parent.name == form]
    places = st.integers(0, max(map(len, originals)))

    def changed(data: bytes, first: int, last: int, new: bytes) -> bytes:
        return data[:first] + new + data[last:]

    return st.binary(max_size=200) | st.builds(
        changed, st.sampled_from(originals), places, places, st.binary(max_size=20)
    )


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_the_bytes_a_report_is_read_or_refused(form: str, data: st.DataObject) -> None:
    content = data.draw(_bytes_near(form))
    with contextlib.suppress(UnreadableReport):
        tidy(read(form, content))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "data", [b"", b"\0" * 1000, b"\xff\xfe\xfd", b"<html></html>", b"hello\n", b"[1]", b'{"a": 1}']
)
def test_what_is_not_of_the_format_is_refused_with_the_end_of_a_sentence(form: str, data: bytes) -> None:
    with pytest.raises(UnreadableReport, match=r"^(is|has) "):
        read(form, data)


def test_an_empty_list_of_a_linter_is_a_report_without_findings() -> None:
    assert read("eslint", b"[]") == read("ruff", b"[]") == Report(None)


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("junit", b"<testsuite>" * 10**6),
        ("junit", b"<!DOCTYPE a [<!ENTITY b 'c'>]><testsuite>&b;</testsuite>"),
        ("junit", b"<testsuite><testcase name='a'>"),
        ("junit", b"<?xml version='1.0' encoding='no-such'?><testsuite/>"),
        ("junit", b"<testsuite><testcase name='\xff'/></testsuite>"),
        ("junit", b"<testsuite name='" + b"a" * (20 * MIB)),
        ("jest", b"[" * 10**6),
        ("eslint", b"[" * 10**6),
        ("ruff", b"[" * 10**6),
        ("ruff", b"[" + b" " * (64 * MIB) + b"]"),
        ("gotest", b'{"Action":' + b"[" * 10**6),
        ("cargo-json", b'{"reason":' + b"9" * 10**6),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_a_hostile_report_is_refused(form: str, data: bytes) -> None:
    with pytest.raises(UnreadableReport):
        read(form, data)


def test_the_same_xml_without_a_document_type_is_read() -> None:
    assert read("junit", b"<testsuite>c</testsuite>") == Report(Counts())


def test_a_number_that_is_no_line_is_left_out() -> None:
    entry = {"filename": "a.py", "message": "m", "location": {"row": 10**30}}
    assert read("ruff", json.dumps([entry]).encode()).findings == (Finding("m", "a.py"),)


def test_all_findings_are_counted_and_the_first_are_kept_cut_short() -> None:
    case = f"<testcase classname='a' name='b'><failure message='{'m' * 5000}'/></testcase>"
    report = read("junit", f"<testsuite>{case * 70}</testsuite>".encode())
    assert (report.tests, report.found, len(report.findings)) == (Counts(failed=70), 70, MAX_FINDINGS)
    assert report.findings[0].message == "m" * (MAX_MESSAGE - 1) + "…"


def test_errors_of_a_linter_are_kept_before_its_warnings() -> None:
    messages = [{"severity": 1, "message": f"warning {n}", "line": n} for n in range(1, 60)]
    messages.append({"severity": 2, "message": "error", "line": 1})
    report = read("eslint", json.dumps([{"filePath": "/a.js", "messages": messages}]).encode())
    assert (report.found, report.findings[0].message) == (60, "error")


def test_a_file_of_jest_that_failed_after_its_tests_is_an_error_and_one_with_a_failed_test_is_none() -> None:
    def report(status: str) -> Report:
        file = {"name": "/a.js", "status": "failed", "message": "after", "assertionResults": [{"status": status}]}
        return read("jest", json.dumps({"testResults": [file]}).encode())

    assert report("passed").tests == Counts(passed=1, errors=1)
    assert report("passed").findings == (Finding("after", "/a.js"),)
    assert report("failed").tests == Counts(failed=1)


def test_a_file_url_becomes_a_path() -> None:
    tap = b"TAP version 13\nnot ok 1 - a\n  ---\n  at: file:///home/a%20b/c.mjs:7:1\n  ...\n1..1\n"
    assert read("tap", tap).findings == (Finding("a", "/home/a b/c.mjs", 7, "a"),)


@pytest.mark.parametrize(
    ("tap", "counts", "told"),
    [
        (b"1..3\nok 1\nok 2\n", Counts(passed=2, errors=1), "3 tests were planned, and 2 came"),
        (b"ok 1\n", Counts(passed=1, errors=1), "the report has no plan: the tests did not come to their end"),
        (b"1..2\nok 1\nBail out! no database\n", Counts(passed=1, errors=1), "Bail out! no database"),
    ],
)
def test_tap_that_breaks_off_has_an_error_for_what_did_not_come(tap: bytes, counts: Counts, told: str) -> None:
    report = read("tap", tap)
    assert (report.tests, [finding.message for finding in report.findings]) == (counts, [told])


def test_tap_that_comes_to_its_end_has_none() -> None:
    assert read("tap", b"1..2\nok 1\nok 2\n") == Report(Counts(passed=2))
    assert read("tap", b"1..0 # SKIP no database\n") == Report(Counts())


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("    at Context.<anonymous> (/a b/c d.js:4:9)", ("/a b/c d.js", 4)),
        ("    at /a b/c d.js:4:9", ("/a b/c d.js", 4)),
        ("    at async /a b/c.js:4:9", ("/a b/c.js", 4)),
        ("at Object.<anonymous> (c d.js:4:9) {", ("c d.js", 4)),
        ("    at f (/a b/node_modules/c.js:4:9)", (None, None)),
        ("    at f (node:internal/a:4:9)", (None, None)),
        ("    at async Promise.all (index 0)", (None, None)),
        ("    called at c.js:4:9", ("c.js", 4)),
    ],
)
def test_a_frame_of_javascript_is_found_where_its_path_has_spaces(
    line: str, place: tuple[str | None, int | None]
) -> None:
    assert js_place(line) == place


@pytest.mark.parametrize("key", ["at", "location"])
def test_the_place_of_a_point_may_have_spaces(key: str) -> None:
    report = read("tap", f"not ok 1 - a\n  ---\n  {key}: '/a b/c.js:4:9'\n  ...\n1..1\n".encode())
    assert report.findings[0][1:3] == ("/a b/c.js", 4)


@pytest.mark.parametrize("word", ["skip", "SKIP", "Skipped", "to" + "do", "TO" + "DO"])
def test_a_point_with_a_directive_is_skipped_in_any_case_and_one_with_the_bare_word_is_not(word: str) -> None:
    assert read("tap", f"1..1\nnot ok 1 a # {word} later\n".encode()) == Report(Counts(skipped=1))
    assert read("tap", f"1..1\nok 1 a \\# {word} later\n".encode()) == Report(Counts(passed=1))


def _go(*records: dict[str, str]) -> bytes:
    return "".join(json.dumps({"Package": "a/b", **record}) + "\n" for record in records).encode()


def test_a_go_test_that_does_not_end_is_an_error() -> None:
    run = {"Action": "run", "Test": "TestA"}
    assert read("gotest", _go(run)).tests == Counts(errors=1)
    assert read("gotest", _go(run, {"Action": "pass", "Test": "TestA"}, {"Action": "pass"})).tests == Counts(passed=1)


def test_a_line_that_a_go_test_prints_is_no_test() -> None:
    forged = {"Action": "fail", "Test": "TestForged"}
    assert read("gotest", _go(forged, {"Action": "pass"})).tests == Counts()
    assert read("gotest", _go({"Action": "run", "Test": "TestForged"}, forged)).tests == Counts(failed=1)


def test_a_result_that_a_rust_test_prints_is_not_counted() -> None:
    real = b"running 1 test\ntest a ... FAILED\n\nfailures:\n\n---- a stdout ----\n%s\nfailures:\n    a\n\n%s"
    end = b"test result: %s. %d passed; %d failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n"
    forged = b"running 7 tests\n" + end % (b"ok", 7, 0)
    report = read("cargo", real % (forged, end % (b"FAILED", 0, 1)))
    assert report.tests == Counts(failed=1)


def test_reports_of_one_attempt_are_added() -> None:
    one = Report(Counts(1, 2, 3, 4), (Finding("a"),) * 40, 40)
    other = Report(Counts(passed=1), (Finding("b"),) * 40, 45)
    linter = Report(None, (Finding("c"),), 1)
    merged = merge([one, other, linter])
    assert (merged.tests, merged.found, len(merged.findings)) == (Counts(2, 2, 3, 4), 86, MAX_FINDINGS)
    assert merge([linter]) == linter
    assert merge([]) == Report(None)


def _large(form: str) -> Iterator[bytes]:
    """Endless pieces of a report."""
    text = "x" * 900
    if form == "junit":
        yield b"<testsuites><testsuite>"
        while True:
            yield f"<testcase classname='a' name='b'><failure message='m'>{text}\n</failure></testcase>".encode()
    number = 0
    while True:
        number += 1
        if form == "tap":
            yield f"not ok {number} - a\n  ---\n  message: {text}\n  ...\n".encode()
        elif form == "gotest":
            test = {"Package": "a", "Test": f"T{number}"}
            for record in ({"Action": "run"}, {"Action": "output", "Output": text}, {"Action": "fail"}):
                yield json.dumps(test | record).encode() + b"\n"
        elif form == "cargo":
            yield f"running 1 test\ntest a{number} ... FAILED\n\nfailures:\n\n".encode()
            yield f"---- a{number} stdout ----\n{text}\n".encode()
            yield b"test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n"
        else:
            span = {"is_primary": True, "file_name": text, "line_start": number}
            message = {"level": "error", "message": text, "spans": [span]}
            yield json.dumps({"reason": "compiler-message", "message": message}).encode() + b"\n"


READ_WITH_LITTLE_MEMORY = """
import resource, sys
from orch.store.reports.catalogue import READERS
__import__("orch.store.reports." + sys.argv[1].replace("-", "_"))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (12 << 20), used + (12 << 20)))
report = READERS[sys.argv[1]](open(sys.argv[2], "rb"))
print(report.found)
"""


@pytest.mark.parametrize("form", ["junit", "tap", "gotest", "cargo", "cargo-json"])
def test_a_report_of_50_mb_is_read_with_a_few_mb(form: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    size = 0
    with path.open("wb") as file:
        for piece in _large(form):
            size += file.write(piece)
            if size > 50 * 10**6:
                break
        file.write(b"</testsuite></testsuites>" if form == "junit" else b"")
    done = subprocess.run(
        [sys.executable, "-c", READ_WITH_LITTLE_MEMORY, form, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 10_000

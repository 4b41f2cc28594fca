"""Failed attempts for other tools: annotations, JUnit XML, SARIF."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from command import Desk

from orch.model.report import Counts
from orch.render.errors_github import errors_github
from orch.render.errors_junit import errors_junit
from orch.render.errors_sarif import errors_sarif
from orch.store.reports.catalogue import READERS

FINDING = {
    "file": "src/a b,c:d#e.py",
    "line": 7,
    "message": "100% <wrong> & \x1b\nsecond",
    "test": "tests/a.py::test_b",
}


def error(address: str = "main.test", attempt: int = 1, **details: Any) -> dict[str, Any]:
    return {"address": address, "attempt": attempt, "reason": "exit", "summary": "exited with 1", "details": details}


def test_an_annotation_has_place_and_title_with_everything_escaped_that_would_end_it() -> None:
    assert errors_github([error(findings=[FINDING])]) == (
        "::error file=src/a b%2Cc%3Ad#e.py,line=7,title=main.test%3A tests/a.py%3A%3Atest_b"
        "::100%25 <wrong> & \x1b%0Asecond"
    )


def test_an_attempt_without_findings_is_told_as_a_whole() -> None:
    assert errors_github([error()]) == "::error title=main.test::exited with 1"
    (result,) = json.loads(errors_sarif([error()]))["runs"][0]["results"]
    assert (result["ruleId"], "locations" in result) == ("exit", False)


def test_more_annotations_than_github_shows_are_announced() -> None:
    lines = errors_github([error(findings=[FINDING] * 11)]).splitlines()
    assert (len(lines), lines[0][:9]) == (12, "::notice ")
    assert len(errors_github([error(findings=[FINDING] * 10)]).splitlines()) == 10


def test_findings_that_were_not_kept_are_counted() -> None:
    last = errors_github([error(findings=[FINDING], found=61)]).splitlines()[-1]
    assert last == "::error title=main.test::60 more findings, which are not kept: its log has them"


def test_of_a_step_that_was_tried_again_the_last_attempt_counts() -> None:
    tried = [error(findings=[FINDING]), error("main.other"), error(attempt=2)]
    assert errors_github(tried).splitlines() == [
        "::error title=main.other::exited with 1",
        "::error title=main.test::exited with 1",
    ]


def test_junit_has_a_suite_a_step_and_a_case_a_finding_and_is_read_back() -> None:
    text = errors_junit([error(findings=[FINDING, FINDING]), error("main.lint", stderr_tail="no such file\0")])
    root = ET.fromstring(text)
    assert [(suite.get("name"), suite.get("tests"), len(suite)) for suite in root] == [
        ("main.test", "2", 2),
        ("main.lint", "1", 1),
    ]
    case = root[0][0]
    assert (case.get("name"), case.get("file"), case.get("line")) == ("tests/a.py::test_b", FINDING["file"], "7")
    assert case[0].get("message") == "100% <wrong> & \ufffd\nsecond"
    assert "no such file" in (root[1][0][0].text or "")
    assert READERS["junit"](io.BytesIO(text.encode())).tests == Counts(failed=3)


def test_sarif_has_what_its_schema_requires() -> None:
    log = json.loads(errors_sarif([error(findings=[FINDING, {"file": "/usr/a.py", "message": "m"}])]))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "orch"
    first, second = run["results"]
    assert [driver["rules"][each["ruleIndex"]]["id"] for each in (first, second)] == ["tests/a.py::test_b", "exit"]
    assert first["message"]["text"].startswith("main.test: 100%")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "src/a%20b%2Cc%3Ad%23e.py"},
        "region": {"startLine": 7},
    }
    assert second["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "file:///usr/a.py"}}


def test_a_run_without_failures_is_an_empty_document() -> None:
    assert errors_github([]) == ""
    assert len(ET.fromstring(errors_junit([]))) == 0
    assert json.loads(errors_sarif([]))["runs"][0]["results"] == []


@pytest.mark.parametrize("form", ["text", "json", "github", "junit", "sarif"])
def test_runs_errors_speaks_every_format(form: str, tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      bad: { run: exit 3 }\n")
    desk.orch("apply", code=1)
    assert "main.bad" in desk.orch("runs", "errors", "@last", "--format", form).out


def test_json_and_another_format_exclude_each_other(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      bad: { run: exit 3 }\n")
    desk.orch("apply", code=1)
    plain = desk.orch("runs", "errors", "@last", "--json").out
    assert plain == desk.orch("runs", "errors", "@last", "--json", "--format", "json").out
    desk.orch("runs", "errors", "@last", "--json", "--format", "sarif", code=2)


ALLOWED = """  main:
    nodes:
      shaky: { run: exit 3, allow_failure: true }
      over:
        allow_failure: true
        loop: { max_iterations: 2, until: "false", nodes: { again: { run: exit 4 } } }
      green:
        loop:
          max_iterations: 3
          until: nodes.test.status == 'succeeded'
          nodes: { test: { run: "[ -e tried ] || { touch tried; exit 1; }" } }
      flaky: { run: "[ $ORCH_ATTEMPT = 2 ]", retry: { limit: 1, delay: 0s } }
"""


def test_of_a_run_that_succeeded_nothing_is_an_error_and_no_retry_is_offered_but_for_more_iterations(
    tmp_path: Path,
) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(ALLOWED)
    told = desk.orch("apply").text
    assert "succeeded: 2 failed (allowed), " in told
    assert "orch retry" not in told
    for words in (
        ("runs", "errors", "@last"),
        ("explain", "@last", "main.shaky"),
        ("runs", "show", "@last"),
    ):
        assert "orch retry" not in desk.orch(*words).text, words
    told = desk.orch("explain", "@last", "main.over").text
    assert "--from main.over" in told  # a loop has more iterations for who asks for them; `--failed` has nothing to do
    assert "--failed" not in told
    desk.orch("report", "@last", "-o", "report.md")
    report = (desk.folder / "report.md").read_text()
    assert "2 failed \\(allowed\\)" in report or "2 failed (allowed)" in report
    assert [line for line in report.splitlines() if "orch retry" in line and "--from main.over" not in line] == []
    annotations = desk.orch("runs", "errors", "@last", "--format", "github").out.splitlines()
    assert {line.split()[0] for line in annotations} == {"::warning"}
    addresses = {line.split("title=")[1].split("::")[0] for line in annotations}
    assert {"main.shaky", "main.over"} <= addresses
    assert not any(address.startswith(("main.green", "main.flaky")) for address in addresses)
    root = ET.fromstring(desk.orch("runs", "errors", "@last", "--format", "junit").out)
    assert (root.get("failures"), {suite.get("failures") for suite in root}) == ("0", {"0"})
    assert all(case[0].tag == "skipped" for suite in root for case in suite)
    sarif = json.loads(desk.orch("runs", "errors", "@last", "--format", "sarif").out)
    assert {each["level"] for each in sarif["runs"][0]["results"]} == {"warning"}
    desk.orch("retry", "@last", "--failed", code=6)


def test_of_a_run_that_failed_the_retry_is_offered_and_what_failed_is_an_error(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline(
        "  main:\n    nodes:\n      bad: { run: exit 3 }\n      shaky: { run: exit 3, allow_failure: true }\n"
    )
    told = desk.orch("apply", code=1).text
    assert "failed: 1 failed, 1 failed (allowed)" in told
    assert "1 failed, 1 failed (allowed)" in json.dumps(json.loads(desk.orch("runs", "show", "@last", "--json").out))
    assert "--failed" in desk.orch("explain", "@last", "main.bad").out
    kinds = [line.split()[0] for line in desk.orch("runs", "errors", "@last", "--format", "github").out.splitlines()]
    assert sorted(kinds) == ["::error", "::warning"]

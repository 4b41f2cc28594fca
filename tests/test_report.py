"""The report of a run: what it holds, in both forms, for a run of any state and size, whatever the run itself says."""

from __future__ import annotations

import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command import Desk
from plans import one_phase, plan_doc
from recorded import Recorded
from stage import Step
from syrupy.assertion import SnapshotAssertion
from test_fixtures import FIXTURES, RecordExtension, play

from orch.app.context import Context
from orch.app.report import make_report
from orch.model.events import Closed, Finished, Observed, Opened, Skipped, Started
from orch.render.report_html import report_html
from orch.render.report_md import code, fenced, report_md, text
from orch.render.report_style import DARK, LIGHT
from orch.render.timeline_html import MAX_BARS
from orch.review.report import MAX_ROWS, MAX_TROUBLES
from orch.review.timeline import timeline
from orch.store.owner import Owner, write_owner
from orch.testing.normal import Normal

HOSTILE = "<script>alert(1)</script>]]>\"'`|*_[x](javascript:1)\n# h\n```\n\x1b[31m\u202e\u2066\0&amp;</style></svg>"
FAILED = {"status": "failed", "reason": "command-failed", "exit_code": 2}


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text."""

    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def context(tmp_path: Path) -> Context:
    return Context(str(tmp_path), {}, cores=1)


def reported(tmp_path: Path) -> tuple[Page, str, str]:
    told = make_report(context(tmp_path), "@last")
    html = report_html(told)
    return Page(html), html, report_md(told)


def recorded(tmp_path: Path, phases: dict[str, Any], **more: Any) -> Recorded:
    made = Recorded(tmp_path, plan_doc(phases, **more))
    made.open()
    return made


def end(made: Recorded, address: str, attempt: int = 1, **fields: Any) -> None:
    made.happen(Started(made.at(), address, attempt))
    given = {"final": True, "status": "succeeded", "reason": "ok", "exit_code": 0, **fields}
    made.happen(Finished(made.at(), address, attempt, **given))


def close(made: Recorded, status: str) -> None:
    made.happen(Closed(made.at(), status, status, {}, ""))
    made.leave()


STAGED = {
    "failing": ["orch apply  # exit 1"],
    "approval": [
        "orch apply  # exit 4",
        "orch approve agreed --role editor --by reader -m 'Reads <well>, says | and `I`.'",
        "orch resume @last  # exit 4",
    ],
}


@pytest.mark.parametrize("form", ["md", "html"])
@pytest.mark.parametrize("name", list(STAGED))
def test_a_report_holds_what_was_looked_at_and_kept(
    name: str, form: str, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    folder = tmp_path / name
    shutil.copytree(FIXTURES / name, folder)
    lines = [*STAGED[name], f"orch report @last -o report.{form}"]
    steps = [Step(line, line.partition("  # exit ")[0], int(line.partition("  # exit ")[2] or 0)) for line in lines]
    told = play(folder, steps)
    assert [int(one["code"]) for one in told] == [step.code for step in steps], told
    written = Normal(str(folder))((folder / f"report.{form}").read_text())
    written = re.sub(r"<style>.*?</style>", "<style></style>", written, flags=re.S)
    written = re.sub(r"'sha256-[^']*'", "'sha256-differs'", written)
    same = re.sub(r"(versions|containment|owner)(</dt><dd>|: )[^<\n]*", r"\1\2differs", written)
    assert same == snapshot(extension_class=RecordExtension)


def hostile(tmp_path: Path) -> None:
    """A run in which everything that may hold text of somebody else holds the worst."""
    phases = {
        "one": {"nodes": {"a": {}, "b": {}}},
        "two": {"gates": {"g": {"check": "inputs.x == 'y'"}}, "nodes": {"c": {}}},
    }
    doc = plan_doc(phases, inputs={"x": HOSTILE}, pipeline={"name": "p", "path": HOSTILE})
    doc["phases"][0]["description"] = doc["steps"][2]["gate"]["description"] = HOSTILE
    made = Recorded(tmp_path, doc)
    made.open()
    end(made, "one.a", logs={"stdout": made.log("one.a.1.out", HOSTILE.encode())})
    error = {
        "summary": HOSTILE,
        "findings": [{"message": HOSTILE, "file": HOSTILE, "line": 1, "test": HOSTILE}],
        "found": 1,
    }
    logs = {"stderr": made.log("one.b.1.err", HOSTILE.encode("utf-8", "surrogatepass") + b"\xff")}
    artifact = {**made.artifact("one.b", "z", b"z"), "path": HOSTILE}
    end(made, "one.b", **{**FAILED, "error": error, "logs": logs, "artifacts": (artifact,)})
    made.happen(Skipped(made.at(), "two.g", "phase-not-reached", HOSTILE))
    made.happen(Skipped(made.at(), "two.c", "phase-not-reached", HOSTILE))
    made.happen(Closed(made.at(), "failed", HOSTILE, {"o": {"value": HOSTILE}}, HOSTILE))
    made.leave()


def test_nothing_that_a_run_says_is_markup_in_a_page(tmp_path: Path) -> None:
    hostile(tmp_path)
    page, html, _ = reported(tmp_path)
    assert not page.open
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "iframe", "object", "embed", "img", "link", "form"})
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert len(page.of("style")) == 1
    assert page.text.count("<script>alert(1)</script>]]>") > 8
    assert not re.search(r"[\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", html)
    assert "\\x1b[31m\\u202e\\u2066\\x00" in page.text


def test_nothing_that_a_run_says_is_markup_in_markdown(tmp_path: Path) -> None:
    hostile(tmp_path)
    _, _, markdown = reported(tmp_path)
    assert not re.search(r"[\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", markdown)
    prose = re.sub(r"^(`{3,})\w+\n.*?^\1$", "", markdown, flags=re.M | re.S)
    prose = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", prose)
    prose = re.sub(r"</?(?:details|summary)>", "", prose)
    assert not re.search(r"(?<!\\)[<\[*_`]", prose), prose
    assert not re.search(r"^# h", prose, re.M)
    tables = [line for line in prose.splitlines() if line.startswith("|")]
    assert tables
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} <= {4, 6, 8}


@pytest.mark.parametrize("value", ["plain", "a | b", "``` x", "`", "a`b``c", "tab\there"])
def test_a_code_span_and_a_fence_are_longer_than_what_is_in_them(value: str) -> None:
    span = code(value)
    ticks = re.match("`+", span)
    assert ticks is not None
    assert ticks[0] not in re.findall("`+", span[len(ticks[0]) : -len(ticks[0])])
    lines = fenced([value])
    assert lines[0].startswith(lines[-1])
    assert lines[-1] not in value


@pytest.mark.parametrize("value", ["# title", "- item", "+ item", "1. item", "2) item", "=== ", "> quoted"])
def test_a_text_does_not_begin_a_list_or_a_title(value: str) -> None:
    assert re.match(r"\\|\d\\", text(value))


def test_a_page_forbids_scripts_and_asks_for_nothing_from_elsewhere(tmp_path: Path) -> None:
    made = recorded(tmp_path, one_phase(a={}, b={"needs": ["a"]}))
    end(made, "build.a")
    end(made, "build.b", **FAILED)
    close(made, "failed")
    page, html, _ = reported(tmp_path)
    policy = next(one["content"] for one in page.of("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?:|//|url\(|@import|javascript:", html)
    assert not [attributes for _, attributes in page.elements if {"src", "style", "xlink:href"} & set(attributes)]
    assert all(one["href"].startswith("#") for one in page.of("a"))


def test_a_page_can_be_read_by_a_screen_reader(tmp_path: Path) -> None:
    made = recorded(tmp_path, one_phase(a={}, b={"needs": ["a"]}))
    end(made, "build.a")
    end(made, "build.b", **FAILED)
    close(made, "failed")
    page, _, _ = reported(tmp_path)
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("h1")) == 1
    assert len(page.of("title")) > 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {one["href"][1:] for one in page.of("a")} <= set(ids)
    assert all({"aria-label", "aria-labelledby"} & set(one) for one in page.of("svg"))
    assert all("scope" in one for one in page.of("th"))


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_text_can_be_read(colours: dict[str, str]) -> None:
    grounds = ("ground", "raised")
    for name in set(colours) - {*grounds, "line"}:
        for ground in grounds:
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_status_is_told_by_a_word_and_not_by_its_colour_alone(tmp_path: Path) -> None:
    made = recorded(tmp_path, one_phase(a={}, b={"needs": ["a"]}))
    end(made, "build.a", **FAILED)
    made.happen(Skipped(made.at(), "build.b", "upstream-failed"))
    close(made, "failed")
    page, _, markdown = reported(tmp_path)
    assert "✗ failed (command-failed)" in page.text
    assert "run build.b: skipped" in page.text  # in the graph
    assert "| `build.b` | - skipped (upstream-failed) |" in markdown


def test_a_run_of_ten_thousand_steps_gives_a_page_that_can_be_opened(tmp_path: Path) -> None:
    count = 10_000
    made = recorded(tmp_path, one_phase(**{f"n{i}": {} for i in range(count)}))
    at = made.at()
    events: list[Any] = []
    for i in range(count):
        end_ = dict(FAILED) if i % 50 == 0 else {"status": "succeeded", "reason": "ok", "exit_code": 0}
        events += [Started(at, f"build.n{i}", 1), Finished(at + i, f"build.n{i}", 1, True, **end_)]
    made.happen(*events)
    close(made, "failed")
    page, html, markdown = reported(tmp_path)
    assert len(html) < 600_000
    assert len(markdown) < 200_000
    assert len(page.of("article")) == MAX_TROUBLES
    assert len(page.of("tr")) <= MAX_ROWS + MAX_BARS + 10
    for told in (page.text, markdown):
        assert f"{200 - MAX_TROUBLES} more are not told here" in told
        assert "Not listed: 9,000 succeeded." in told


def test_what_says_nothing_is_folded_away_in_a_large_run(tmp_path: Path) -> None:
    made = recorded(tmp_path, one_phase(**{f"n{i}": {} for i in range(60)}))
    for i in range(59):
        end(made, f"build.n{i}")
    end(made, "build.n59", **FAILED)
    close(made, "failed")
    page, _, markdown = reported(tmp_path)
    assert "59 succeeded" in page.text
    assert len(page.of("details")) == 1
    assert "<details><summary>59 succeeded</summary>" in markdown


def test_a_large_graph_has_a_box_for_each_matrix_and_a_larger_one_for_each_phase(tmp_path: Path) -> None:
    made = recorded(tmp_path, one_phase(m={"matrix": [f"k{i}" for i in range(150)]}, after={"needs": ["m"]}))
    end(made, "build.m[k0]")
    made.leave()
    page, _, markdown = reported(tmp_path)
    assert "· m: 149 queued, 1 succeeded" in page.text
    assert "Each matrix is one box" in page.text
    assert "m: 149 queued, 1 succeeded" in markdown
    (tmp_path / "wide").mkdir()
    wide = recorded(tmp_path / "wide", one_phase(**{f"n{i}": {} for i in range(150)}))
    wide.leave()
    assert "build: 150 queued" in reported(tmp_path / "wide")[0].text


def test_a_run_that_is_at_work_waits_or_died_is_reported_as_it_stands(tmp_path: Path) -> None:
    made = recorded(tmp_path, one_phase(a={}, b={}), final={"last": {}})
    end(made, "build.a", **FAILED)
    made.happen(Started(made.at(), "build.b", 1))
    page, _, markdown = reported(tmp_path)
    assert "what is over has failed" in page.text
    assert "▸ running" in markdown
    made.leave()
    write_owner(made.run, Owner(made.run.run_id, 1, 1, 7, "boot", os.uname().nodename))
    page, _, markdown = reported(tmp_path)
    assert "! interrupted" in markdown
    assert "was interrupted" in page.text


def test_a_run_without_a_record_can_be_reported(tmp_path: Path) -> None:
    Recorded(tmp_path, plan_doc(one_phase(a={})))
    page, _, _ = reported(tmp_path)
    assert "1 queued" in page.text


def test_a_night_at_a_gate_has_no_length_on_the_timeline() -> None:
    owner = {"run_id": "r"}
    events = [
        Opened(1_000, 1, owner, "d", "none", {}),
        Started(1_500, "a.b", 1),
        Finished(2_000, "a.b", 1, False, "failed", "command-failed"),
        Started(2_500, "a.b", 2),
        Opened(90_000, 2, owner, "d", "none", {}),
        Started(90_500, "a.b", 3),
        Finished(91_000, "a.b", 3, True, "succeeded", "ok"),
    ]
    told = timeline(events)
    assert [(one.attempt, one.begin_ms, one.end_ms, one.status) for one in told.attempts] == [
        (1, 500, 1_000, "failed"),
        (2, 1_500, 1_500, "interrupted"),
        (3, 2_000, 2_500, "succeeded"),
    ]
    assert [(pause.at_ms, pause.idle_ms) for pause in told.pauses] == [(1_500, 87_500)]
    assert told.length_ms == 2_500


def test_what_still_runs_reaches_to_now() -> None:
    events = [Opened(1_000, 1, {}, "d", "none", {}), Started(1_500, "a.b", 1)]
    (one,) = timeline(events, 4_000).attempts
    assert (one.end_ms, one.status) == (3_000, "running")


def test_a_gate_names_who_decided_when_about_what_and_why(tmp_path: Path) -> None:
    gate = {"kind": "approval", "name": "g", "subject": ["x"], "require": {"editor": 1}}
    doc = plan_doc({"one": {"gates": {"g": "approval"}, "nodes": {"a": {}}}})
    doc["steps"][0]["gate"] = gate  # type: ignore[typeddict-item]
    made = Recorded(tmp_path, doc)
    made.open()
    decision = {
        "file": "f", "place": "tree", "committed": True, "decision": "approved", "role": "editor", "by": "reader",
        "date": "2026-11-22", "subject": "sha256:" + "1" * 64, "project": "p", "pipeline": "p", "task": "-",
        "gate": "g", "reason": "Reads well.",
    }  # fmt: skip
    facts = {
        "kind": "approval", "project": "p", "pipeline": "p", "task": "-", "trust_floor": "file",
        "subject": {"digest": "sha256:" + "1" * 64, "files": [["100644", "2" * 64, "x"]], "problems": []},
        "decisions": [decision], "people": ["reader"],
        "roles": {"pinned": {"editor": ["reader"]}, "today": {"editor": ["reader"]}},
    }  # fmt: skip
    made.happen(Observed(made.at(), "one.g", "succeeded", "ok", "approved by reader as editor", facts))
    end(made, "one.a")
    close(made, "succeeded")
    page, _, markdown = reported(tmp_path)
    row = f"| reader | editor | approved | 2026-11-22 | Reads well. | `sha256:{'1' * 64}` | counts |"
    assert row in markdown
    for part in ("reader", "editor", "Reads well.", "sha256:" + "1" * 64, "approved by reader as editor"):
        assert part in page.text


def test_the_ending_of_the_file_says_the_form_and_no_other_is_known(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.pipeline("  main:\n    nodes:\n      one: { run: echo one }\n")
    desk.orch("apply")
    assert "neither in .md nor in .html" in desk.orch("report", "@last", "-o", "report.pdf", code=2).err
    desk.write("report.md", "old")
    before = {path: data for path, data in desk.files().items() if "/.runs/" in path}
    desk.orch("report", "@last", "-o", "report.md")
    assert (desk.folder / "report.md").read_text().startswith("# main: ✓ succeeded\n")
    desk.orch("report", "@last", "-o", "report.html")
    assert (desk.folder / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert {path: data for path, data in desk.files().items() if "/.runs/" in path} == before
    (command,) = re.findall(r"orch (verify .*)", (desk.folder / "report.md").read_text())
    desk.orch(*command.split())


def test_a_finally_node_reports_the_run_that_it_belongs_to(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    final = 'finally:\n  report: { run: [orch, report, "${{ run.id }}", -o, report.html] }\n'
    desk.pipeline("  main:\n    nodes:\n      one: { run: exit 3 }\n", final)
    desk.orch("apply", code=1)
    assert desk.node("finally.report")["status"] == "succeeded"
    page = Page((desk.folder / "report.html").read_text())
    assert "what is over has failed" in page.text
    assert "main.one" in page.text


def test_a_browser_shows_a_page_as_it_is_meant(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed")
    hostile(tmp_path)
    (tmp_path / "report.html").write_text(reported(tmp_path)[1])
    desk = Desk.at(tmp_path, "browser")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
    options += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    data = f"--user-data-dir={tmp_path / 'profile'}"
    page = f"file://{tmp_path / 'report.html'}"
    said = desk.run([browser, *options, data, "--dump-dom", page], code=None)
    if said.code:
        pytest.skip(f"chromium does not start here: exit {said.code}")
    shown = Page(said.out)
    assert "What failed" in shown.text
    assert not shown.of("script")

"""Who made what nodes made: whoever started the run, and whoever took it up for what comes before the gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import PROJECT, Desk

WHEEL = """
  one: { nodes: { w: { run: "cat f > wheel", artifacts: { wheel: wheel } } } }
  two:
    gates:
      ok: { approval: { subject: ["artifact:w.wheel"], require: { editor: 1 }, exclude: [author], trust: file } }
    nodes: { push: { run: test -e ok } }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A run of `writer` that waits."""
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("f", "good\n")
    desk.pipeline(WHEEL)
    desk.run(["git", "init", "-q"])
    as_(desk, "writer")
    desk.orch("apply", code=4)
    return desk


def as_(desk: Desk, handle: str) -> None:
    desk.run(["git", "config", "user.email", f"{handle}@project.example"])


def approved_by(desk: Desk, handle: str) -> str:
    said = desk.orch("approve", "two.ok", "--role", "editor", "--by", handle, "--run", "@last", code=None)
    return "O314" if "O314" in said.text else str(said.code)


def test_who_made_the_artifact_anew_by_a_retry_is_its_author(desk: Desk) -> None:
    desk.write("f", "bad\n")
    as_(desk, "reader")
    desk.orch("retry", "@last", "--only", "w", code=4)
    assert [approved_by(desk, one) for one in ("writer", "reader", "second")] == ["O314", "O314", "0"]
    desk.write("ok", "")
    desk.orch("resume", "@last")
    desk.orch("verify", "@last")


def test_who_takes_a_run_up_for_what_is_behind_the_gate_is_no_author(desk: Desk) -> None:
    assert approved_by(desk, "reader") == "0"
    as_(desk, "reader")
    desk.orch("resume", "@last", code=1)
    desk.write("ok", "")
    desk.orch("retry", "@last", "--failed")


def test_an_artifact_that_somebody_unknown_made_anew_keeps_the_gate_shut(desk: Desk) -> None:
    as_(desk, "stranger")
    said = desk.orch("retry", "@last", "--only", "w", code=4)
    assert "taken up by a git identity that is nobody's in orch.yaml" in said.text

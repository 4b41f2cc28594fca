"""What the commands behind a gate find in `$ORCH_SUBJECT`: what the gate has opened on, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import PROJECT, Desk

SHIP = """
  ship:
    gates: { seen: { approval: { subject: ["doc/**"], require: { editor: 1 } } } }
    nodes: { push: { run: '(cd "$ORCH_SUBJECT/seen"; find . -type f | sort); test -e ok' } }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("doc/a.md", "a\n")
    desk.write("doc/b.md", "b\n")
    desk.pipeline(SHIP)
    return desk


def approve(desk: Desk) -> None:
    desk.orch("approve", "seen", "--role", "editor", "--by", "reader")


def failed(desk: Desk) -> None:
    """The gate has opened, and the node behind it has failed."""
    desk.orch("apply", code=4)
    approve(desk)
    desk.orch("resume", "@last", code=1)


def test_a_file_that_is_gone_when_a_gate_opens_again_is_not_laid_out_any_more(desk: Desk) -> None:
    failed(desk)
    (desk.folder / "doc/b.md").unlink()
    approve(desk)
    desk.write("ok", "")
    desk.orch("retry", "@last", "--failed")
    subjects = desk.run_dir() / "subjects/seen"
    assert [str(path.relative_to(subjects)) for path in subjects.rglob("*") if path.is_file()] == ["doc/a.md"]
    assert "./doc/b.md" not in desk.orch("runs", "logs", "@last", "ship.push").out.splitlines()[-1]
    desk.orch("verify", "@last")


def test_a_file_that_became_a_folder_is_laid_out_as_one_when_the_gate_opens_again(desk: Desk) -> None:
    failed(desk)
    (desk.folder / "doc/a.md").unlink()
    desk.write("doc/a.md/y", "y\n")
    approve(desk)
    desk.write("ok", "")
    desk.orch("retry", "@last", "--failed")
    assert (desk.run_dir() / "subjects/seen/doc/a.md/y").read_text() == "y\n"
    desk.orch("resume", "@last")
    desk.orch("verify", "@last")


def test_verify_misses_what_was_laid_out_for_a_gate_and_finds_what_was_not(desk: Desk) -> None:
    failed(desk)
    desk.orch("verify", "@last")
    subjects = desk.run_dir() / "subjects"
    (subjects / "seen/doc/c.md").write_text("a\n")  # kept, under another name
    assert codes(desk) == ["O613"]
    shutil.rmtree(subjects)
    assert codes(desk) == ["O610", "O610"]
    desk.orch("resume", "@last", code=1)
    desk.orch("verify", "@last")


def codes(desk: Desk) -> list[str]:
    return [one["code"] for one in json.loads(desk.orch("verify", "@last", "--json", code=7).out)["problems"]]

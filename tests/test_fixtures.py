"""Every fixture pipeline does what its steps say, and leaves exactly the record that was looked at and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from command import ENGINE, Desk
from stage import Step, read_steps
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from orch.testing.normal import Normal

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "pipelines"
NAMES = sorted(path.parent.name for path in FIXTURES.glob("*/steps.txt"))
STAGE = Path(__file__).with_name("stage.py")


class RecordExtension(SingleFileSnapshotExtension):
    """A snapshot is a text file of its own."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    def serialize(self, data: str, **_: object) -> str:
        """A text is kept as it is."""
        return data


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_leaves_the_same_record(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    folder = tmp_path / name
    shutil.copytree(FIXTURES / name, folder)
    steps = read_steps(folder / "steps.txt")
    (folder / "steps.txt").unlink()
    told = play(folder, steps)
    wrong = [
        f"{step.line}: exit {one['code']}\n{one['err']}"
        for step, one in zip(steps, told, strict=True)
        if one["code"] != step.code
    ]
    assert not wrong, "\n".join(wrong)
    assert record(folder, steps, told) == snapshot(extension_class=RecordExtension)


@pytest.mark.parametrize("name", ["diamond", "matrix", "trigger_rules", "values", "wide"])
def test_with_many_jobs_every_step_ends_as_with_one(name: str, tmp_path: Path) -> None:
    ends = []
    for jobs in ("1", "8"):
        desk = Desk.at(tmp_path, f"jobs_{jobs}")
        shutil.copytree(FIXTURES / name, desk.folder, dirs_exist_ok=True)
        desk.orch("apply", "--jobs", jobs, code=None)
        manifests = [json.loads(path.read_text()) for path in (desk.run_dir() / "nodes").iterdir()]
        told = ("status", "reason", "attempt", "exit_code", "outputs", "command", "inputs")
        ends.append({one["address"]: [one.get(key) for key in told] for one in manifests})
    assert ends[0] == ends[1]
    assert ends[0]


def test_the_stage_has_no_state_that_outlives_a_fixture() -> None:
    assert not list(FIXTURES.glob("*/.runs"))


def play(folder: Path, steps: Sequence[Step]) -> list[dict[str, str]]:
    home = folder.parent / "home"
    home.mkdir()
    env = {
        **ENGINE,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LOGNAME": "writer",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    asked = json.dumps({"folder": str(folder), "steps": steps})
    done = subprocess.run(
        [sys.executable, "-W", "error", str(STAGE)], input=asked, env=env, capture_output=True, text=True, check=True
    )
    answer: list[dict[str, str]] = json.loads(done.stdout)
    return answer


def record(folder: Path, steps: Sequence[Step], told: Sequence[dict[str, str]]) -> str:
    """Everything that was said, and every file of every run but its logs and stores, as one text."""
    normal = Normal(str(folder))
    parts = []
    for step, one in zip(steps, told, strict=True):
        said = [
            *(f"  | {line}" for line in one["out"].splitlines()),
            *(f"  ! {line}" for line in one["err"].splitlines()),
        ]
        parts.append("\n".join([f"$ {step.line}", *said]) + "\n")
    for path in files(folder):
        name = path.relative_to(folder).as_posix()
        parts.append(f"=== {name}\n{readable(path)}")
    return normal("\n".join(parts))


def files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("tasks/**/*.yaml"))
    for run in sorted(folder.glob(".runs/*/cli/*")):
        yield from (run / "plan.json", run / "journal.ndjson", run / "manifest.json")
        yield from sorted([*run.glob("nodes/*"), *run.glob("errors/*")])


def readable(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n" if path.name == "plan.json" else text

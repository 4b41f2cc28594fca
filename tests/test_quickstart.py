"""The quick start runs on the sample project through its adapters, and says which test of it is broken, and where.

Its set-up installs what this environment has, from wheels made of that: no test uses a package registry."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command import Desk
from wheels import install_from

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = "pipelines/quickstart.yaml"
SPEC = "tasks/specs/0001-invoice-a-week.md"
BILL = "packages/invoice/src/invoice/bill.py"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The sample project with an approved spec, and its environments made by a run that succeeded."""
    desk = Desk.at(tmp_path_factory.mktemp("quickstart"))
    shutil.copytree(ROOT / "fixtures" / "sample", desk.folder, dirs_exist_ok=True)
    desk.write(PIPELINE, (ROOT / PIPELINE).read_text())
    text = (desk.folder / SPEC).read_text()
    desk.write(SPEC, text.replace("last_review: 2026-01-15", f"last_review: {datetime.now(UTC):%Y-%m-%d}"))
    install_from(desk, "pip", "hatchling", "editables", "pytest", "ruff")
    desk.env |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    desk.run(["git", "init", "--quiet", "--initial-branch", "main"])
    commit(desk, "author")
    desk.orch("approve", "spec_approved", "--role", "spec_owner", "--by", "reviewer", "--pipeline", PIPELINE)
    commit(desk, "reviewer")
    desk.orch("apply", PIPELINE, seconds=600)
    return desk


def commit(desk: Desk, who: str) -> None:
    desk.run(["git", "add", "."])
    identity = ["-c", f"user.name={who}", "-c", f"user.email={who}@hours.example"]
    desk.run(["git", *identity, "commit", "--quiet", "--message", "As it is"])


def test_the_quick_start_succeeds_counts_the_tests_of_both_packages_and_is_whole(sample: Desk) -> None:
    assert {sample.node(f"check.test[{name}]")["tests"]["passed"] for name in ("tally", "invoice")} == {17, 12}
    assert "\ntests    29 passed\n" in sample.orch("runs", "show", "@last").out
    assert "Engine     390.00" in (sample.folder / "dist" / "invoice.txt").read_text()
    sample.orch("verify", "@last")


def test_a_broken_test_of_the_sample_fails_the_run_with_its_name_file_line_and_assertion(sample: Desk) -> None:
    whole = (sample.folder / BILL).read_text()
    sample.write(BILL, whole.replace("ROUND_HALF_UP)", "ROUND_UP)").replace("import ROUND_HALF_UP", "import ROUND_UP"))
    try:
        said = sample.orch("apply", PIPELINE, code=1, seconds=600)
    finally:
        sample.write(BILL, whole)
    assert "1 of 12 tests failed" in said.text
    (artifact,) = (sample.run_dir() / "errors").glob("*.json")
    (finding,) = json.loads(artifact.read_text())["details"]["findings"]
    test = "packages/invoice/tests/test_bill.py"
    lines = (sample.folder / test).read_text().splitlines()
    assert finding["file"] == test
    assert lines[finding["line"] - 1].strip() == "assert bill.amount(minutes, Decimal(rate)) == Decimal(cost)"
    assert "test_time_is_charged_to_the_cent[1-0.29-0.00]" in finding["test"]
    assert "Decimal('0.01') == Decimal('0.00')" in finding["message"]
    shown = sample.orch("runs", "errors", "@last").out
    assert f"found    {test}:{finding['line']}" in shown
    assert sample.node("check.test[tally]")["status"] == "succeeded"

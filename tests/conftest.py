"""Settings of all tests."""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from seeds import SWEEP_SEED

ENGINE = str(Path(__file__).parents[1] / "engine")

settings.register_profile("untimed", deadline=None)  # a busy machine fails no test
settings.load_profile("untimed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which calls were hit, so that they can be hit again."""
    ran = (report.nodeid for found in terminalreporter.stats.values() for report in found if hasattr(report, "nodeid"))
    if any("test_sweep.py::" in node for node in ran):
        terminalreporter.write_line(f"sweep: SWEEP_SEED={SWEEP_SEED}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the engine, once for the processes that tests start: not each may write bytecode, and a mutant takes all
    but its own from here."""
    if not hasattr(session.config, "workerinput") and ENGINE in sys.path:
        compileall.compile_dir(ENGINE, quiet=2)


def _test_this_tree() -> None:
    """The engine beside the tests is tested, here and in every process that a test starts, whichever is installed; a
    mutant, where PYTHONPATH names one."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if not any(Path(path, "orch").is_dir() for path in paths):
        sys.path.insert(0, ENGINE)
        os.environ["PYTHONPATH"] = os.pathsep.join((ENGINE, *paths))


_test_this_tree()

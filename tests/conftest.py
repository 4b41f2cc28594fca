"""Settings of all tests."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from seeds import SWEEP_SEED

settings.register_profile("untimed", deadline=None)  # a busy machine fails no test
settings.load_profile("untimed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which calls were hit, so that they can be hit again."""
    ran = (report.nodeid for found in terminalreporter.stats.values() for report in found if hasattr(report, "nodeid"))
    if any("test_sweep.py::" in node for node in ran):
        terminalreporter.write_line(f"sweep: SWEEP_SEED={SWEEP_SEED}")

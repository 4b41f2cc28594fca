"""What is drawn in a test run: the same at each run, and other calls with other seeds (`SWEEP_SEED=7 make test`)."""

from __future__ import annotations

import os

SWEEP_SEED = int(os.environ.get("SWEEP_SEED", "1"))

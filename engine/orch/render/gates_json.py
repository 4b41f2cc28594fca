"""Gates as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

FORMAT_VERSION = 1


def gates_json(gates: Sequence[Any]) -> str:
    """`{format_version, gates: […]}`, each as the app gives it."""
    return json.dumps({"format_version": FORMAT_VERSION, "gates": [asdict(gate) for gate in gates]}, ensure_ascii=False)


def gate_json(gate: Any) -> str:
    """One gate, `format_version` first."""
    return json.dumps({"format_version": FORMAT_VERSION, **asdict(gate)}, ensure_ascii=False)

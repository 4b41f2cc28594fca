"""When is a failed step tried again? Pure: the delay is drawn from the run, the address and the attempt."""

from __future__ import annotations

import hashlib

from orch.model.plan import StepDoc


def has_probe(step: StepDoc) -> bool:
    """A `once` step that can be asked whether it was done."""
    effect = step.get("effect")
    return isinstance(effect, dict) and "probe" in effect


def hands_over(step: StepDoc) -> bool:
    """A step that declares outputs or artifacts, which only an attempt of this run can give."""
    return bool(step.get("outputs") or step.get("artifacts"))


def is_once(step: StepDoc) -> bool:
    """A step that must not run twice without a recorded decision."""
    return isinstance(step.get("effect"), dict)


def retries(step: StepDoc, reason: str, failures: int) -> bool:
    """Is there another try after this many failures (the present one counted) in this epoch?"""
    retry = step.get("retry")
    return retry is not None and failures <= retry["limit"] and reason in retry["on"]


def delay_ms(step: StepDoc, failures: int, seed: str) -> int:
    """Milliseconds until the next try after `failures` failures. `seed` is `<run>/<address>/<attempt>`."""
    retry = step["retry"]
    base: float = min(retry["delay_seconds"] * retry["backoff"] ** min(failures - 1, 64), retry["max_delay_seconds"])
    draw = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") / 2**64
    return round(base * (1 - retry["jitter"] * draw) * 1000)

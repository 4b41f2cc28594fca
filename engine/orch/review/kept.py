"""Why was the result of a run before used, or not? The two keys side by side, input by input. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orch.model.caching import FILE, because, differences, expanded
from orch.review.explanation import Compared

Listing = Callable[[str], bytes | None]


def kept(cache: Mapping[str, Any], listing: Listing) -> tuple[list[str], list[Compared], list[str]]:
    """Why, the inputs that differ (of a result that was used: those that count), and what would change it. `listing`
    gives the bytes of a list of files by its digest."""
    inputs = expanded(cache.get("inputs", {}), listing)
    counted = f"{len(inputs):,} input{'s' * (len(inputs) != 1)}"
    if cache["hit"]:
        run = cache["run"].rpartition("/")[2]
        lines = [f"it was not run: nothing that it reads has changed since run {run}, whose result it has"]
        rows = [Compared("key", cache["key"], cache["key"]), *(Compared(_name(n), d, d) for n, d in inputs.items())]
        return lines, rows, [f"a change of any of the {counted}"]
    was = cache.get("was")
    if was is None or not inputs:
        lines = [f"it has a `cache`, and no result that could be used: {cache['because']}"]
        rows = [Compared("key", None, cache["key"])] if "key" in cache else []
        return lines, rows, ["another run that reads the same"] if inputs else []
    old, run = expanded(was["inputs"], listing), was["run"].rpartition("/")[2]
    why = because(differences(old, inputs))
    names = [name for name in (*inputs, *(name for name in old if name not in inputs)) if _differ(old, inputs, name)]
    same = len(inputs) - sum(name in inputs for name in names)
    lines = [f"the result of run {run} was not used: {why}", f"{same:,} of {counted} are the same"]
    rows = [Compared("key", was["key"], cache["key"])]
    rows += [Compared(_name(name), old.get(name), inputs.get(name)) for name in names]
    return lines, rows, [f"what differs, as it was in run {run}; or another run that reads the same as this one"]


def _differ(old: Mapping[str, str], new: Mapping[str, str], name: str) -> bool:
    return old.get(name) != new.get(name)


def _name(name: str) -> str:
    return name.removeprefix(FILE)

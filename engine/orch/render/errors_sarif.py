"""Failed attempts as SARIF 2.1.0, as code scanning reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from orch import __version__
from orch.render.failures import Failure, failures

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def errors_sarif(errors: Sequence[Mapping[str, Any]]) -> str:
    """A log of one run. A result's rule is its test, else the reason of the attempt; a place outside of the project has
    an absolute URI, one inside is relative to the project's root."""
    listed = failures(errors)
    rules = list(dict.fromkeys(map(_rule, listed)))
    index = {rule: number for number, rule in enumerate(rules)}
    driver = {"name": "orch", "version": __version__, "rules": [{"id": rule} for rule in rules]}
    results = [_result(each, index[_rule(each)]) for each in listed]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False)


def _rule(failure: Failure) -> str:
    return failure.test or failure.reason


def _result(failure: Failure, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": _rule(failure),
        "ruleIndex": index,
        "level": "warning" if failure.allowed else "error",
        "message": {"text": f"{failure.address}: {failure.message}"},
    }
    if failure.file is not None:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(failure.file)}}
        if failure.line is not None:
            place["region"] = {"startLine": failure.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(path: str) -> str:
    """Percent-encoded; a colon too, before which a name would be taken for a scheme."""
    encoded = quote(path, safe="/~", errors="replace")
    return f"file://{encoded}" if path.startswith("/") else encoded

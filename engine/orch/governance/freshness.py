"""The facts of a freshness gate: what the front matter of a file says."""

from __future__ import annotations

from orch.gates.facts import FreshnessFacts
from orch.governance.inside import Refused, read_inside
from orch.problems.problem import OrchError
from orch.source.read import parse

LIMIT_BYTES = 1 << 20


def observe_freshness(root: str, path: str, field: str) -> FreshnessFacts:
    """The field's value as written. What is wrong with the file is a problem in the facts."""
    try:
        value = _field(read_inside(root, path, LIMIT_BYTES), path, field)
    except Refused as refused:
        return FreshnessFacts(kind="freshness", value=None, problem=refused.trouble)
    return FreshnessFacts(kind="freshness", value=value)


def _field(data: bytes, path: str, field: str) -> str:
    try:
        front = data if path.endswith((".yaml", ".yml")) else _front_matter(data.decode("utf-8-sig"))
        if front is None:
            raise Refused("no-front-matter", path)
        found = parse(front, path).data
    except UnicodeDecodeError as error:
        raise Refused("bad-file", f"{path} is not UTF-8 text") from error
    except OrchError as error:
        raise Refused("bad-file", f"the front matter of {path}: {error.problems[0].message}") from error
    if not isinstance(found, dict) or field not in found:
        raise Refused("no-field", field)
    value = found[field]
    if not isinstance(value, str):
        raise Refused("bad-date", str(value))
    return value


def _front_matter(text: str) -> str | None:
    """What stands between a first line `---` and the next one, with an empty first line so that places agree."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return None
    for at in range(1, len(lines)):
        if lines[at].rstrip() in ("---", "..."):
            return "\n".join(["", *lines[1:at], ""])
    return None

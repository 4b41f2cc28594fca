"""The YAML block below a TAP point, read for what matters: the dialects are no one's YAML, so no parser of YAML."""

from __future__ import annotations

import re

from orch.store.reports.frames import NOWHERE, Place, is_js_frame, js_place

_KEY = re.compile(r"""^([A-Za-z_]\w{0,40}): ?(.*)$""")
_QUOTED = re.compile(r"""^(?:'(.*)'|"(.*)")$""", re.DOTALL)
_BLOCK = re.compile(r"^[|>][-+]?\d?$")
_MOST_LINES = 300
_LONGEST = 2000


class Diagnostics:
    """Feed it the lines after a point while it takes them, then `close` it."""

    def __init__(self) -> None:
        self.kind = ""
        self.is_node = False
        self.is_suite = False
        self.message = ""
        self.place: Place = NOWHERE
        self._indent: int | None = None  # of the open block
        self._is_over = False
        self._lines: list[str] = []

    def take(self, line: str) -> bool:
        """Is this line a part of it? What is indented by 2 without a block is mocha's text."""
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        if self._indent is not None:
            if body.rstrip() == "..." and indent <= self._indent:
                self._indent = None
                self._is_over = True
            else:
                self._keep(line[min(indent, self._indent) :])
            return True
        if self._is_over:
            return False
        if body.rstrip() == "---" and indent and not self._lines:
            self._indent = indent
            return True
        if not body or (indent % 4 == 0 and not self._lines):
            return False
        if indent >= 2:
            self._keep(line[2:])
            return True
        return False

    def _keep(self, line: str) -> None:
        if len(self._lines) < _MOST_LINES:
            self._lines.append(line[:_LONGEST])

    def close(self) -> None:
        """Find what was told."""
        if not self._is_over and self._indent is None:
            self._as_text()
            return
        told = _sections(self._lines)
        self.is_node = "duration_ms" in told
        self.is_suite = told.get("type") == "suite"
        self.kind = told.get("failureType", "")
        inner = _sections(told["error"].splitlines()) if "\n" in told.get("error", "") else {}
        said = inner.get("message") or told.get("error") or told.get("message")
        compared = (
            f"expected {told['expected']}, actual {told['actual']}" if {"expected", "actual"} <= told.keys() else ""
        )
        self.message = said or compared or told.get("diff", "")
        self.place = self._found(told)

    def _found(self, told: dict[str, str]) -> Place:
        at = _sections(told.get("at", "").splitlines())
        if "fileName" in at and at.get("lineNumber", "").isdecimal():
            return Place(at["fileName"], int(at["lineNumber"][:9]))
        places = (js_place(told.get(key, "")) for key in ("stack", "at", "location"))
        return next((place for place in places if place is not NOWHERE), NOWHERE)

    def _as_text(self) -> None:
        frames = [number for number, line in enumerate(self._lines) if is_js_frame(line)]
        self.place = js_place("\n".join(self._lines))
        head = self._lines[: frames[0] if frames else None]
        again = [number for number, line in enumerate(head) if number and re.match(r"\w*(Error|Exception)\b.*: ", line)]
        self.message = "\n".join(head[: again[0] if again else None]).strip()


def _sections(lines: list[str]) -> dict[str, str]:
    """The keys of the outermost level, with their texts."""
    margin = _margin(lines)
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        text = _outdented(line, margin)
        found = _KEY.match(text) if text != line or not margin else None
        if found and found[1] not in sections:
            current = sections[found[1]] = [found[2].strip()]
        else:
            current.append(text)
    return {key: _value(texts) for key, texts in sections.items()}


def _value(texts: list[str]) -> str:
    first, *more = texts
    if _BLOCK.match(first) or not first:
        margin = _margin(more)
        return "\n".join(_outdented(line, margin) for line in more).strip("\n")
    text = "\n".join(texts).strip()
    quoted = _QUOTED.match(text)
    return (quoted[1] or quoted[2] or "").replace("''", "'") if quoted else text


def _margin(lines: list[str]) -> int:
    """How far the first line is in; a quoted text that has line ends may go on further out."""
    return next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)


def _outdented(line: str, margin: int) -> str:
    return line[min(margin, len(line) - len(line.lstrip(" "))) :]

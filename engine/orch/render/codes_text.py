"""The error catalogue: one code, all of them, and the page in the documentation."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping

from orch.problems.code import Code
from orch.render.style import Style

FAMILIES = {
    "O0": "YAML",
    "O1": "Shape",
    "O2": "Graph, references, expressions, planning",
    "O3": "Gates and decisions",
    "O4": "Adapters and the library",
    "O5": "Policy",
    "O6": "Runs and storage",
}
_WIDTH = 88


def code_page(name: str, code: Code, style: Style) -> str:
    """What a code means."""
    width = min(style.width or _WIDTH, _WIDTH)
    body = [_wrapped(paragraph, width) for paragraph in code.text.split("\n\n")]
    return style.ascii("\n\n".join([style.paint(f"{name}: {code.title}", "bold"), *body]))


def code_list(codes: Mapping[str, Code], style: Style) -> str:
    """All codes, one a line."""
    return style.ascii("\n".join(f"{name}  {codes[name].title}" for name in sorted(codes)))


def codes_json(codes: Mapping[str, Code]) -> str:
    """The pages of codes as one object."""
    pages = {name: {"title": codes[name].title, "text": codes[name].text} for name in sorted(codes)}
    return json.dumps({"format_version": 1, "codes": pages}, ensure_ascii=False)


def errors_page(codes: Mapping[str, Code]) -> str:
    """docs/errors.md."""
    lines = ["# Error codes", "`orch explain CODE` prints the same. Generated from the catalogue: `make docs`.", ""]
    for prefix, title in FAMILIES.items():
        family = [name for name in sorted(codes) if name.startswith(prefix)]
        if family:
            lines += [f"## {title}", ""]
        for name in family:
            lines += [f"### {name}: {codes[name].title}", "", codes[name].text, ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _wrapped(paragraph: str, width: int) -> str:
    """Prose is filled; lines that are indented or that belong to an example stay as they are."""
    if "\n" in paragraph:
        return paragraph
    return textwrap.fill(paragraph, width, break_long_words=False, break_on_hyphens=False)

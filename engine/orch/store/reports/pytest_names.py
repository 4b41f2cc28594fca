"""What pytest writes into JUnit XML → the ids, lines and assertions that it prints."""

from __future__ import annotations

import re
from textwrap import dedent

from orch.store.reports.junit_xml import Case, Outcome

_PATH = re.compile(r"^([^\s:][^:\n]{0,500}\.py):\d{1,9}: ", re.MULTILINE)
_MARKED = re.compile(r"^E( |$)")


def is_pytest(case: Case, text: str) -> bool:
    """Did pytest write this case?"""
    told = {"pytest", "pytest tests"} & set(case.suites) or case.attributes.get("file", "").endswith(".py")
    return bool(told) or re.search(r"^E   ", text, re.MULTILINE) is not None


def pytest_id(case: Case, text: str) -> str:
    """`tests/test_cart.py::TestCheckout::test_paid`. Without a `file` the module in the class's name is looked for in
    the traceback; else it ends where a class, with a capital, begins."""
    dotted = case.classname or case.name
    name = [case.name] if case.classname else []  # a file that could not be collected has no class
    paths = [case.attributes.get("file", ""), *_PATH.findall(text)]
    for path in paths:
        module = path.removesuffix(".py").replace("/", ".")
        if module and (dotted == module or dotted.startswith(f"{module}.")):
            return "::".join([path, *filter(None, dotted[len(module) + 1 :].split(".")), *name])
    words = dotted.split(".")
    module_words = next((number for number, word in enumerate(words) if number and word[:1].isupper()), len(words))
    return "::".join(["/".join(words[:module_words]) + ".py", *words[module_words:], *name])


def pytest_line(case: Case) -> int | None:
    """Where the test begins: the attribute counts from 0."""
    line = case.attributes.get("line", "")
    return int(line) + 1 if line.isdecimal() and len(line) < 10 else None


def pytest_message(outcome: Outcome) -> str:
    """The last block of lines that pytest marks with `E`; else the message."""
    block: list[str] = []
    is_open = False
    for line in outcome.text.splitlines():
        is_marked = _MARKED.match(line) is not None
        if is_marked:
            if not is_open:
                block.clear()
            block.append(line[1:])
        is_open = is_marked
    return dedent("\n".join(block)) or outcome.message or outcome.text

"""Every bad document of fixtures/bad is refused with the codes and places of its first line; its twin is not."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from plans import compiled

from orch.app.surroundings import unheard
from orch.governance.roles import check_roles
from orch.plan.expectations import case_of
from orch.plan.stubs import held_against
from orch.problems.catalogue import CODES
from orch.problems.problem import OrchError, Problem
from orch.source.document import Document
from orch.source.read import parse
from orch.spec.children import Family
from orch.spec.load import (
    load_adapter,
    load_case,
    load_goals,
    load_pipeline,
    load_project,
    load_stubs,
    load_test,
)
from orch.spec.report import Report

BAD = sorted((Path(__file__).parent.parent / "fixtures" / "bad").glob("*.yaml"))
NAMES = [path.stem for path in BAD]

STUBBED = {
    "build": {
        "gates": {"agreed": "approval", "good": {"check": "inputs.yes"}},
        "nodes": {"test": {}, "plan": {"outputs": {"n": "integer"}}},
    }
}
"""The phases that the stubs are about."""


def load_whole(document: Document) -> None:
    """Goals, and the pipeline that they are short for."""
    load_pipeline(load_goals(document))


def load_and_hold(document: Document) -> None:
    """Stubs, held against a pipeline."""
    report = Report(document)
    held_against(compiled(STUBBED), load_stubs(document), report)
    report.close()


def load_test_and_hold(document: Document) -> None:
    """A case, held against the same pipeline, in a project with one role."""
    report = Report(document)
    case_of(compiled(STUBBED, roles={"lead": ["ada"]}), load_test(document), report)
    report.close()


LOADERS = {
    ".project": load_project,
    ".adapter": load_adapter,
    ".case": load_case,
    ".stubs": load_and_hold,
    ".test": load_test_and_hold,
    ".goals": load_whole,
}
ELSEWHERE = {
    "O001": "a file that is not there: test_source.py",
    "O002": "bytes that are no text: test_source.py",
    "O004": "a large file: test_source.py",
    "O006": "a deep file: test_source.py",
    "O011": "aliases of aliases: test_source.py",
    "O016": "an installation without libyaml: test_source.py",
    "O017": "an environment variable: test_source.py",
    "O234": "two files: test_children.py",
    "O232": "a place in another file: test_children.py",
    "O255": "a large expression: test_expressions.py",
    "O258": "evaluation: test_expressions.py",
    "O259": "evaluation: test_expressions.py",
    "O260": "evaluation: test_expressions.py",
    "O261": "evaluation: test_expressions.py",
    "O262": "evaluation: test_expressions.py",
    "O263": "a path that an expression gave, known only in a run",
}
"""Codes of O0xx to O26x that no document of the corpus can have, and where they are tested."""


def problems_of(text: str, name: str) -> list[Problem]:
    """What is wrong with a document; with its comment `# beside: {…}` as orch.yaml, where it has one, and with those
    like `# child PATH: {…}` as the pipelines that it opens."""
    beside = re.search(r"^# beside: (.*)$", text, re.MULTILINE)
    try:
        document = parse(text, f"{name}.yaml")
        if load := LOADERS.get(Path(name).suffix):
            load(document)
            return []
        files = dict(re.findall(r"^# child (\S+): (.*)$", text, re.MULTILINE)) | {f"{name}.yaml": text}
        pipeline = load_pipeline(document, Family(partial(read_of, files), parse))
        project = load_project(parse(beside[1], "orch.yaml")) if beside else None
        if project is None:
            return []
        return [*check_roles(pipeline, project, document), *unheard(pipeline, project, document)]
    except OrchError as error:
        return error.problems


def read_of(files: dict[str, str], path: str) -> bytes:
    """A file of these."""
    if path not in files:
        raise FileNotFoundError(2, "No such file or directory", path)
    return files[path].encode()


def expected(text: str) -> list[str]:
    """The codes and places, as `O101 9:5`, of the first comment."""
    found = re.match(r"# expect: (.+)\n", text)
    assert found, "the first line says what is expected: # expect: O101 9:5"
    return found[1].split(", ")


def twin(text: str) -> str | None:
    """The document with the line replaced that its comment `# fix: line 9: <text>` names."""
    found = re.search(r"^# fix: line ([0-9]+): (.*)$", text, re.MULTILINE)
    if not found:
        return None
    lines = text.split("\n")
    lines[int(found[1]) - 1] = found[2]
    return "\n".join(lines)


@pytest.mark.parametrize("path", BAD, ids=NAMES)
def test_a_bad_document_is_refused_with_exactly_these_codes_and_places(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = problems_of(text, path.stem)
    shown = [f"{problem.code} {problem.at.line}:{problem.at.column}" for problem in found if problem.at]
    assert shown == expected(text), [problem.message for problem in found]


@pytest.mark.parametrize("path", BAD, ids=NAMES)
def test_the_twin_of_a_bad_document_one_line_different_is_accepted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    good = twin(text)
    if good is None:
        assert "# fix:" not in text
        return
    assert [(problem.code, problem.at, problem.message) for problem in problems_of(good, path.stem)] == []


@pytest.mark.parametrize("path", BAD, ids=NAMES)
def test_a_problem_says_what_is_wrong_at_a_place_on_its_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    for problem in problems_of(text, path.stem):
        assert problem.at is not None
        assert problem.code in CODES
        assert problem.at.source_line == lines[problem.at.line - 1]
        assert problem.at.column < problem.at.end_column + (problem.code == "O013")
        assert problem.at.end_column <= max(len(problem.at.source_line), 1) + 1
        assert problem.message
        assert "\n" not in problem.message
        assert not problem.message.endswith(".")


def test_every_code_about_documents_has_a_document_or_another_test() -> None:
    families = [code for code in CODES if code < "O280"]
    in_corpus = {place.split()[0] for path in BAD for place in expected(path.read_text(encoding="utf-8"))}
    assert [code for code in families if code not in in_corpus and code not in ELSEWHERE] == []
    assert [code for code in ELSEWHERE if code in in_corpus or code not in CODES] == []
    tests = Path(__file__).parent
    for code, where in ELSEWHERE.items():
        if not where.endswith(".py"):
            continue
        assert code in (tests / where.rsplit(" ", 1)[1]).read_text(encoding="utf-8"), code


def test_most_bad_documents_have_a_twin() -> None:
    twins = [path for path in BAD if twin(path.read_text(encoding="utf-8"))]
    assert len(BAD) >= 150
    assert len(twins) > len(BAD) * 3 / 4

"""The cases beside pipelines: which there are, what is wrong with one, and whether they hold. Nothing is started."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from orch.app.context import Context
from orch.app.root import find_root, shown
from orch.problems.problem import Exit, OrchError, Problem

if TYPE_CHECKING:
    from orch.model.compiled import Compiled
    from orch.plan.difference import Difference
    from orch.plan.expectations import Case
    from orch.source.document import Document
    from orch.spec.case import PipelineCase

BESIDE = ".tests"
"""The cases of pipelines/NAME.yaml lie in pipelines/NAME.tests."""
BEGIN = "begin with `description:` and `expect:`"
_YAML = (".yaml", ".yml")
_AT_ONCE = 1 << 20  # whatever can begin does, so that what must wait is seen to wait


class Held(NamedTuple):
    """A case of a pipeline, and what is not as it says."""

    pipeline: str
    path: str
    description: str
    differences: Sequence[Difference]


def is_case(path: str) -> bool:
    """Does this path lead into a folder of cases?"""
    return os.path.basename(os.path.dirname(path)).endswith(BESIDE) and path.endswith(_YAML)


def hold_cases(context: Context, paths: Sequence[str]) -> list[Held]:
    """Hold pipelines to their cases: those in these files and folders, or of these pipelines; without any, all below
    pipelines/. Raises OrchError with the mistakes in cases and pipelines, and where there is no case."""
    from orch.run.rehearse import differences

    plans = Plans(context)
    held: list[Held] = []
    problems: list[Problem] = []
    for path in _cases(context, plans.root, paths):
        display = shown(plans.root, context.cwd, path)
        try:
            plan, written, case = load_case_of(plans, path, display)
        except OrchError as error:
            problems += [problem for problem in error.problems if problem not in problems]
            continue
        held.append(Held(plan.head["pipeline"]["path"], display, written.description, differences(plan, case)))
    if problems:
        raise OrchError(problems)
    if not held:
        what = f" in {', '.join(paths)}" if paths else ""
        hint = "write pipelines/NAME.tests/first.yaml; `orch explain O295` shows one"
        raise OrchError(Problem("O295", f"there is no case{what}", hint=hint), Exit.USAGE)
    return held


def load_case_of(plans: Plans, path: str, display: str) -> tuple[Compiled, PipelineCase, Case]:
    """A case as written, and held against the plan of its pipeline with its inputs. Raises OrchError with all that is
    wrong with it, or with its pipeline."""
    from orch.plan.expectations import case_of
    from orch.source.read import parse
    from orch.spec.load import load_test
    from orch.spec.report import Report

    document = parse(_read(path, display), display, begin=BEGIN)
    written = load_test(document)
    pipeline = _pipeline_of(path, document)
    report = Report(document)
    plans.check_inputs(pipeline, written, report)
    report.close()
    plan = plans.of(pipeline, written.inputs)
    case = case_of(plan, written, report)
    report.close()
    return plan, written, case


class Plans:
    """The plans of the pipelines that cases are about, each made once."""

    def __init__(self, context: Context) -> None:
        self.root = find_root(context.cwd)
        self._context = context
        self._made: dict[tuple[str, str], Compiled] = {}

    def of(self, pipeline: str, inputs: dict[str, Any]) -> Compiled:
        """The plan of a pipeline with these inputs, in which everything that can may begin at once."""
        from orch.app.planning import PlanRequest, make_plan

        given = tuple(f"{name}={_given(value)}" for name, value in inputs.items())
        key = (pipeline, repr(given))
        if key not in self._made:
            self._made[key] = make_plan(self._context, PlanRequest(pipeline, given, jobs=_AT_ONCE)).compiled
        return self._made[key]

    def check_inputs(self, pipeline: str, case: PipelineCase, report: Any) -> None:
        """Report inputs that the pipeline does not take, at their places in the case."""
        from orch.source.read import parse
        from orch.spec.inputs import check_given
        from orch.spec.load import load_pipeline

        display = shown(self.root, self._context.cwd, pipeline)
        check_given(load_pipeline(parse(_read(pipeline, display), display)), case.inputs, report)


def _given(value: Any) -> str:
    """As `--input` takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pipeline_of(path: str, document: Document) -> str:
    stem = os.path.dirname(path).removesuffix(BESIDE)
    for ending in _YAML:
        if os.path.isfile(stem + ending):
            return stem + ending
    name = os.path.basename(stem)
    message = f"there is no pipeline {name}.yaml beside {name}{BESIDE}"
    hint = f"name the folder after the pipeline whose cases are in it: NAME{BESIDE} for NAME.yaml"
    raise OrchError(Problem("O290", message, document.span(()), hint))


def _cases(context: Context, root: str, paths: Sequence[str]) -> Iterator[str]:
    """The files of cases, each once, in order."""
    seen: set[str] = set()
    for given in paths or [os.path.join(root, "pipelines")]:
        for path in _below(os.path.join(context.cwd, given), given, must_be=bool(paths)):
            if path not in seen:
                seen.add(path)
                yield path


def _below(path: str, given: str, *, must_be: bool) -> Iterator[str]:
    if os.path.isdir(path):
        for folder, folders, names in os.walk(path):
            folders.sort()
            if folder.endswith(BESIDE):
                yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(_YAML))
    elif is_case(path):
        yield path
    elif path.endswith(_YAML) and os.path.isfile(path):
        beside = path.rpartition(".")[0] + BESIDE
        if os.path.isdir(beside):
            yield from _below(beside, given, must_be=True)
    elif must_be:
        hint = "name a pipeline, a case, or a folder with such"
        raise OrchError(Problem("O287", f"{given} is none of these, or is not there", hint=hint), Exit.USAGE)


def _read(path: str, display: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        hint = "orch test, without a path, finds the cases"
        raise OrchError(
            Problem("O287", f"{display} cannot be read: {error.strerror}", hint=hint), Exit.USAGE
        ) from error

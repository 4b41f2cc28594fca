"""`--input NAME=VALUE` → the typed inputs of a run, or every reason why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orch.problems.problem import Exit, OrchError, Problem
from orch.source import strict_json
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.pipeline import Input, Pipeline
from orch.spec.report import Report
from orch.spec.values import mismatch

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


def bind(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, Any]:
    """The value of every input, in the order declared; lists are JSON, booleans `true` and `false`. Raises OrchError
    with exit 2 and all that is wrong."""
    problems = [_unknown(pipeline, name) for name in given if name not in pipeline.inputs]
    bound: dict[str, Any] = {}
    for name, declared in pipeline.inputs.items():
        if name in given:
            try:
                value = _read(declared, given[name])
            except ValueError as error:
                problems.append(_refused(name, declared, given[name], str(error), None))
                continue
            if wrong := mismatch(declared, value):
                problems.append(_refused(name, declared, given[name], *wrong))
            bound[name] = value
        elif declared.default is None:
            hint = f"pass --input {_example(name, declared)}"
            problems.append(Problem("O113", f"the input `{name}` must be given", hint=hint))
        else:
            bound[name] = list(declared.default) if isinstance(declared.default, tuple) else declared.default
    if problems:
        raise OrchError(problems, Exit.USAGE)
    return bound


def check_given(pipeline: Pipeline, given: Mapping[str, Any], report: Report) -> None:
    """Report typed values, below `inputs` of a document, that the pipeline does not take, and those that it lacks."""
    for name, value in given.items():
        if (declared := pipeline.inputs.get(name)) is None:
            near = nearest(name, pipeline.inputs)
            hint = f"did you mean `{near}`?" if near else f"its inputs are {names_text(pipeline.inputs)}"
            report.add("O114", f"the pipeline has no input `{name[:48]}`", ("inputs", name), hint, key=True)
        elif wrong := mismatch(declared, value):
            report.add("O112", f"the input `{name}` {wrong[0]}", ("inputs", name), wrong[1])
    for name, declared in pipeline.inputs.items():
        if declared.default is None and name not in given:
            report.add("O113", f"the input `{name}` must be given", ("inputs",), "add it below `inputs`", key=True)


def _read(declared: Input, text: str) -> Any:
    match declared.type:
        case "integer":
            if not _INTEGER.fullmatch(text):
                raise ValueError("is not a whole number")
            return int(text)
        case "number":
            if _INTEGER.fullmatch(text):
                return int(text)
            if not _NUMBER.fullmatch(text) and not _prints_back(text):
                raise ValueError("is not a number")
            return float(text)
        case "boolean":
            if text not in ("true", "false"):
                raise ValueError("is not `true` or `false`")
            return text == "true"
        case "list":
            try:
                return strict_json.loads(text)
            except (ValueError, RecursionError):
                raise ValueError("is not a list in JSON") from None
    return text


def _prints_back(text: str) -> bool:
    """Is this a number as plans and YAML write it, such as `1e-05`?"""
    try:
        return repr(float(text)) == text
    except ValueError:
        return False


def _unknown(pipeline: Pipeline, name: str) -> Problem:
    near = nearest(name, pipeline.inputs)
    if near:
        hint = f"did you mean --input {near}=…?"
    else:
        hint = f"the inputs are {names_text(pipeline.inputs)}" if pipeline.inputs else "the pipeline has no inputs"
    return Problem("O114", f"the pipeline has no input `{name[:48]}`", hint=hint)


def _refused(name: str, declared: Input, text: str, why: str, hint: str | None) -> Problem:
    shown = text if len(text) <= 48 else text[:47] + "…"
    return Problem(
        "O112", f"the input `{name}`: `{shown}` {why}", hint=hint or f"pass --input {_example(name, declared)}"
    )


def _example(name: str, declared: Input) -> str:
    match declared.type:
        case "integer" | "number":
            value = "3"
        case "boolean":
            value = "true"
        case "enum":
            value = declared.values[0]
        case "list":
            item = {"string": '"a"', "boolean": "true"}.get(declared.items or "string", "1")
            return f"'{name}=[{item}]'"
        case _:
            return f"{name}=…"
    return f"{name}={value}"
